#!/usr/bin/env python3
"""Alerts against engine/alerts/alert.schema.json: every alert that a generated world gives is
valid, its members stand in the order of interfaces (that of the schema's properties), and a
damaged one is refused.
"""
import copy
import json
import sys
import tempfile

import jsonschema
import world

SCHEMA = json.loads((world.ROOT / "engine/alerts/alert.schema.json").read_text())


def resolve(schema):
    while "$ref" in schema:
        here = SCHEMA
        for part in schema["$ref"].removeprefix("#/").split("/"):
            here = here[part]
        schema = here
    return schema


def out_of_order(value, schema, path="alert"):
    """Objects whose members are not those of the schema's properties in their order."""
    schema = resolve(schema)
    if isinstance(value, dict) and "properties" in schema:
        if list(value) != [name for name in schema["properties"] if name in value]:
            yield path
        for name, member in value.items():
            if name in schema["properties"]:
                yield from out_of_order(member, schema["properties"][name], f"{path}.{name}")
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for member in value:
            yield from out_of_order(member, schema["items"], path + "[]")


DAMAGES = [
    ("no id", lambda a: a.pop("id")),
    ("no data", lambda a: a.pop("data")),
    ("no evidence", lambda a: a["data"].pop("evidence")),
    ("an unknown type", lambda a: a.update(type="ringfence.alert.lost")),
    ("an unknown severity", lambda a: a["data"].update(severity="huge")),
    ("a number for the rule", lambda a: a["data"].update(rule=7)),
    ("a time that is none", lambda a: a.update(time="noon")),
    ("a sequence number as text", lambda a: a["data"].update(seq="1")),
]


def main():
    validator = jsonschema.validators.validator_for(SCHEMA)
    validator.check_schema(SCHEMA)
    check = validator(SCHEMA)
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        alerts = [json.loads(line) for line in world.replay(world.make(folder)).splitlines()]
    for number, alert in enumerate(alerts, 1):
        failures += [f"alert {number}: {error.message}" for error in check.iter_errors(alert)]
        failures += [f"alert {number}: order of {path}" for path in out_of_order(alert, SCHEMA)]
    if len({alert["data"]["rule"] for alert in alerts}) < 10:
        failures.append(f"only {len(alerts)} alerts, too few to judge by")
    if [alert["data"]["seq"] for alert in alerts] != list(range(1, len(alerts) + 1)):
        failures.append("seq does not count 1, 2, ...")
    for name, damage in DAMAGES:
        broken = copy.deepcopy(alerts[0])
        damage(broken)
        if check.is_valid(broken):
            failures.append(f"accepted although damaged: {name}")
    print(*failures[:40], sep="\n")
    print(f"{len(alerts)} alerts and {len(DAMAGES)} damaged ones; {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

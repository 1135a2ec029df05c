#!/usr/bin/env python3
"""rules/README.md tells the truth: its rules pass check and their tests, it names every field and
function that the engine knows and no other, and each shipped rule has its line in its pack.
"""
import pathlib
import re
import sys
import tempfile

import world

RULES = world.ROOT / "rules"
TEXT = (RULES / "README.md").read_text()


def table_names(heading):
    part = TEXT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"`([a-z_][\w.]*)[`(]", part))


def defined(path, macro):
    text = (world.ROOT / "engine" / path).read_text()
    return {name for name in re.findall(macro + r'\(\w+, "([\w.]+)"', text) if name}


def examples(failures):
    blocks = re.findall(r"```yaml\n(version: 1\n.*?)```", TEXT, re.DOTALL)
    with tempfile.TemporaryDirectory() as folder:
        for number, block in enumerate(blocks, 1):
            path = pathlib.Path(folder) / f"example{number}.yaml"
            path.write_text(block)
            try:
                # Overrides are about rules that are there.
                packs = [RULES / "packs"] if "\noverrides:" in block else []
                world.run("test", *packs, path)
            except RuntimeError as error:
                failures.append(f"example {number}: {error}")
    return len(blocks)


def names(failures):
    known = {
        "Fields": (defined("model/fields.def", "FIELD") | defined("model/fields.def", "PARTY"),
                   table_names("Fields")),
        "Expressions": (defined("detect/functions.def", "FUNCTION"), table_names("Expressions")),
        "Aggregates": (defined("detect/aggregates.def", "AGGREGATE"), table_names("Aggregates")),
    }
    for part, (there, told) in known.items():
        failures.extend(f"{part}: {name} is not told" for name in sorted(there - told))
    fields = known["Fields"][0] | {"party.role", "site.country", "site.tz"}
    told = {name for name in table_names("Fields") if "." in name}
    failures.extend(f"Fields: there is no {name}" for name in sorted(told - fields))


def packs(failures):
    for pack in sorted((RULES / "packs").iterdir()):
        ids = {found for path in pack.glob("*.yaml")
               for found in re.findall(r"^  - id: (\S+)$", path.read_text(), re.MULTILINE)}
        told = set(re.findall(r"^\| `([\w.]+)` \|", (pack / "README.md").read_text(), re.MULTILINE))
        failures.extend(f"{pack.name}: no line for {name}" for name in sorted(ids - told))
        failures.extend(f"{pack.name}: there is no rule {name}" for name in sorted(told - ids))


def main():
    failures = []
    count = examples(failures)
    if count < 2:
        failures.append("no examples found")
    names(failures)
    packs(failures)
    print(*failures, sep="\n")
    print(f"{count} examples; {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Codes, fmt, docs and schema: a file with one mistake gives its code; shipped rules laid out mean the same and stay as they are when laid out
again; the reference and the schema know every key, word, field and function that the engine's
tables hold; the schema accepts what `check` accepts and refuses it damaged.
"""
import copy
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import jsonschema
import world
import yaml

RULES = [world.ROOT / "rules/packs", world.ROOT / "tests/rules"]
SHARED = world.ROOT.parent / "shared/rule-examples"
ENGINE = world.ROOT / "engine"


def ringfence(*arguments):
    command = [str(world.PROGRAM), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def rule_files():
    folders = RULES + [SHARED / "packs", SHARED / "site"] * SHARED.exists()
    return [path for folder in folders for path in sorted(folder.rglob("*.yaml"))]


# ---- fmt ----

def content(path):
    """What a file says, keys of maps without their order; that of let is kept."""
    def plain(value):
        if isinstance(value, list):
            return [plain(item) for item in value]
        if isinstance(value, dict):
            order = list(value["let"]) if isinstance(value.get("let"), dict) else []
            return {"": order, **{key: plain(item) for key, item in value.items()}}
        return value
    return plain(yaml.load(path.read_text(), yaml.BaseLoader))


def comments(path):
    return sorted(line.split("#", 1)[1].strip() for line in path.read_text().splitlines()
                  if line.lstrip().startswith("#"))


def fmt_keeps(failures):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for number, pack in enumerate(RULES):
            shutil.copytree(pack, folder / str(number))
        before = {path: (content(path), comments(path)) for path in folder.rglob("*.yaml")}
        told = ringfence("fmt", "--check", folder)
        named = set(map(pathlib.Path, told.stdout.split()))
        texts = {path: path.read_text() for path in before}
        if ringfence("fmt", folder).returncode:
            failures.append("fmt: fails on shipped rules")
        for path, was in before.items():
            if (content(path), comments(path)) != was:
                failures.append(f"fmt: {path.name} says something else")
            if (path.read_text() != texts[path]) != (path in named):
                failures.append(f"fmt: --check is wrong about {path.name}")
        if told.returncode != (1 if named else 0):
            failures.append(f"fmt --check: {told.returncode}, names {len(named)}")
        if ringfence("fmt", "--check", folder).returncode:
            failures.append("fmt: what is laid out is not laid out")
        for number in range(len(RULES)):
            done = ringfence("test", folder / str(number))
            if done.returncode:
                failures.append(f"fmt: tests fail afterwards: {done.stdout[-300:]}")


def fmt_writes(failures):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "a.yaml"
        link = pathlib.Path(folder) / "link.yaml"
        path.write_text("a:\n- 1\n")
        path.chmod(0o640)
        link.symlink_to("a.yaml")
        shown = ringfence("fmt", "--stdout", path)
        if shown.stdout != "a:\n  - 1\n" or path.read_text() != "a:\n- 1\n":
            failures.append(f"fmt --stdout: {shown}")
        ringfence("fmt", link)
        if path.read_text() != "a:\n  - 1\n" or path.stat().st_mode & 0o777 != 0o640:
            failures.append("fmt: file or its mode")
        if not link.is_symlink() or len(list(pathlib.Path(folder).iterdir())) != 2:
            failures.append("fmt: a link is replaced, or something left over")
        for text, says in (("a: [\n", "error[E002]"), ("? a\n: b\n", "left as it is")):
            path.write_text(text)
            done = ringfence("fmt", path)
            if done.returncode != 1 or says not in done.stderr or path.read_text() != text:
                failures.append(f"fmt: {text!r} gives {done}")


# ---- the engine's tables ----

def key_tables():
    """(names in order, those needed) of every map that a loader reads, without what is not built."""
    row = r'\{"(\w+)", YAML_\w+, (true|false), (true|false)\}'
    for path in sorted((ENGINE / "detect").glob("*.c")):
        for block in re.findall(r"struct schema_key \w+\[\w+\] = \{(.*?)\n\t?\};", path.read_text(),
                                re.DOTALL):
            rows = re.findall(row, block)
            if rows:
                yield path.name, [(name, needed) for name, needed, later in rows if later == "false"]
    rows = re.findall(r'^RULE_KEY\(\w+, "(\w+)", \w+, (\w+), (\w+)\)',
                      (ENGINE / "detect/rule_keys.def").read_text(), re.MULTILINE)
    yield "rule_keys.def", [(name, needed) for name, needed, later in rows if later == "false"]


def word_tables():
    """Every set of words that a loader knows."""
    for path in (ENGINE / "detect").glob("*.c"):
        for block in re.findall(r"char \*const \w+\[\] = \{(.*?)\};", path.read_text(), re.DOTALL):
            yield frozenset(re.findall(r'"([^"]+)"', block))
    kinds = re.findall(r'^KIND\(\w+, "(\w+)"\)', (ENGINE / "model/kinds.def").read_text(),
                       re.MULTILINE)
    yield frozenset(kinds)
    yield frozenset(kinds) - {"signal", "score"}
    yield frozenset({"1"})


def maps_of(schema):
    return [schema] + [part for part in schema["$defs"].values() if "required" in part]


def schema_is_complete(schema, failures):
    told = [[(name, "true" if name in part["required"] else "false") for name in part["properties"]]
            for part in maps_of(schema)]
    tables = list(key_tables())
    for place, table in tables:
        if table not in told:
            failures.append(f"schema: no map for {place}: {[name for name, _ in table]}")
    for part in told:
        if part not in [table for _, table in tables]:
            failures.append(f"schema: nobody reads the map {[name for name, _ in part]}")
    words = set(word_tables())
    for part in maps_of(schema):
        for name, key in part["properties"].items():
            enum = key.get("enum") or key.get("items", {}).get("enum")
            if enum and frozenset(word for word in enum if isinstance(word, str)) not in words:
                failures.append(f"schema: words of {name}: {enum}")
            if not key.get("description", "").endswith("."):
                failures.append(f"schema: {name} is not explained")
    classes = {line.split(",")[0] for line in
               (world.ROOT / "rules/classes.csv").read_text().splitlines()[1:]}
    if set(schema["$defs"]["rule"]["properties"]["class"]["enum"]) != classes:
        failures.append("schema: classes are not those of classes.csv")


# ---- the schema on rules ----

class Typed(yaml.BaseLoader):
    """Numbers and truth values as an editor's YAML 1.2 has them."""


Typed.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))
Typed.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"),
                            list("-+0123456789"))
Typed.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]*\.[0-9]+$"),
                            list("-+.0123456789"))
Typed.add_constructor("tag:yaml.org,2002:bool",
                      lambda loader, node: loader.construct_scalar(node) == "true")
Typed.add_constructor("tag:yaml.org,2002:int",
                      lambda loader, node: int(loader.construct_scalar(node)))
Typed.add_constructor("tag:yaml.org,2002:float",
                      lambda loader, node: float(loader.construct_scalar(node)))

DAMAGES = [
    ("no version", lambda f: f.pop("version")),
    ("another version", lambda f: f.update(version=2)),
    ("unknown key of a file", lambda f: f.update(rule=[])),
    ("rules as a map", lambda f: f.update(rules={})),
    ("no title", lambda f: f["rules"][0].pop("title")),
    ("unknown key of a rule", lambda f: f["rules"][0].update(windw="10m")),
    ("unknown class", lambda f: f["rules"][0].update({"class": "scam"})),
    ("a window without unit", lambda f: f["rules"][0].update(window="10")),
    ("a revision that is no number", lambda f: f["rules"][0].update(rev="one")),
    ("unknown kind", lambda f: f["rules"][0].update(on="calls")),
    ("a list of lets", lambda f: f["rules"][0].update(let=["count()"])),
    ("unknown key of a parameter", lambda f: f["rules"][0]["params"]["max_ring"].update(unit="s")),
    ("unknown type", lambda f: f["rules"][0]["params"]["max_ring"].update(type="time")),
    ("tune is no truth", lambda f: f["rules"][0]["params"]["max_ring"].update(tune="maybe")),
    ("suppress without for", lambda f: f["rules"][0]["suppress"].pop("for")),
    ("a test without expect", lambda f: f["rules"][0]["tests"][0].pop("expect")),
    ("unknown field", lambda f: f["rules"][0]["tests"][0]["given"][0]["event"].update(ringg="1s")),
    ("unknown word of a field",
     lambda f: f["rules"][0]["tests"][0]["given"][0]["event"].update({"trunk.role": "intl"})),
]


def schema_fits(schema, failures):
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    check = validator(schema)
    for path in rule_files():
        for loader in (yaml.BaseLoader, Typed):
            for error in check.iter_errors(yaml.load(path.read_text(), loader)):
                failures.append(f"schema: {path.name} {error.json_path}: {error.message[:80]}")
    good = yaml.load((RULES[0] / "core-voice/10-callback.yaml").read_text(), Typed)
    for name, damage in DAMAGES:
        broken = copy.deepcopy(good)
        damage(broken)
        if check.is_valid(broken):
            failures.append(f"schema: accepted although damaged: {name}")


# ---- docs ----

def docs_are_complete(failures):
    text = world.run("docs").decode()
    told = {part.split("\n", 1)[0]: set(re.findall(r"^\| `@?([\w.]+)[`(]", part, re.MULTILINE))
            for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]}
    tables = {"Fields": ("model/fields.def", r'(?:FIELD|PARTY)\(\w+, "([\w.]+)"'),
              "Functions": ("detect/functions.def", r'FUNCTION\(\w+, "(\w+)"'),
              "Aggregates": ("detect/aggregates.def", r'AGGREGATE\(\w+, "(\w+)"'),
              "Keys": ("detect/rule_keys.def", r'RULE_KEY\(\w+, "(\w+)"')}
    for part, (path, row) in tables.items():
        missing = set(re.findall(row, (ENGINE / path).read_text())) - told.get(part, set())
        failures.extend(f"docs: {part}: {name} is missing" for name in sorted(missing))
    for name in ("new", "usual", "spread", "zscore"):
        if name not in told["Functions"]:
            failures.append(f"docs: {name}() is missing")
    if "dno" not in told.get("Lists", set()):
        failures.append("docs: lists are missing")
    failures.extend(f"docs: nothing about {line}" for line in
                    re.findall(r"^\| `.*\|\s*\|$", text, re.MULTILINE))
    alone = world.run("docs", "functions").decode()
    if not alone.startswith("## Functions") or alone not in text:
        failures.append("docs functions: is not that part of docs")
    if ringfence("docs", "function").returncode != 2:
        failures.append("docs function: should be refused")


# ---- codes ----

RULE = """version: 1
lists: {"@a": {type: num, inline: []}, "@w": {type: num, dynamic: true}}
rules:
  - {id: s, rev: 1, title: t, class: other, severity: low, on: call, key: caller.num, emit: signal,
     where: answered, output: {summary: s, fields: callee.num}}
  - id: r
    rev: 1
    title: t
    class: other
    severity: low
    on: call
    key: caller.num
    window: 1h
    when: count() > 3
"""
WINDOW = "    window: 1h\n    when: count() > 3\n"
SHAPE = "    on: call\n    key: caller.num\n" + WINDOW
OVERRIDE = "overrides:\n  - {rule: site.local/r, base_rev: 1, by: b, reason: w, %s}\n"
STEP = "on: call, key: caller.num"
SEQUENCE = "    sequence: {within: 1h, key: k, steps: [%s]}\n"

# code: (a piece of RULE, what stands there for it); "" is the end of the file.
MISTAKES = {
    "E002": ("", "    let: [\n"),
    "E010": ("    window:", "    windw:"),
    "E011": ("    title: t\n", ""),
    "E012": ("", "    rev: 2\n"),
    "E013": ("title: t\n    class", "title: &t t\n    class"),
    "E014": ("title: t\n    class", "title: !important t\n    class"),
    "E015": ("    class: other", "    class: scam"),
    "E016": ("", "    params: {n: {type: int, default: 3, range: [5, 9]}}\n"),
    "E017": ("    on: call", "    on: calls"),
    "E018": ("", "    tests: none\n"),
    "E019": ("id: s,", "id: r,"),
    "E020": ("count() > 3", "count() > $1"),
    "E022": ("count() > 3", "count() > 3 or count() < 2 and count() > 1"),
    "E024": ("count() > 3", "(" * 80 + "count() > 3" + ")" * 80),
    "E026": ("", '    output: {summary: "{caller.num:3}"}\n'),
    "E033": ("count() > 3", "count() > $n"),
    "E034": ("    on: call", "    where: duration > 3s\n    on: attempt"),
    "E035": ("", "    where: duration\n"),
    "E042": ("", "    where: count() > 3\n"),
    "E043": ("count() > 3", "sum(count()) > 3"),
    "E044": ("count() > 3", "not (count() > usual(count()))\n"
             "    baseline: {bucket: 1h, history: 7d, if_short: pass}"),
    "E045": ("count() > 3", "zscore(count()) > 3"),
    "E048": ("", "    baseline: {bucket: 1h, history: 7d}\n"),
    "E049": ("count() > 3", "count() > usual(count())\n"
             "    baseline: {bucket: 10m, history: 7d, if_short: pass}"),
    "E050": (SHAPE, SEQUENCE % f"{{as: a, {STEP}}}"),
    "E051": (SHAPE, SEQUENCE % f"{{as: a, {STEP}}}, {{as: b, {STEP}}}" +
             '    output: {summary: "{duration}"}\n'),
    "E052": (SHAPE, SEQUENCE % f"{{none: a, {STEP}}}, {{as: b, {STEP}}}"),
    "E053": (SHAPE, SEQUENCE % f"{{as: a, {STEP}}}, {{none: b, {STEP}}}"),
    "E054": (SHAPE, "    on: signal\n    from: nobody\n    key: signal.num\n"),
    "E055": (WINDOW, "    when: count() > 3\n"),
    "E056": ("", '    then: [{add: {list: "@a", value: caller.num}}]\n'),
    "E057": ("", "    let: {duration: count()}\n"),
    "E058": ("fields: callee.num}", 'fields: "callee.num, caller.num"}'),
    "E059": ("", "    subject: callee.num\n"),
    "E060": ("", OVERRIDE.replace("/r", "/none") % "severity: low"),
    "E061": ("", OVERRIDE % "where: answered"),
    "E062": ("", OVERRIDE.replace("by: b, ", "") % "severity: low"),
    "E063": ("", "    params: {n: {type: int, default: 6, range: [5, 9]}}\n" +
             OVERRIDE % "params: {n: 12}"),
    "E064": ("", OVERRIDE % "exceptions: {none: [{values: [x], expires: 2027-01-01}]}"),
    "E071": ("", "    tests: [{name: n, given: [], expect: [{with: {nobody: 1}}]}]\n"),
    "E090": ("count() > 3", "active() > 3"),
    "W110": ("", "    params: {n: {type: int, default: 3}}\n"),
    "W120": ("", ""),
    "W140": ("count() > 3", "count() < 3"),
    "W160": ("inline: []", "file: there_is_none.csv"),
    "W162": ("", OVERRIDE.replace("base_rev: 1", "base_rev: 7") % "severity: low"),
    "W165": ("", OVERRIDE % "status: shadow, expires: 2020-01-01"),
}
# Of expressions alone: tests/e2e/test_help.py. The others are of tables, keys and configurations.
ELSEWHERE = set("""E021 E023 E025 E030 E031 E032 E036 E037 E038 E039 E040 E041 E046 E047 W101 W102 W130
    E001 E003 E004 E005 E006 E007 E070 E072 E073 E091 W161 W170""".split())


def codes_of(path):
    return set(re.findall(r"\[([EW]\d{3})\]", ringfence("check", path).stdout))


def mistakes_give_codes(failures):
    known = set(re.findall(r"^([EW]\d{3})  ", world.run("help", "codes").decode(), re.MULTILINE))
    failures.extend(f"{code}: no example" for code in sorted(known - set(MISTAKES) - ELSEWHERE))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "mistake.yaml"
        for code, (piece, wrong) in MISTAKES.items():
            assert piece in RULE, code
            path.write_text(RULE.replace(piece, wrong, 1) if piece else RULE + wrong)
            given = codes_of(path)
            if code not in given:
                failures.append(f"{code}: its example gives {sorted(given)}")
        path.write_text(RULE)
        if codes_of(path) != {"W120"}:
            failures.append(f"the rule without a mistake gives {codes_of(path)}")


def main():
    failures = []
    mistakes_give_codes(failures)
    schema = json.loads(world.run("schema"))
    fmt_keeps(failures)
    fmt_writes(failures)
    schema_is_complete(schema, failures)
    schema_fits(schema, failures)
    docs_are_complete(failures)
    print(*failures, sep="\n")
    print(f"{len(MISTAKES)} mistakes, {len(rule_files())} files, {len(maps_of(schema))} maps, {len(DAMAGES)} damages; "
          f"{len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

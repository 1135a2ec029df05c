#!/usr/bin/env python3
"""rules/classes.csv: each type of operation T1 to T14 has a class, the loader knows the classes of
the table and no other, and every shipped rule's class stands in it.
"""
import csv
import pathlib
import re
import sys
import tempfile

import world

RULE = """version: 1
rules:
  - {id: probe.a, rev: 1, title: t, class: CLASS, severity: low, on: call, key: caller.num, where: answered, output: {summary: s}}
"""


def known(name, folder):
    path = pathlib.Path(folder) / "probe.yaml"
    path.write_text(RULE.replace("CLASS", name))
    try:
        world.run("check", path)
    except RuntimeError:
        return False
    return True


def main():
    rows = list(csv.DictReader(open(world.ROOT / "rules/classes.csv")))
    classes = [row["class"] for row in rows]
    failures = []
    types = {row["type"] for row in rows}
    failures += [f"no class for T{n}" for n in range(1, 15) if f"T{n}" not in types]
    failures += [f"{name} stands twice" for name in set(classes) if classes.count(name) > 1]
    failures += [f"{row['class']}: no code of ICCS" for row in rows
                 if not re.fullmatch(r"0\d{3,5}", row["iccs"])]
    with tempfile.TemporaryDirectory() as folder:
        failures += [f"the loader does not know {name}" for name in classes
                     if not known(name, folder)]
        if known("nonsense", folder):
            failures.append("the loader takes any class")
    for path in (world.ROOT / "rules/packs").rglob("*.yaml"):
        for name in re.findall(r"^    class: (\S+)$", path.read_text(), re.MULTILINE):
            if name not in classes:
                failures.append(f"{path.name}: class {name} is not in the table")
    print(*failures, sep="\n")
    print(f"{len(classes)} classes; {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

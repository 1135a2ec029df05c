#!/usr/bin/env python3
"""Every code that a message can carry has a page, every page a code that a message can carry; the
examples that are expressions give the code when they are checked, and what stands beside does not.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

import world

RULE = """version: 1
lists: {"@dno": {type: num, inline: []}}
rules:
  - id: probe
    rev: 1
    title: t
    class: other
    severity: low
    on: call
    key: caller.num
    params: {n: {type: int, default: 3}, min_calls: {type: int, default: 3}}
    where: %s
    output: {summary: s}
"""
# Pages whose example is an expression that stands in `where` of a rule on calls.
CONDITIONS = ["E021", "E023", "E025", "E030", "E031", "E032", "E036", "E037", "E038", "E039", "E040",
              "E041", "E046", "E047", "W101", "W102", "W130"]


def codes_of(text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "probe.yaml"
        path.write_text(RULE % text)
        done = subprocess.run([world.PROGRAM, "check", path], capture_output=True, text=True)
    return set(re.findall(r"\[([EW]\d{3})\]", done.stdout + done.stderr))


def main():
    emitted = set()
    for folder in ("engine", "tools"):
        for path in (world.ROOT / folder).rglob("*.c"):
            emitted |= set(re.findall(r'"([EW]\d{3})"', path.read_text()))
    pages = set(re.findall(r'^PAGE\("(\w+)"', (world.ROOT / "tools/ringfence/help_pages.def").read_text(),
                           re.MULTILINE))
    failures = [f"{code} has no page" for code in sorted(emitted - pages)]
    failures += [f"{code} is given by nobody" for code in sorted(pages - emitted)]
    for code in sorted(pages):
        page = world.run("help", code).decode()
        if not page.startswith(f"{code}: "):
            failures.append(f"help {code}: {page[:40]}")
        examples = re.search(r"^  wrong   (.*)\n  right   (.*)$", page, re.MULTILINE)
        if code in CONDITIONS:
            wrong, right = ("'" + text.replace("...", "00900123") + "'" for text in examples.groups())
            if code not in codes_of(wrong):
                failures.append(f"{code}: {wrong} gives {codes_of(wrong)}")
            if code in codes_of(right):
                failures.append(f"{code}: {right} gives it, too")
    print(*failures, sep="\n")
    print(f"{len(pages)} pages, {len(CONDITIONS)} examples; {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Fail on oversized files, on calls that a data-plane folder must not make, and on anything at the
top level that does not belong there."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINES_MAX = {"engine": 600, "tools": 600, "bench": 600, "tests": 900}
# Pure folders: bytes in, records out.
PURE = ("decode", "model")
FORBIDDEN_PURE = r"malloc|calloc|realloc|strdup|free"
# Below app/ nobody reads a clock, random numbers or the environment.
FORBIDDEN_BELOW_APP = r"time|clock|gettimeofday|rand|random|getenv|srand|getrandom"
FORBIDDEN_EVERYWHERE = r"strcpy|strcat|sprintf|vsprintf|strtok|gets|alloca"
# What may for a stated reason.
ALLOWED = {
    ("model/batch.c", "calloc"), ("model/batch.c", "free"),  # made once, not per event
    ("decode/sip.c", "free"),
}
TOP_LEVEL = {"engine", "rules", "tools", "bench", "tests", "CMakeLists.txt", "CMakePresets.json",
             "README.md", "LICENSE"}


def code_lines(text):
    """Source without comments and string contents, line numbers kept."""
    def blank(found):
        return re.sub(r"[^\n]", " ", found.group())
    text = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)
    return text.splitlines()


def rules_for(relative):
    parts = relative.parts
    names = [FORBIDDEN_EVERYWHERE] if parts[0] in ("engine", "tools") else []
    if parts[0] == "engine" and parts[1] != "app":
        names.append(FORBIDDEN_BELOW_APP)
        if parts[1] in PURE:
            names.append(FORBIDDEN_PURE)
    return re.compile(r"(?<![\w.>])(" + ("|".join(names) or r"(?!)") + r")\s*\(")


def check(path):
    relative = path.relative_to(ROOT)
    lines = code_lines(path.read_text())
    limit = LINES_MAX[relative.parts[0]]
    if len(lines) > limit:
        yield f"{relative}: {len(lines)} lines, limit {limit}"
    forbidden = rules_for(relative)
    inside = "/".join(relative.parts[1:])
    for number, line in enumerate(lines, 1):
        found = forbidden.search(line)
        if found and (inside, found.group(1)) not in ALLOWED:
            yield f"{relative}:{number}: {found.group(1)}() does not belong here"


def tracked():
    out = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    return out.stdout.splitlines()


def main():
    bad = []
    for folder in ("engine", "tools", "bench", "tests"):
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            bad.extend(check(path))
    for name in sorted({line.split("/")[0] for line in tracked()}):
        if name not in TOP_LEVEL and not name.startswith("."):
            bad.append(f"{name}: does not belong at the top level")
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

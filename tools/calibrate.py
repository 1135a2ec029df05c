#!/usr/bin/env python3
"""What each threshold of the shipped rules would have been worth on labelled worlds.

	calibrate.py [WORLDS] [--seed N] [--rule RE] [--all] [--out FILE]

Makes worlds of five countries (40,000 to 60,000 subscribers and a day each), lets `ringfence suggest`
try a dozen values of the first parameter that sites may tune (--all: of every one), adds up what it
says of all worlds, and writes a table for each: alerts a world, the share of them that is right,
operations that the rule finds. Takes some seconds a rule and world.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = ROOT / os.environ.get("RINGFENCE_BUILD", "build/release") / "ringfence"
PACKS = [ROOT / "rules/packs/core-voice", ROOT / "rules/packs/victim-care"]
HOMES = ["GB", "US", "DE", "FR", "ES"]


def ringfence(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def rules(pattern):
    """(name, first parameter) of every rule with something to tune, in the packs' order."""
    for pack in PACKS:
        for path in sorted(pack.glob("[0-9]*.yaml")):
            for block in re.split(r"(?m)^  - id: ", path.read_text())[1:]:
                name = block.split("\n", 1)[0]
                if "tune: true" in block and "emit: signal" not in block and re.search(pattern, name):
                    yield name, re.search(r"(?m)^ +(\w+):[^\n]*tune: true", block).group(1)


def suggest(name, param, world, home):
    lists = [word for path in sorted(world.glob("*.txt")) for word in ("--list", f"{path.stem}={path}")]
    packs = [word for pack in PACKS for word in ("--rules", pack)]
    out = ringfence("suggest", name, world / "cdr.csv", world / "calls.pcap", "--home", home, "--trunks",
                    world / "trunks.csv", "--subscribers", world / "subscribers.csv", "--labels",
                    world / "labels.csv", *lists, *packs, *param, "--json")
    return [json.loads(line) for line in out.splitlines() if line]


def table(param, values, worlds):
    yield f"| {param} | alerts a world | right | operations |"
    yield "|---|---|---|---|"
    for (value, now), sums in values.items():
        share = f"{sums['right'] / sums['alerts']:.1%}" if sums["alerts"] else "-"
        mark = f"**{value}**" if now else value
        yield f"| {mark} | {sums['alerts'] / worlds:.2f} | {share} | {sums['operations']} |"
    yield ""


def main():
    options = argparse.ArgumentParser()
    options.add_argument("worlds", type=int, nargs="?", default=20)
    options.add_argument("--seed", type=int, default=1000)
    options.add_argument("--rule", default="")
    options.add_argument("--all", action="store_true")
    options.add_argument("--out", type=argparse.FileType("w"), default=sys.stdout)
    asked = options.parse_args()
    sums = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
    names = list(rules(asked.rule))
    for i in range(asked.worlds):
        home, seed = HOMES[i % len(HOMES)], asked.seed + i
        with tempfile.TemporaryDirectory() as folder:
            world = pathlib.Path(folder)
            size = random.Random(seed).randrange(40000, 60001)
            ringfence("gen", "--out", world, "--home", home, "--seed", seed, "--subscribers", size)
            for n, (name, first) in enumerate(names):
                print(f"\rworld {i + 1} of {asked.worlds}, rule {n + 1} of {len(names)} ", end="",
                      file=sys.stderr, flush=True)
                only = () if asked.all else ("--param", first)
                for param in suggest(name, only, world, home):
                    for v in param["values"]:
                        at = sums[name][param["param"]]
                        at.setdefault((v["value"], v["now"]), collections.Counter()).update(
                            {k: v[k] for k in ("alerts", "right", "operations")})
    print(file=sys.stderr)
    print(f"{asked.worlds} worlds of {', '.join(HOMES)}, seeds {asked.seed} to "
          f"{asked.seed + asked.worlds - 1}; the value in force is bold.\n", file=asked.out)
    for name, _ in names:
        print(f"## {name}\n", file=asked.out)
        for param, values in sums[name].items():
            print("\n".join(table(param, values, asked.worlds)), file=asked.out)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The same traffic gives the same bytes of alerts: with 1, 2 and 4 threads, and with call records
in the order of their start, their end, shuffled, in two files, and from a pipe of gzip's; with the
shipped rules, and with rules that act on each other (signals, scores, lists, absences, history).
"""
import gzip
import random
import sys
import tempfile
from pathlib import Path

import world


def write_rows(path, header, rows):
    path.write_bytes(b"".join([header, *rows]))
    return path


def variants(place, folder):
    """(name, inputs, options) for one world; the first is what the others are compared with."""
    cdr, capture = place / "cdr.csv", place / "calls.pcap"
    header, *rows = cdr.read_bytes().splitlines(keepends=True)
    column = header.decode().strip().split(",").index
    by = {name: sorted(rows, key=lambda row, at=column(name): row.split(b",")[at])
          for name in ("start_time", "end_time")}
    shuffled = random.Random(7).sample(rows, len(rows))
    packed = folder / "packed"
    packed.write_bytes(gzip.compress(cdr.read_bytes(), 1))
    yield "1 thread", [cdr, capture], ["--threads", 1]
    for threads in (2, 4):
        yield f"{threads} threads", [cdr, capture], ["--threads", threads]
    for name, ordered in by.items():
        yield f"by {name}", [write_rows(folder / name, header, ordered), capture], []
    yield "shuffled", [write_rows(folder / "shuffled", header, shuffled), capture], ["--threads", 2]
    yield "inputs turned", [capture, cdr], []
    yield "two files", [write_rows(folder / "a", header, shuffled[::2]),
                        write_rows(folder / "b", header, shuffled[1::2]), capture], []
    yield "gzip", [packed, capture], []


RULES = {1: [], 2: [], 3: ["--rules", world.ROOT / "tests/rules"]}


def main():
    failures = compared = 0
    for seed, rules in RULES.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            place = world.make(folder / "world", "--seed", seed, "--calls", 12000)
            expected = None
            for variant, inputs, options in variants(place, folder):
                alerts = world.replay(place, *inputs, options=[*options, *rules])
                expected = expected or alerts
                compared += 1
                if alerts != expected or not alerts:
                    failures += 1
                    print(f"FAIL seed {seed}, {variant}: {first_difference(expected, alerts)}")
    print(f"{compared - failures} passed, {failures} failed")
    return 1 if failures else 0


def first_difference(expected, got):
    pairs = enumerate(zip(expected.splitlines(), got.splitlines()), 1)
    for number, (a, b) in pairs:
        if a != b:
            return f"line {number}\n  - {a.decode()}\n  + {b.decode()}"
    return f"{len(expected.splitlines())} lines against {len(got.splitlines())}"


if __name__ == "__main__":
    sys.exit(main())

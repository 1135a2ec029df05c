#!/usr/bin/env python3
"""Scenarios: a folder holds calls.csv and expect.ndjson, the alerts that a replay with the shipped
rules must open, all of them and in this order. lists/NAME.txt there or beside this file is a list.

    run.py [NAME...]        RINGFENCE_BUILD names the build folder (build/release)
"""
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROGRAM = ROOT / os.environ.get("RINGFENCE_BUILD", "build/release") / "ringfence"


def replay(folder):
    lists = {path.stem: path for place in (HERE, folder) for path in (place / "lists").glob("*.txt")}
    command = [PROGRAM, "replay", "--home", "GB", "--trunks", HERE / "trunks.csv", "--alerts", "-"]
    for name in sorted(lists):
        command += ["--list", f"{name}={lists[name]}"]
    done = subprocess.run(command + [folder / "calls.csv"], capture_output=True, timeout=120)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace").strip())
    alerts = map(json.loads, done.stdout.splitlines())
    return [{"rule": a["data"]["rule"], "time": a["time"], "subject": a["subject"]}
            for a in alerts if a["type"] == "ringfence.alert.opened"]


def differences(expected, got):
    for alert in expected:
        if alert not in got:
            yield f"missing  {json.dumps(alert)}"
    for alert in got:
        if alert not in expected:
            yield f"too much {json.dumps(alert)}"
    if sorted(map(str, expected)) == sorted(map(str, got)) and expected != got:
        yield "the order differs"
    if len(expected) != len(got):
        yield f"{len(expected)} alerts expected, {len(got)} opened"


def main(names):
    passed = failed = 0
    for folder in sorted(path.parent for path in HERE.glob("*/calls.csv")):
        if names and folder.name not in names:
            continue
        try:
            expected = [json.loads(line) for line in open(folder / "expect.ndjson")]
            wrong = list(differences(expected, replay(folder)))
        except (OSError, ValueError, RuntimeError, subprocess.TimeoutExpired) as error:
            wrong = [str(error)]
        passed, failed = passed + (not wrong), failed + bool(wrong)
        if wrong:
            print(f"FAIL {folder.name}", *wrong, sep="\n    ")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

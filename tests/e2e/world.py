"""What end-to-end tests share: the programs of a build, a generated world, a replay of it."""
import csv
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("RINGFENCE_BUILD", "build/release")
PROGRAM = BUILD / "ringfence"
LISTS = ["dno", "bank_numbers", "gov_numbers", "protected", "high_cost", "registered_callers",
         "roaming_ok", "fraud_hotline"]


def run(*arguments):
    """Output of the command; an exception with what it said when it fails."""
    command = [str(PROGRAM), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def make(folder, *options, home="GB"):
    run("gen", "--out", folder, "--home", home, *options)
    return pathlib.Path(folder)


def replay(world, *inputs, options=(), home="GB"):
    """Alerts as the bytes that replay writes; without inputs: everything in the world."""
    arguments = ["--home", home, "--trunks", world / "trunks.csv",
                 "--subscribers", world / "subscribers.csv", "--alerts", "-", *options]
    for name in LISTS:
        arguments += ["--list", f"{name}={world / name}.txt"]
    return run("replay", *(inputs or (world / "cdr.csv", world / "calls.pcap")), *arguments)


def rows_of(text):
    """The rows of a table with a header, as dictionaries."""
    return list(csv.DictReader(text.decode().splitlines()))


def rows(path):
    return rows_of(pathlib.Path(path).read_bytes())


def score(world, alerts):
    """What `ringfence score` says of a file of alerts."""
    return json.loads(run("score", world, alerts, "--json"))

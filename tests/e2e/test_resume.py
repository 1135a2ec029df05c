#!/usr/bin/env python3
"""Restarts from end to end: a daemon that is stopped or killed goes on from its snapshot, the call
log and the inputs, and its alerts are those of a run without interruption.

    test_resume.py [KILLS]    exit 0 all passed; KILLS: how many restarts of each kind (6)
"""
import json
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from test_daemon import Daemon, HEADER, TOOL, until
from world import ROOT
from test_log import BEGIN, RULES, TRUNKS, number

KILLS = 6


class ResumeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ringfence-resume-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.random = random.Random(int(os.environ.get("RINGFENCE_TEST_SEED", "11")))
        (self.folder / "rules.yaml").write_text(RULES.format(people=4))
        shutil.copy(ROOT / "tests/rules/language.yaml", self.folder)
        (self.folder / "watched.txt").write_text(number(1) + "\n" + number(2) + "\n")
        (self.folder / "trunks.csv").write_text(TRUNKS)

    def rows(self, count, first=0):
        text = ""
        for n in range(first, first + count):
            end = BEGIN + n // 5
            trunk = self.random.choice(["t-in", "t-home"])
            text += (f"call-{n},{end - 5},,{end},+4474{self.random.randrange(3000):08d},"
                     f"{number(self.random.randrange(80))},{trunk},out,487,caller,,\n")
        return text

    def config(self, source, every="100ms"):
        return ("site: {name: demo, engine: edge-1, country: GB}\nstate: state\nrules: [rules.yaml, language.yaml]\n"
                "trunks: trunks.csv\nalerts: {file: alerts.ndjson}\nlog: {path: calls}\n"
                f"snapshots: {{every: {every}}}\nmetrics: {{listen: '127.0.0.1:0'}}\n"
                f"sources:\n  - {source}\n")

    FILE = "cdr_file: {path: cdr.csv}"

    def start(self, source, *args):
        return Daemon(self, self.folder, self.config(source), *args)

    def expected(self, *options):
        out = subprocess.run([TOOL, "replay", "cdr.csv", "--config", "ringfence.yaml", "--key",
                              "state/hash.key", "--alerts", "-", *options], cwd=self.folder, check=True,
                             capture_output=True, text=True)
        return out.stdout

    def interrupted(self, interrupt, count):
        """Runs to the end of the file with interruptions on the way; how many runs it took."""
        (self.folder / "cdr.csv").write_text(HEADER + self.rows(400000))
        for runs in range(1, count + 1):
            daemon = self.start(self.FILE, "--exit-when-done")
            time.sleep(0.05 + self.random.random() * 0.7)
            if daemon.process.poll() is None:
                interrupt(daemon)
            else:
                self.assertEqual(daemon.process.returncode, 0, daemon.log())
        daemon = self.start(self.FILE, "--exit-when-done")
        self.assertEqual(daemon.process.wait(60), 0, daemon.log())
        self.last_log = daemon.log()

    def same_alerts(self):
        alerts = (self.folder / "alerts.ndjson").read_text()
        expected = self.expected()
        self.assertGreater(expected.count("\n"), 100)
        self.assertEqual(alerts.count("\n"), expected.count("\n"), self.last_log)
        self.assertEqual(alerts, expected)

    def test_killed_at_random(self):
        self.interrupted(Daemon.kill, KILLS)
        self.same_alerts()

    def test_stopped_at_random(self):
        def stop(daemon):
            daemon.logged("started")
            self.assertEqual(daemon.stop(), 0, daemon.log())

        self.interrupted(stop, KILLS)
        self.same_alerts()

    def test_damaged_snapshots_are_refused(self):
        self.interrupted(Daemon.kill, KILLS)
        self.same_alerts()
        snapshots = sorted((self.folder / "state/snapshots").glob("*.state"))
        self.assertLessEqual(len(snapshots), 3)
        data = bytearray(snapshots[-1].read_bytes())
        data[len(data) // 2] ^= 1
        snapshots[-1].write_bytes(data)
        daemon = self.start(self.FILE, "--exit-when-done")
        self.assertEqual(daemon.process.wait(60), 0)
        self.assertRegex(daemon.log(), r"snapshots refused file=\S+ why=")
        self.last_log = daemon.log()
        self.same_alerts()

    def test_a_followed_file_is_read_on(self):
        """Interrupted while it grows, once in the middle of a line, once it is rotated before the next
        daemon comes; read from where it was."""
        follow = "cdr_file: {path: cdr.csv, follow: true, reorder: 0s, idle: 100ms}"
        rows = self.rows(20000)
        cuts = [0, len(rows) // 3 + 17, len(rows) // 2, len(rows)]
        (self.folder / "cdr.csv").write_text(HEADER)
        for begin, end, kill in zip(cuts, cuts[1:], (True, False, True)):
            if begin == cuts[2]:
                # While nobody reads: the last lines of the old file, a new one under its name.
                rotated = rows.index("\n", begin + 5000) + 1
                self.append(rows[begin:rotated])
                (self.folder / "cdr.csv").rename(self.folder / "cdr.csv.1")
                (self.folder / "cdr.csv").write_text(HEADER)
                begin = rotated
            daemon = self.start(follow)
            daemon.logged("started")
            self.append(rows[begin:end])
            seen = rows[:end].count("\n")
            until("the log", lambda: int(self.calls()) >= seen)
            until("a snapshot", lambda: daemon.metrics()["ringfence_snapshots_total"] >= 1)
            time.sleep(0.3)
            read = sum(value for name, value in daemon.metrics().items()
                       if name.startswith("ringfence_source_bytes_total"))
            self.assertLessEqual(read, end - begin + 6000, daemon.log())
            Daemon.kill(daemon) if kill else self.assertEqual(daemon.stop(), 0, daemon.log())
        (self.folder / "cdr.csv").write_text(HEADER + rows)
        self.assert_as_uninterrupted()

    def append(self, rows):
        with (self.folder / "cdr.csv").open("a") as file:
            file.write(rows)

    def calls(self):
        """How many calls the log has."""
        out = subprocess.run([TOOL, "calls", "--log", "..", "--config", "ringfence.yaml", "--limit", "1"],
                             cwd=self.folder, check=True, capture_output=True, text=True)
        more = re.match(r"(\d+) more", out.stderr)
        return out.stdout.count("\n") - 1 + (int(more[1]) if more else 0)

    def assert_as_uninterrupted(self):
        """But for what a run that began cold says of itself."""
        strip = lambda text: [{k: v for k, v in json.loads(line)["data"].items() if k not in ("partial",)}
                              for line in text.splitlines()]
        alerts = (self.folder / "alerts.ndjson").read_text()
        self.assertGreater(alerts.count("\n"), 10)
        self.assertEqual(strip(alerts), strip(self.expected("--no-flush")))  # a live input does not end

    def test_live_windows_survive(self):
        """Calls before the stop and after it count together; nothing is raised twice."""
        listen = "cdr_listen: {address: 'unix:cdr.sock', reorder: 0s, idle: 100ms}"
        sent = []
        for kill in (False, True, False, True):
            daemon = self.start(listen)
            until("the socket", (self.folder / "cdr.sock").exists)
            with socket.socket(socket.AF_UNIX) as sender:
                sender.connect(str(self.folder / "cdr.sock"))
                sent.append(self.rows(3000, 3000 * len(sent)))
                sender.sendall((HEADER + sent[-1]).encode())
                until("the calls", lambda: daemon.metrics()["ringfence_detector_events_total"] > 0)
                until("the log", lambda: daemon.metrics()["ringfence_log_written_total"] >= 3000)
                until("the alerts' file", lambda: daemon.metrics()["ringfence_snapshots_total"] >= 1)
            time.sleep(0.3)
            if kill:
                daemon.kill()
                (self.folder / "cdr.sock").unlink()
            else:
                self.assertEqual(daemon.stop(), 0, daemon.log())
        daemon = self.start(listen)
        daemon.logged("started")
        self.assertEqual(daemon.stop(), 0)
        (self.folder / "cdr.csv").write_text(HEADER + "".join(sent))
        self.assert_as_uninterrupted()

    def test_live_interrupted_at_random(self):
        """No alert of calls on record is missing, none is there twice, whenever the end comes."""
        listen = "cdr_listen: {address: 'unix:cdr.sock', reorder: 500ms, late: 1h, idle: 1s}"
        sent = 0
        for _ in range(KILLS):
            daemon = self.start(listen)
            until("the socket", (self.folder / "cdr.sock").exists)
            daemon.logged("started")
            end = time.monotonic() + 0.1 + self.random.random() * 0.6
            with socket.socket(socket.AF_UNIX) as sender:
                sender.connect(str(self.folder / "cdr.sock"))
                sender.sendall(HEADER.encode())
                while time.monotonic() < end:
                    sender.sendall(self.rows(500, sent).encode())
                    sent += 500
                    time.sleep(0.01)
                if self.random.random() < 0.7:
                    daemon.kill()
                    (self.folder / "cdr.sock").unlink()
                else:
                    self.assertEqual(daemon.stop(), 0, daemon.log())
        daemon = self.start(listen)
        daemon.logged("started")
        self.assertEqual(daemon.stop(), 0)
        alerts = (self.folder / "alerts.ndjson").read_text()
        out = subprocess.run([TOOL, "replay", "--log", "..", "--config", "ringfence.yaml", "--alerts", "-"],
                             cwd=self.folder, check=True, capture_output=True, text=True)
        ids = [json.loads(line)["id"] for line in alerts.splitlines()]
        self.assertGreater(len(ids), 2 * KILLS)
        self.assertEqual(len(set(ids)), len(ids))
        self.assertEqual(out.stdout, alerts)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].isdigit():
        KILLS = int(sys.argv.pop(1))
    outcome = unittest.main(exit=False, verbosity=2).result
    bad = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - bad - len(outcome.skipped)} passed, {bad} failed, "
          f"{len(outcome.skipped)} skipped")
    sys.exit(bad > 0)

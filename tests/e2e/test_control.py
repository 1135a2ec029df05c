#!/usr/bin/env python3
"""The control socket of a real daemon: status, rules, a reload with who and why, what it would keep
(`check --against-running`), and who may not.
"""
import json
import os
import pathlib
import re
import socket
import stat
import subprocess
import tempfile
import unittest

from test_daemon import Daemon, TOOL, until

HEADER = "call_id,start_time,answer_time,end_time,caller,callee,sip_code,hangup_by\n"
RULES = """version: 1
pack: test.control
rules:
  - id: many
    rev: 1
    title: Many calls
    class: other
    severity: low
    on: call
    key: caller.num
    window: 10m
    params: {{least: {{type: int, default: {least}, range: [1, 100], tune: true}}}}
    when: count() >= $least
    output: {{summary: "{{key1}}"}}
  - id: callee
    rev: 1
    title: Many callers
    class: other
    severity: low
    on: call
    key: callee.num
    window: {window}
    when: distinct(caller.num) >= 3
    output: {{summary: "{{key1}}"}}
"""
EXTRA = """  - id: extra
    rev: 1
    title: Long
    class: other
    severity: low
    on: call
    key: trunk.id
    where: duration > 1h
    output: {summary: "{key1}"}
"""
CONFIG = """site: {name: demo, engine: edge-1, country: GB}
state: state
rules: [rules.yaml]
control: control.sock
log: {path: calls}
alerts: {file: alerts.ndjson}
sources:
  - cdr_listen: {address: 'unix:cdr.sock', reorder: 0s, idle: 100ms}
"""


class ControlTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ringfence-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.rules(least=5)
        self.daemon = Daemon(self, self.folder, CONFIG)
        self.daemon.logged("started")
        self.socket = self.folder / "control.sock"

    def rules(self, least=5, window="10m", more=""):
        (self.folder / "rules.yaml").write_text(RULES.format(least=least, window=window) + more)

    def tool(self, *arguments, status=0):
        done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=60,
                              cwd=self.folder)
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stderr

    def status(self):
        return json.loads(self.tool("status", "--socket", self.socket, "--json"))

    def send(self, first, count):
        rows = "".join(f"c{first + i},2026-03-02T12:{(first + i) // 60:02}:{(first + i) % 60:02}.000Z,,"
                       f"2026-03-02T12:{(first + i) // 60:02}:{(first + i) % 60:02}.500Z,"
                       f"+447400900001,+4474009{i:05},487,caller\n" for i in range(count))
        with socket.socket(socket.AF_UNIX) as sender:
            sender.connect(str(self.folder / "cdr.sock"))
            sender.sendall((HEADER + rows).encode())
        until("the events", lambda: self.status()["events"] >= first + count)

    def test_status(self):
        before = self.status()
        self.assertEqual(("demo", "edge-1", 2, 0), tuple(before[k] for k in ("site", "engine", "rules", "events")))
        self.send(0, 4)
        after = self.status()
        self.assertEqual(4, after["events"])
        self.assertEqual(4, sum(s["in"] for s in after["sources"]))
        self.assertIn("edge-1", self.tool("status", "--config", "ringfence.yaml"))

    def test_reload_says_who_and_why(self):
        self.send(0, 4)
        self.rules(least=5, window="20m", more=EXTRA)
        said = self.tool("check", "rules.yaml", "--against-running", self.socket)
        fates = dict(re.findall(r"^(\S+/\S+): (\w+)$", said, re.M))
        self.assertEqual({"test.control/many": "kept", "test.control/callee": "reset",
                          "test.control/extra": "new"}, fates)
        said = self.tool("reload", "--socket", self.socket, "--by", "a.jones", "--why", "ticket 12")
        kept, new, gone = map(int, re.findall(r"\d+", said))
        self.assertEqual((1, 1, 1), (kept, new, gone))
        entries = [json.loads(line) for line in (self.folder / "state/journal.ndjson").read_text().splitlines()]
        self.assertEqual(("reload", "a.jones", "ticket 12", f"uid {os.getuid()}"),
                         tuple(entries[-1][k] for k in ("action", "by", "why", "peer")))
        self.send(4, 1)  # the window went on: the fifth call opens the alert
        until("the alert", lambda: self.status()["alerts"] == 1)
        fates = self.tool("check", "rules.yaml", "--against-running", self.socket)
        self.assertEqual((2, 1), (fates.count(": kept"), fates.count(": stateless")), fates)
        self.assertEqual(0, self.daemon.stop())
        out = subprocess.run([TOOL, "replay", "--log", "..", "--config", "ringfence.yaml", "--alerts", "-"],
                             cwd=self.folder, check=True, capture_output=True, text=True)
        self.assertEqual((self.folder / "alerts.ndjson").read_text(), out.stdout)
        self.assertEqual(1, out.stdout.count("\n"))

    def test_all_or_nothing(self):
        digest = self.status()["digest"]
        self.rules(more="  - id: broken\n")
        said = self.tool("reload", "--socket", self.socket, "--by", "x", "--why", "y", status=1)
        self.assertIn("the old rules stay", said)
        after = self.status()
        self.assertEqual((digest, 0, 1), (after["digest"], after["reloads"]["done"], after["reloads"]["failed"]))

    def test_refusals(self):
        self.assertIn("--why", self.tool("reload", "--socket", self.socket, status=2))
        self.assertIn("no such verb", self.tool("control", "destroy", "--socket", self.socket, status=1))
        self.assertIn("no such member", self.tool("control", "status", "x=1", "--socket", self.socket, status=1))
        self.assertIn("by must say who", self.tool("control", "reload", "--socket", self.socket, status=1))
        self.assertIn("gone.sock", self.tool("status", "--socket", "gone.sock", status=1))
        self.assertEqual(0o660, stat.S_IMODE(self.socket.stat().st_mode))
        self.assertEqual(0, self.status()["reloads"]["asked"])
        self.assertIn("reload", self.tool("control", "help", "--socket", self.socket))

    @unittest.skipUnless(os.getuid() == 0, "needs root to be somebody else")
    def test_a_stranger(self):
        for place in (self.folder, self.socket):
            place.chmod(0o777)
        program = self.folder / "tool"
        program.write_bytes(TOOL.read_bytes())
        program.chmod(0o755)
        done = subprocess.run([program, "status", "--socket", self.socket], capture_output=True, text=True,
                              user=65534, group=65534, extra_groups=[], timeout=60)
        self.assertEqual(1, done.returncode, done.stdout)

    def test_it_goes_with_the_daemon(self):
        self.assertEqual(0, self.daemon.stop())
        self.assertFalse(self.socket.exists())


if __name__ == "__main__":
    outcome = unittest.main(exit=False, verbosity=2).result
    bad = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - bad - len(outcome.skipped)} passed, {bad} failed, {len(outcome.skipped)} skipped")
    raise SystemExit(bad > 0)

#!/usr/bin/env python3
"""The call log from end to end: a live daemon writes it, `ringfence replay --log` gives the same
alerts again, `ringfence calls --log` finds single calls.

    test_log.py               exit 0 all passed; RINGFENCE_BUILD names the folder of the programs
"""
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from test_daemon import Daemon, HEADER, TOOL, until

RULES = """version: 1
pack: test.log
lists:
  "@watched": {{type: num, file: watched.txt}}
rules:
  - id: busy.caller
    rev: 1
    title: A busy caller
    class: other
    severity: high
    on: call
    key: caller.num
    window: 2m
    let: {{n: "distinct(callee.num)"}}
    when: n >= {people}
    fire: each
    output: {{summary: "{{key1}} rang {{n}}"}}
  - id: watched.caller
    rev: 1
    title: A watched caller
    class: other
    severity: low
    on: call
    where: caller.num in @watched and trunk.role == "international"
    output: {{summary: "{{caller.num}} called", fields: callee.num}}
"""
EVIDENCE = """version: 1
pack: test.log
rules:
  - id: forty
    rev: 1
    title: Forty calls
    class: other
    severity: low
    on: call
    key: caller.num
    window: 1h
    when: count() >= 40
    output: {summary: "forty", evidence: 50}
"""
TRUNKS = "trunk,role\nt-in,international\nt-home,internal\n"
BEGIN = 1772452800


def number(n):
    return f"+4474009000{n:02d}"


class LogTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ringfence-log-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.random = random.Random(7)
        self.sent = 0
        self.rules(4)
        self.watch(1, 2)
        (self.folder / "trunks.csv").write_text(TRUNKS)

    def rules(self, people):
        (self.folder / "rules.yaml").write_text(RULES.format(people=people))

    def watch(self, *numbers):
        (self.folder / "watched.txt").write_text("".join(number(n) + "\n" for n in numbers))

    def config(self, source="cdr_listen: {address: 'unix:cdr.sock', reorder: 5s, late: 1h, idle: 200ms}",
               log="log: {path: calls}\n"):
        return ("site: {name: demo, engine: edge-1, country: GB}\nstate: state\nrules: [rules.yaml]\n"
                "trunks: trunks.csv\nalerts: {file: alerts.ndjson}\n"
                f"metrics: {{listen: '127.0.0.1:0'}}\n{log}sources:\n  - {source}\n")

    def start(self, *args, **kwargs):
        return Daemon(self, self.folder, self.config(**kwargs), *args)

    def rows(self, count):
        """Calls in nearly their order, some of them late."""
        text = ""
        for _ in range(count):
            self.sent += 1
            end = BEGIN + self.sent - self.random.choice([0, 0, 0, 3, 40])
            trunk = self.random.choice(["t-in", "t-home"])
            text += (f"call-{self.sent},{end - 5},,{end},{number(self.random.randrange(8))},"
                     f"{number(50 + self.random.randrange(20))},{trunk},out,487,caller,,\n")
        return text

    def feed(self):
        sender = socket.socket(socket.AF_UNIX)
        self.addCleanup(sender.close)
        until("the socket", (self.folder / "cdr.sock").exists)
        sender.connect(str(self.folder / "cdr.sock"))
        sender.sendall(HEADER.encode())
        return sender

    def send(self, daemon, sender, count):
        before = daemon.metrics()["ringfence_log_events_total"]
        sender.sendall(self.rows(count).encode())
        until("the calls", lambda: daemon.metrics()["ringfence_log_events_total"] >= before + count)

    def reload(self, daemon, counter="ringfence_reloads_total"):
        before = daemon.metrics()[counter]
        daemon.send(signal.SIGHUP)
        until("the reload", lambda: daemon.metrics()[counter] > before)

    def tool(self, *args, status=0):
        result = subprocess.run([TOOL, *args], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(result.returncode, status, result.stderr)
        return result

    def replayed(self, *args, log="..", status=0):
        out = self.folder / "replayed.ndjson"
        out.unlink(missing_ok=True)
        result = self.tool("replay", "--log", log, "--config", "ringfence.yaml", "--alerts", out, *args,
                           status=status)
        self.stderr = result.stderr
        return out.read_text() if out.exists() else ""

    def live_alerts(self):
        return (self.folder / "alerts.ndjson").read_text()

    def segments(self):
        return sorted((self.folder / "state/calls").glob("*.calls"))

    def test_live_run_with_reloads_and_a_list_change(self):
        daemon = self.start()
        sender = self.feed()
        self.send(daemon, sender, 300)
        self.rules(6)
        self.reload(daemon)
        time.sleep(1.6)  # silent: noted
        self.send(daemon, sender, 200)
        self.watch(3)
        self.reload(daemon)
        self.send(daemon, sender, 300)
        (self.folder / "rules.yaml").write_text("nonsense: true\n")
        self.reload(daemon, "ringfence_reloads_failed_total")
        self.send(daemon, sender, 100)
        sender.close()
        self.assertEqual(daemon.stop(), 0)
        alerts = self.live_alerts()
        self.assertGreater(alerts.count("\n"), 30)
        self.assertIn("watched.caller", alerts)
        self.rules(2)  # what stands there today does not matter
        self.watch(7)
        self.assertEqual(self.replayed(), alerts)
        self.assertEqual(self.replayed("--threads", "1"), alerts)
        for noted in '"clock":"start"', '"state":"silent"', '"state":"heard"':
            self.assertIn(noted, self.stderr)
        for segment in self.segments():
            self.assertEqual(segment.stat().st_mode & 0o777, 0o600)

    def test_files_in_two_runs(self):
        rows = HEADER + self.rows(3000)
        half = rows.rindex("\n", 0, len(rows) // 2) + 1
        for text in rows[:half], HEADER + rows[half:]:
            (self.folder / "cdr.csv").write_text(text)
            daemon = self.start("--exit-when-done", source="cdr_file: {path: cdr.csv}")
            self.assertEqual(daemon.process.wait(20), 0, daemon.log())
        self.assertEqual(self.replayed(), self.live_alerts())
        self.assertIn("the engine was not running between", self.stderr)

    def test_evidence_beyond_memory(self):
        """Ids of calls that detection had to forget are read from the log, live and in a replay."""
        (self.folder / "rules.yaml").write_text(EVIDENCE)
        rows = "".join(
            f"call-{n}-{'x' * 400},{BEGIN + n // 100 - 5},,{BEGIN + n // 100},{number(n % 1000)},"
            f"{number(5000 + n)},t-in,out,487,caller,,\n" for n in range(40000))
        (self.folder / "cdr.csv").write_text(HEADER + rows)

        def alerts(limits, log):
            (self.folder / "alerts.ndjson").unlink(missing_ok=True)
            shutil.rmtree(self.folder / "state", ignore_errors=True)
            daemon = self.start("--exit-when-done", source="cdr_file: {path: cdr.csv}", log=limits + log)
            self.assertEqual(daemon.process.wait(30), 0, daemon.log())
            return self.live_alerts()

        kept = alerts("", "log: {path: calls}\n")
        self.assertEqual(kept.count("\n"), 1000)
        for line in kept.splitlines():
            self.assertEqual(len(json.loads(line)["data"]["evidence"]["calls"]), 40)
        small = "limits: {memory: 64MiB}\n"
        self.assertIn('"truncated":true', alerts(small, ""))
        self.assertNotIn('"truncated":true', alerts(small, "log: {path: calls}\n"))
        self.assertEqual(self.without_ids(self.live_alerts()), self.without_ids(kept))
        self.assertEqual(self.replayed(), self.live_alerts())

    @staticmethod
    def without_ids(alerts):
        """What does not depend on the hash key, which each run here makes for itself."""
        return [json.loads(line)["data"]["evidence"] for line in alerts.splitlines()]

    def test_other_rules_over_a_part(self):
        (self.folder / "cdr.csv").write_text(HEADER + self.rows(1000))
        daemon = self.start("--exit-when-done", source="cdr_file: {path: cdr.csv}")
        self.assertEqual(daemon.process.wait(20), 0, daemon.log())
        few = self.replayed().count("busy.caller")
        self.rules(2)
        self.assertGreater(self.replayed("--rules", "rules.yaml").count("busy.caller"), few)
        part = "2026-03-02T12:05:00Z..2026-03-02T12:10:00Z"
        times = [json.loads(line)["time"] for line in self.replayed(log=part).splitlines()]
        self.assertTrue(times)
        self.assertTrue(all("2026-03-02T12:05" <= t < "2026-03-02T12:10" for t in times), times)

    def test_calls_are_found(self):
        (self.folder / "cdr.csv").write_text(HEADER + self.rows(2000))
        daemon = self.start("--exit-when-done", source="cdr_file: {path: cdr.csv}")
        self.assertEqual(daemon.process.wait(20), 0, daemon.log())
        every = [json.loads(line) for line in self.tool("calls", "cdr.csv", "--home", "GB", "--json").stdout.splitlines()]

        def found(*args):
            result = self.tool("calls", "--log", "..", "--config", "ringfence.yaml", "--json", *args)
            self.stderr = result.stderr
            return sorted(json.loads(line)["call_id"] for line in result.stdout.splitlines())

        def expected(**wanted):
            return sorted(c["call_id"] for c in every if all(c[k] == v for k, v in wanted.items()))

        self.assertEqual(found("--caller", number(3), "--callee", number(55)),
                         expected(caller=number(3), callee=number(55)))
        self.assertEqual(found("--call-id", "call-77"), ["call-77"])
        self.assertEqual(found("--trunk", "t-home", "--caller", number(1)),
                         expected(trunk_in="t-home", caller=number(1)))
        self.assertEqual(len(found("--caller", number(3), "--limit", "5")), 5)
        self.assertRegex(self.stderr, r"^\d+ more calls")
        self.assertEqual(found("--caller", "+15550000000"), [])
        near = found("--at", "2026-03-02T12:10:00Z", "--within", "1m")
        self.assertTrue(0 < len(near) < 200, len(near))

    def test_killed(self):
        """What is in the log after kill -9 is whole, and the next run goes on behind it."""
        for _ in range(5):
            daemon = self.start()
            sender = self.feed()
            self.send(daemon, sender, 200)
            time.sleep(self.random.random() * 1.5)
            daemon.kill()
            sender.close()
            (self.folder / "cdr.sock").unlink()
        daemon = self.start()
        daemon.logged("started")
        self.assertEqual(daemon.stop(), 0)
        live = self.live_alerts().splitlines()
        again = self.replayed().splitlines()
        self.assertNotIn("cannot be read", self.stderr)
        self.assertEqual(len(again), len(set(again)))
        self.assertLessEqual(set(again), set(live))
        self.assertGreater(len(again), 0)

    def test_damage_is_named_and_stepped_over(self):
        (self.folder / "cdr.csv").write_text(HEADER + self.rows(40000))
        daemon = self.start("--exit-when-done", source="cdr_file: {path: cdr.csv}")
        self.assertEqual(daemon.process.wait(20), 0, daemon.log())
        whole = self.replayed().splitlines()
        segment = self.segments()[len(self.segments()) // 2]
        data = bytearray(segment.read_bytes())
        data[len(data) // 3] ^= 0x10
        segment.write_bytes(data)
        part = self.replayed().splitlines()
        self.assertIn(segment.name, self.stderr)
        self.assertIn("not whole", self.stderr)
        self.assertTrue(len(whole) // 2 < len(part) <= len(whole))

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("mount"), "only root can mount a small disk")
    def test_full_disk(self):
        small = self.folder / "small"
        small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small],
                                 stderr=subprocess.DEVNULL)
        if mounted.returncode:
            self.skipTest("no small disk can be mounted here")
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        (self.folder / "cdr.csv").write_text(HEADER + self.rows(60000))
        daemon = self.start(source="cdr_file: {path: cdr.csv}", log=f"log: {{path: {small}/calls}}\n")
        daemon.logged("files read")
        metrics = until("the gap", lambda: (m := daemon.metrics())["ringfence_log_shed_total"] and m)
        self.assertEqual(metrics["ringfence_detector_events_total"], 60000)
        self.assertGreater(metrics["ringfence_log_errors_total"], 0)
        self.assertEqual(daemon.stop(), 0)
        expected = self.tool("replay", "cdr.csv", "--config", "ringfence.yaml", "--key", "state/hash.key",
                             "--alerts", "-").stdout
        self.assertEqual(self.live_alerts(), expected)

    def test_what_is_missing_is_said(self):
        daemon = self.start(log="")
        daemon.logged("started")
        daemon.stop()
        self.replayed(status=1)
        self.assertIn("keeps no call log", self.stderr)
        self.tool("replay", "--log", "yesterday", "--config", "ringfence.yaml", status=2)
        self.tool("calls", "--caller", "1", "cdr.csv", status=2)


if __name__ == "__main__":
    outcome = unittest.main(exit=False, verbosity=2).result
    bad = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - bad - len(outcome.skipped)} passed, {bad} failed, "
          f"{len(outcome.skipped)} skipped")
    sys.exit(bad > 0)

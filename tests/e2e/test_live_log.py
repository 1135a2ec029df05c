#!/usr/bin/env python3
"""A live run and its replay: sipp calls over a veth pair, call records come by socket, rules and
lists change meanwhile, one source falls silent for a while; `ringfence replay --log` gives the same
alerts, byte for byte.

    test_live_log.py [SECONDS]    exit 0 all passed, 77 skipped; how long traffic flows (15)

Needs root (network namespace, capture) and sipp. Traffic stays on the veth pair of the test.
"""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from test_daemon import Daemon, HEADER, TOOL, until

SHORT = SECONDS = 15
SIPP = pathlib.Path(__file__).parent / "sipp"
CALLS_A_S = {"talk": 20, "bait": 15, "lost": 10}
ANSWERS = {"talk": "answer", "bait": "ring", "lost": "refuse"}
RECORDS_A_S = 200

RULES = """version: 1
pack: test.live
lists:
  "@watched": {{type: num, file: watched.txt}}
rules:
  - id: bait
    rev: 1
    title: Calls that ring once
    class: wangiri
    severity: high
    on: call
    key: caller.num
    where: not answered and cause == "cancelled"
    window: 30s
    let: {{n: "distinct(callee.num)"}}
    when: n >= {many}
    fire: each
    output: {{summary: "{{key1}} rang {{n}}"}}
  - id: lost
    rev: 1
    title: Numbers that do not exist
    class: other
    severity: low
    on: call
    key: caller.num
    where: cause == "unallocated"
    window: 20s
    when: count() >= {many}
    output: {{summary: "{{key1}} guesses"}}
  - id: callee
    rev: 1
    title: Many callers of one number
    class: other
    severity: low
    on: call
    key: callee.num
    window: 10s
    when: distinct(caller.num) >= {many}
    output: {{summary: "{{key1}} is rung by many"}}
  - id: watched
    rev: 1
    title: A watched caller
    class: other
    severity: low
    on: call
    where: caller.num in @watched
    output: {{summary: "{{caller.num}} called {{callee.num}}"}}
"""
RULE_IDS = ("bait", "lost", "callee", "watched")


def number(n):
    return f"+4474009{n:05d}"


def run(*args):
    """What a container may not do is a reason to skip."""
    result = subprocess.run(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if result.returncode != 0:
        raise unittest.SkipTest(f"{' '.join(args[:3])}: {result.stderr.strip()}")


class Wire:
    """A veth pair, one end in a network namespace of its own; another for each test of each run."""
    count = 0

    def __init__(self, test):
        Wire.count += 1
        mark = f"{os.getpid() % 100000}{chr(96 + Wire.count)}"
        net = f"10.231.{(os.getpid() + 100 * Wire.count) % 250}"
        self.here, self.there = f"{net}.1", f"{net}.2"
        self.space, self.end, far = f"ringfence-{mark}", f"rfa{mark}", f"rfb{mark}"
        run("ip", "netns", "add", self.space)
        # Takes the pair with it.
        test.addCleanup(subprocess.run, ("ip", "netns", "del", self.space), stderr=subprocess.DEVNULL)
        run("ip", "link", "add", self.end, "type", "veth", "peer", "name", far, "netns", self.space)
        run("ip", "addr", "add", f"{self.here}/30", "dev", self.end)
        run("ip", "link", "set", self.end, "up")
        for args in ("addr", "add", f"{self.there}/30", "dev", far), ("link", "set", far, "up"):
            run("ip", "-n", self.space, *args)

    def inside(self, *args):
        return ("ip", "netns", "exec", self.space, *args)


@unittest.skipUnless(os.geteuid() == 0, "only root can make a network namespace and capture")
@unittest.skipUnless(shutil.which("sipp") and shutil.which("ip"), "sipp or ip is not installed")
class LiveLogTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ringfence-live-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.random = random.Random(int(os.environ.get("RINGFENCE_TEST_SEED", "3")))
        self.rules(4)
        self.watch(1, 2)
        self.sent = 0

    def rules(self, many):
        (self.folder / "rules.yaml").write_text(RULES.format(many=many))

    def watch(self, *numbers):
        (self.folder / "watched.txt").write_text("".join(number(n) + "\n" for n in numbers))

    def spawn(self, *args, cwd=None):
        process = subprocess.Popen(args, cwd=cwd, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def end():
            process.kill()
            process.wait()

        self.addCleanup(end)
        return process

    def sipp(self, wire, calls_a_s, seconds):
        """Callees in the namespace, callers here; the callers' processes."""
        users = "".join(f"{number(self.random.randrange(12))};{number(100 + self.random.randrange(60))}\n"
                        for _ in range(2000))
        (self.folder / "users.csv").write_text("SEQUENTIAL\n" + users)
        callers = []
        for port, (what, rate) in enumerate(calls_a_s.items(), 5061):
            callee = self.spawn(*wire.inside("sipp", "-sf", str(SIPP / f"{ANSWERS[what]}.xml"), "-i", wire.there,
                                            "-p", str(port), "-nostdin"), cwd=self.folder)
            time.sleep(0.3)
            self.assertIsNone(callee.poll(), f"sipp {ANSWERS[what]} ended")
            callers.append(self.spawn("sipp", f"{wire.there}:{port}", "-sf", str(SIPP / f"{what}.xml"), "-i", wire.here,
                                      "-p", str(port + 100), "-inf", "users.csv", "-r", str(rate),
                                      "-m", str(rate * seconds), "-nostdin", cwd=self.folder))
        return callers

    def row(self):
        """A call that ended now: some out of order, some late, some twice."""
        self.sent += 1
        late = self.random.choice([0] * 20 + [1, 1, 2, 8])
        end = time.time() - late - self.random.random() / 2
        call = self.sent - (self.sent > 10 and self.random.random() < 0.02)
        code = self.random.choice(["487", "404", "200"])
        answer = f"{end - 2:.3f}" if code == "200" else ""
        return (f"record-{call},{end - 5:.3f},{answer},{end:.3f},{number(self.random.randrange(300))},"
                f"{number(500 + self.random.randrange(40))},t-in,out,{code},caller,,\n")

    def feed(self, until_s, silent_from_s, silent_to_s):
        """Two senders at once; a pause of both in the middle."""
        senders = []
        for _ in range(2):
            senders.append(socket.socket(socket.AF_UNIX))
            senders[-1].connect(str(self.folder / "cdr.sock"))
            senders[-1].sendall(HEADER.encode())
        while time.monotonic() < until_s:
            if not silent_from_s <= time.monotonic() < silent_to_s:
                for sender in senders:
                    sender.sendall("".join(self.row() for _ in range(RECORDS_A_S // 20)).encode())
            time.sleep(0.1)
        for sender in senders:
            sender.close()

    def reload(self, daemon):
        before = daemon.metrics()["ringfence_reloads_total"]
        daemon.send(signal.SIGHUP)
        until("the reload", lambda: daemon.metrics()["ringfence_reloads_total"] > before)

    def start(self, wire, every="5s"):
        return Daemon(self, self.folder, (
            "site: {name: demo, engine: edge-1, country: GB}\nstate: state\nrules: [rules.yaml]\n"
            "alerts: {file: alerts.ndjson}\nlog: {path: calls}\n"
            f"snapshots: {{every: {every}}}\n"
            "metrics: {listen: '127.0.0.1:0'}\nsources:\n"
            f"  - pcap: {{interface: {wire.end}}}\n"
            "  - cdr_listen: {address: 'unix:cdr.sock', reorder: 3s, late: 1h, idle: 2s}\n"))

    def traffic(self, daemon, wire):
        """All that happens, in its time."""
        begin = time.monotonic()
        at = lambda share: begin + share * SECONDS
        silence_s = 60 if SECONDS >= 300 else SECONDS / 3
        callers = self.sipp(wire, CALLS_A_S, SECONDS)
        feeder = threading.Thread(target=self.feed, args=(at(1), at(0.4), at(0.4) + silence_s))
        feeder.start()
        steps = [(at(0.25), lambda: self.rules(3)), (at(0.5), lambda: self.watch(2, 3, 4)),
                 (at(0.8), lambda: self.rules(5))]
        told = begin
        while time.monotonic() < at(1):
            if steps and time.monotonic() >= steps[0][0]:
                steps.pop(0)[1]()
                self.reload(daemon)
            if time.monotonic() - told >= 30:
                told = time.monotonic()
                print(f"{told - begin:.0f} of {SECONDS} s", flush=True)
            time.sleep(0.05)
        feeder.join()
        for caller in callers:
            caller.wait(30)
        self.assertFalse(steps)

    def replayed(self):
        result = subprocess.run([TOOL, "replay", "--log", "..", "--config", "ringfence.yaml", "--alerts",
                                 "replayed.ndjson"], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.told = result.stderr
        return (self.folder / "replayed.ndjson").read_text()

    def test_live_run_and_its_replay(self):
        wire = Wire(self)
        daemon = self.start(wire)
        daemon.logged("started")
        self.traffic(daemon, wire)
        time.sleep(3)  # the last calls leave the intake
        metrics = daemon.metrics()
        self.assertEqual(daemon.stop(), 0, daemon.log())
        alerts = (self.folder / "alerts.ndjson").read_text()
        for rule in RULE_IDS:
            self.assertGreater(alerts.count(f'"rule":"test.live/{rule}"') + alerts.count(f"test.live.{rule}"), 0,
                               f"{rule} never fired")
        # Nothing is missing: not in the capture, not in the log.
        for name, value in metrics.items():
            if re.match(r"ringfence_(capture_\w*drop|log_(shed|gaps|errors))", name):
                self.assertEqual(value, 0, name)
        self.assertGreater(sum(value for name, value in metrics.items() if "late_" in name), 0)
        calls = sum(CALLS_A_S.values()) * SECONDS
        self.assertGreater(metrics['ringfence_log_events_total'], calls + RECORDS_A_S * SECONDS / 3)
        self.assertEqual(self.replayed(), alerts)
        self.assertIn('"state":"silent"', self.told)
        self.assertIn('"state":"heard"', self.told)
        print(f"{alerts.count(chr(10))} alerts of {metrics['ringfence_log_events_total']:.0f} events")

    def test_calls_go_on_over_a_kill_and_a_stop(self):
        """Calls that were open then end as what they were, and once."""
        wire = Wire(self)
        daemon = self.start(wire, every="300ms")
        daemon.logged("started")
        caller, = self.sipp(wire, {"talk": 40}, SHORT)
        for end in Daemon.kill, Daemon.stop:
            time.sleep(SHORT / 3)
            end(daemon)
            (self.folder / "cdr.sock").unlink(missing_ok=True)
            daemon = self.start(wire, every="300ms")
            daemon.logged("started")
        caller.wait(30 + SHORT)
        time.sleep(3)
        self.assertEqual(daemon.stop(), 0, daemon.log())
        found = subprocess.run([TOOL, "calls", "--log", "..", "--config", "ringfence.yaml", "--limit", "100000",
                                "--json"], cwd=self.folder, capture_output=True, text=True, check=True)
        calls = [json.loads(line) for line in found.stdout.splitlines()]
        self.assertEqual(len({call["call_id"] for call in calls}), len(calls))
        self.assertEqual({call["sip_code"] for call in calls}, {200})
        print(f"{len(calls)} of {40 * SHORT} calls")
        # Of calls of up to 3 s, 40 a second, those are missing that began or ended unseen.
        self.assertGreater(len(calls), 40 * SHORT - 100)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].isdigit():
        SECONDS = int(sys.argv.pop(1))
    outcome = unittest.main(exit=False, verbosity=2).result
    bad = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - bad - len(outcome.skipped)} passed, {bad} failed, "
          f"{len(outcome.skipped)} skipped")
    if outcome.testsRun == len(outcome.skipped):
        print(outcome.skipped[0][1])
        sys.exit(77)
    sys.exit(bad > 0)

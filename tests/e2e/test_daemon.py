#!/usr/bin/env python3
"""The daemon from end to end: real ringfenced, real redis-server on a Unix socket, real signals.

    test_daemon.py               exit 0 all passed; RINGFENCE_BUILD names the folder of the programs
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import redis

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("RINGFENCE_BUILD", ROOT / "build/release")).resolve()
DAEMON = BUILD / "ringfenced"
TOOL = BUILD / "ringfence"
PATIENCE_S = 20

HEADER = ("call_id,start_time,answer_time,end_time,caller,callee,trunk_in,trunk_out,sip_code,"
          "hangup_by,caller_name,attest\n")

RULES = """version: 1
pack: test.pack
rules:
  - id: known.caller
    rev: 1
    title: A caller that we know
    class: other
    severity: high
    on: call
    where: caller.num == "{caller}"
    output: {{summary: "{{caller.num}} called", fields: callee.num}}
"""

CALLER, OTHER = "+22220441097", "+22220441098"


def row(call_id, end, caller=CALLER, callee="+447400900001", start=None):
    return f"{call_id},{start or end - 5},,{end},{caller},{callee},in,out,487,caller,,\n"


def until(what, condition):
    """What condition() gives once it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


class Daemon:
    """A running ringfenced; ended by its process id when the test ends."""

    def __init__(self, test, folder, config, *args, program=DAEMON):
        self.log_path = folder / "log"
        self.config = folder / "ringfence.yaml"
        self.config.write_text(config)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([program, "--config", self.config, *args], stderr=log)
        test.addCleanup(self.kill)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log(self):
        return self.log_path.read_text()

    def logged(self, pattern):
        return until(pattern, lambda: self.ended(pattern) or re.search(pattern, self.log()))

    def ended(self, pattern):
        if self.process.poll() is not None and not re.search(pattern, self.log()):
            raise AssertionError(f"ended before {pattern}:\n{self.log()}")

    def send(self, number):
        self.process.send_signal(number)

    def stop(self):
        self.send(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def metrics(self):
        port = self.logged(r"metrics listening port=(\d+)").group(1)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as page:
            self.content_type = page.headers["Content-Type"]
            text = page.read().decode()
        return {name: float(value) for name, value in re.findall(r"^([^#\s]\S*) (\S+)$", text, re.M)}


class DaemonTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ringfence-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.rules(CALLER)

    def rules(self, caller):
        (self.folder / "rules.yaml").write_text(RULES.format(caller=caller))

    def config(self, sources, more=""):
        return (f"site: {{name: demo, engine: edge-1, country: GB}}\nstate: state\n"
                f"rules: [rules.yaml]\nmetrics: {{listen: '127.0.0.1:0'}}\n{more}sources:\n"
                + "".join(f"  - {s}\n" for s in sources))

    def start(self, config, *args, program=DAEMON):
        return Daemon(self, self.folder, config, *args, program=program)

    def install(self):
        """Program and shipped rules where any user can read them."""
        place = self.folder / "installed"
        (place / "build/release").mkdir(parents=True)
        shutil.copytree(ROOT / "rules", place / "rules")
        self.folder.chmod(0o755)
        return pathlib.Path(shutil.copy(DAEMON, place / "build/release"))

    def redis(self):
        path = self.folder / "redis.sock"
        server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "",
                                   "--dir", self.folder], stdout=subprocess.DEVNULL)

        def end():
            server.terminate()
            server.wait()

        self.addCleanup(end)
        until("redis", path.exists)
        client = redis.Redis(unix_socket_path=str(path), decode_responses=True)
        self.addCleanup(client.close)
        return client

    REDIS = "redis: {url: 'unix:redis.sock'}\n"
    LISTEN = "cdr_listen: {address: 'unix:cdr.sock', reorder: 0s, idle: 100ms}"
    STREAM = "ringfence:1:{demo}:alerts:edge-1"

    def connected(self):
        """A socket to the daemon; None as long as it does not listen, though the file may be there."""
        sender = socket.socket(socket.AF_UNIX)
        try:
            sender.connect(str(self.folder / "cdr.sock"))
        except (FileNotFoundError, ConnectionRefusedError):
            sender.close()
            return None
        return sender

    def feed(self, *texts):
        sender = until("the socket", self.connected)
        self.addCleanup(sender.close)
        for text in texts:
            sender.sendall(text.encode())
        return sender

    def alerts(self):
        """Those whose line is whole."""
        path = self.folder / "alerts.ndjson"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    # ---- files that end ----

    def world(self):
        subprocess.run([TOOL, "gen", "--out", self.folder / "w", "--calls", "3000", "--hours", "1",
                        "--seed", "7"], check=True, stdout=subprocess.DEVNULL)

    FILES = ["cdr_file: {path: w/cdr.csv}", "pcap: {file: w/calls.pcap}"]
    SHIPPED = "trunks: w/trunks.csv\nalerts: {file: alerts.ndjson}\n"

    def shipped_config(self):
        return self.config(self.FILES, self.SHIPPED).replace("rules: [rules.yaml]\n", "")

    def replayed(self):
        subprocess.run([TOOL, "replay", "w/cdr.csv", "w/calls.pcap", "--home", "GB", "--trunks",
                        "w/trunks.csv", "--key", "state/hash.key", "--alerts", "replay.ndjson"],
                       cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        with open(self.folder / "replay.ndjson") as lines:
            return [json.loads(line)["data"] for line in lines]

    def test_files_give_what_replay_gives(self):
        self.world()
        daemon = self.start(self.shipped_config(), "--exit-when-done")
        self.assertEqual(daemon.process.wait(PATIENCE_S), 0, daemon.log())
        self.assertEqual((self.folder / "state/hash.key").stat().st_mode & 0o777, 0o600)
        alerts = [a["data"] for a in self.alerts()]
        self.assertGreater(len(alerts), 3)
        self.assertEqual(alerts, self.replayed())

    def test_files_without_exit_stay_up_for_metrics(self):
        self.world()
        daemon = self.start(self.shipped_config())
        daemon.logged("files read")
        m = daemon.metrics()
        self.assertEqual(m['ringfence_stage_in_total{stage="dedupe"}'],
                         m['ringfence_stage_out_total{stage="dedupe"}']
                         + m.get('ringfence_dropped_total{stage="dedupe",reason="duplicate_call"}', 0))
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual([a["data"] for a in self.alerts()], self.replayed())

    # ---- live ----

    def test_listen_to_redis(self):
        client = self.redis()
        bell = client.pubsub()
        bell.subscribe("ringfence:1:demo:alerts:edge-1:high")
        daemon = self.start(self.config([self.LISTEN], self.REDIS))
        sender = self.feed(HEADER, row("c1", 1772452800), row("c2", 1772452801, caller="+447400900009"))
        sender.sendall(row("c3", 1772452802).encode())

        entries = until("two alerts", lambda: (e := client.xrange(self.STREAM)) and len(e) == 2 and e)
        events = [json.loads(fields["ce"]) for _, fields in entries]
        self.assertEqual([e["data"]["evidence"]["calls"] for e in events], [["c1"], ["c3"]])
        self.assertEqual([fields["seq"] for _, fields in entries], ["1", "2"])
        self.assertEqual(events[0]["source"], "/ringfence/demo/edge-1")

        rings = []
        until("two doorbells", lambda: rings.extend(
            m for m in [bell.get_message(ignore_subscribe_messages=True)] if m) or len(rings) == 2)
        self.assertEqual([json.loads(r["data"])["stream_id"] for r in rings], [i for i, _ in entries])
        m = daemon.metrics()
        self.assertEqual(m['ringfence_source_in_total{source="unix:%s"}' % self.socket_path()], 3)
        bell.close()

    def socket_path(self):
        return f"{self.folder}/cdr.sock"

    def test_redis_comes_later(self):
        self.start(self.config([self.LISTEN], self.REDIS)).logged("started")
        self.feed(HEADER, "".join(row(f"c{i}", 1772452800 + i) for i in range(50)))
        time.sleep(0.3)
        client = self.redis()
        entries = until("all alerts", lambda: (e := client.xrange(self.STREAM)) and len(e) == 50 and e)
        calls = [json.loads(f["ce"])["data"]["evidence"]["calls"][0] for _, f in entries]
        self.assertEqual(calls, [f"c{i}" for i in range(50)])

    def test_order_is_restored_and_bad_rows_are_counted(self):
        listen = "cdr_listen: {address: 'unix:cdr.sock', reorder: 1h, idle: 1m}"
        daemon = self.start(self.config([listen], "alerts: {file: alerts.ndjson}\n"))
        sender = self.feed(HEADER, row("c3", 1772452830), row("c1", 1772452810), "too,few\n",
                           row("far", int(time.time()) + 3600), row("c2", 1772452820), "x" * 70000)
        sender.close()
        second = self.feed('{"call_id":"c0","end_time":1772452805,"caller":"%s","callee":"+447400900001"}\n'
                           % CALLER)
        second.close()
        name = 'source="unix:%s"' % self.socket_path()
        until("every row", lambda: daemon.metrics()['ringfence_source_in_total{%s}' % name] == 7)
        m = daemon.metrics()
        for reason in "cdr_columns", "cdr_too_long", "future":
            self.assertEqual(m['ringfence_dropped_total{%s,stage="decode",reason="%s"}' % (name, reason)],
                             1, reason)
        self.assertEqual(self.alerts(), [])
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual([a["data"]["evidence"]["calls"][0] for a in self.alerts()],
                         ["c0", "c1", "c2", "c3"])
        rejects = (self.folder / "state/rejects.txt").read_text()
        self.assertIn("line 4: cdr_columns: too,few", rejects)
        self.assertFalse((self.folder / "cdr.sock").exists())

    def test_many_senders(self):
        daemon = self.start(self.config([self.LISTEN], "alerts: {file: alerts.ndjson}\n"))
        senders = [self.feed(HEADER) for _ in range(20)]
        for n in range(5):
            for i, sender in enumerate(senders):
                line = row(f"c{n}-{i}", 1772452800 + n).encode()
                sender.sendall(line[:9])
                sender.sendall(line[9:])
        until("every alert", lambda: len(self.alerts()) == 100)
        self.assertEqual(len({a["id"] for a in self.alerts()}), 100)
        self.feed("neither header nor record\n")
        until("a refused sender", lambda: any(
            v == 1 for k, v in daemon.metrics().items() if "connections_refused_total" in k))

    def test_follow_a_file(self):
        path = self.folder / "cdr.csv"
        follow = "cdr_file: {path: cdr.csv, follow: true, reorder: 0s, idle: 100ms}"
        self.start(self.config([follow], "alerts: {file: alerts.ndjson}\n")).logged("started")

        def seen(*calls):
            until(calls, lambda: [a["data"]["evidence"]["calls"][0] for a in self.alerts()] == list(calls))

        path.write_text(HEADER + row("c1", 1772452800))
        seen("c1")
        half = row("c2", 1772452801)
        with open(path, "a") as out:
            out.write(half[:20])
        time.sleep(0.3)
        seen("c1")
        with open(path, "a") as out:
            out.write(half[20:])
        seen("c1", "c2")
        with open(path, "a") as out:
            out.write(row("c3", 1772452802))
        path.rename(self.folder / "cdr.csv.1")
        path.write_text(HEADER + row("c4", 1772452803))
        seen("c1", "c2", "c3", "c4")
        path.write_text(HEADER + row("c5", 1772452804)[:-1])
        time.sleep(0.3)
        seen("c1", "c2", "c3", "c4")
        with open(path, "a") as out:
            out.write("\n")
        seen("c1", "c2", "c3", "c4", "c5")

    def test_listen_on_tcp(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        listen = f"cdr_listen: {{address: '127.0.0.1:{port}', reorder: 0s, idle: 100ms}}"
        self.start(self.config([listen], "alerts: {file: alerts.ndjson}\n")).logged("started")
        with socket.create_connection(("127.0.0.1", port)) as sender:
            sender.sendall((HEADER + row("c1", 1772452800)).encode())
        until("an alert", lambda: len(self.alerts()) == 1)

    @unittest.skipUnless(os.geteuid() == 0, "only root can capture")
    def test_interface_to_redis(self):
        client = self.redis()
        daemon = self.start(self.config(["pcap: {interface: lo}"], self.REDIS))
        daemon.logged("started")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.bind(("127.0.0.1", 0))

            def say(start, cseq, to_tag=""):
                end.sendto((f"{start}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
                            f"From: <sip:{CALLER}@a.example>;tag=1\r\n"
                            f"To: <sip:+447700900001@b.example>{to_tag}\r\n"
                            f"Call-ID: live@a\r\nCSeq: {cseq}\r\n\r\n").encode(), ("127.0.0.1", 5060))

            say("INVITE sip:+447700900001@b.example SIP/2.0", "1 INVITE")
            say("SIP/2.0 404 Not Found", "1 INVITE", ";tag=2")
            sent = time.monotonic()
            end.sendto(b"SIP/2.0 nonsense\r\n\r\n", ("127.0.0.1", 5060))
            entries = until("an alert", lambda: client.xrange(self.STREAM))
        print(f"wire to Redis {1000 * (time.monotonic() - sent):.0f} ms", end=" ", flush=True)
        self.assertEqual(json.loads(entries[0][1]["ce"])["data"]["evidence"]["calls"], ["live@a"])
        m = daemon.metrics()
        self.assertEqual(m['ringfence_source_messages_total{source="lo"}'], 2)
        self.assertEqual(daemon.stop(), 0)

    # ---- signals ----

    def test_reload(self):
        daemon = self.start(self.config([self.LISTEN], "alerts: {file: alerts.ndjson}\n"))
        sender = self.feed(HEADER, row("c1", 1772452800))
        until("an alert", lambda: len(self.alerts()) == 1)

        (self.folder / "rules.yaml").write_text(RULES.format(caller=OTHER).replace("where", "wher"))
        daemon.send(signal.SIGHUP)
        daemon.logged("error reload refused")
        self.assertRegex(daemon.log(), r'mistake file="[^"]*rules.yaml" line=10 column=5 code=E010')
        sender.sendall(row("c2", 1772452801).encode())
        until("an alert of the old rules", lambda: len(self.alerts()) == 2)

        self.rules(OTHER)
        daemon.send(signal.SIGHUP)
        daemon.logged("reload done")
        sender.sendall(row("c3", 1772452802).encode())
        sender.sendall(row("c4", 1772452803, caller=OTHER).encode())
        until("an alert of the new rules", lambda: len(self.alerts()) == 3)
        self.assertEqual([a["data"]["evidence"]["calls"][0] for a in self.alerts()], ["c1", "c2", "c4"])
        m = daemon.metrics()
        self.assertEqual((m["ringfence_reloads_total"], m["ringfence_reloads_failed_total"]), (1, 1))
        self.assertEqual(daemon.stop(), 0)

    COUNTING = """version: 1
rules:
  - {{id: counted, rev: 1, title: t, class: other, severity: low, on: call, key: caller.num, window: 1h, {where}when: count() >= {least}, output: {{summary: s}}}}
  - id: chain
    rev: 1
    title: t
    class: other
    severity: low
    sequence:
      within: 1h
      key: who
      steps: [{{as: a, on: call, key: caller.num, where: 'callee.num == "+447400900001"'}}, {{as: b, on: call, key: caller.num, where: 'callee.num == "+447400900002"'}}]
    output: {{summary: s}}
"""

    def test_reload_keeps_windows(self):
        """Another threshold judges the calls of before; another `where` counts from now on."""
        rules = self.folder / "rules.yaml"
        rules.write_text(self.COUNTING.format(where="", least=100))
        daemon = self.start(self.config([self.LISTEN], "alerts: {file: alerts.ndjson}\n"))
        sender = self.feed(HEADER, *(row(f"c{n}", 1772452800 + n) for n in range(6)))
        until("six calls", lambda: daemon.metrics().get('ringfence_events_total{kind="call"}') == 6)
        rules.write_text(self.COUNTING.format(where="", least=7))
        daemon.send(signal.SIGHUP)
        daemon.logged("reload done.* kept=2 new=0")
        sender.sendall(row("c6", 1772452806).encode())
        until("an alert", lambda: len(self.alerts()) == 1)
        alert = self.alerts()[0]["data"]
        self.assertEqual(7, alert["evidence"]["count"])
        self.assertEqual([f"c{n}" for n in range(7)], alert["evidence"]["calls"])
        rules.write_text(self.COUNTING.format(where="where: not answered, ", least=2))
        daemon.send(signal.SIGHUP)
        until("the second reload", lambda: daemon.log().count("reload done") == 2)
        self.assertRegex(daemon.log(), r"kept=1 new=1")
        sender.sendall(row("c7", 1772452807, callee="+447400900002").encode())
        until("the sequence that began before", lambda: len(self.alerts()) == 2)
        self.assertEqual(["c6", "c7"], self.alerts()[1]["data"]["evidence"]["calls"])
        self.assertEqual(daemon.stop(), 0)

    def test_term_lets_out_what_waits(self):
        for number in signal.SIGTERM, signal.SIGINT:
            (self.folder / "alerts.ndjson").unlink(missing_ok=True)
            listen = "cdr_listen: {address: 'unix:cdr.sock', reorder: 1h, idle: 1h}"
            daemon = self.start(self.config([listen], "alerts: {file: alerts.ndjson}\n"))
            daemon.logged("started")
            self.feed(HEADER, row("c1", 1772452800)).close()
            until("the row", lambda: any(v == 1 for k, v in daemon.metrics().items()
                                         if k.startswith("ringfence_source_out_total")))
            daemon.send(number)
            self.assertEqual(daemon.process.wait(PATIENCE_S), 0, daemon.log())
            self.assertEqual(len(self.alerts()), 1)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_privileges_are_dropped(self):
        shutil.chown(self.folder, "nobody")
        # A reload happens as the user, who must still reach the shipped rules.
        daemon = self.start(self.config([self.LISTEN], "alerts: {file: alerts.ndjson}\nuser: nobody\n"),
                            program=self.install())
        daemon.logged("dropped user=nobody")
        status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
        ids = re.search(r"^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$", status, re.M).groups()
        self.assertEqual(len(set(ids)), 1)
        self.assertNotEqual(ids[0], "0")
        self.assertRegex(status, r"CapEff:\t0+\n")
        self.assertRegex(status, r"NoNewPrivs:\t1\n")
        self.assertEqual((self.folder / "state/hash.key").stat().st_uid, int(ids[0]))
        self.feed(HEADER, row("c1", 1772452800))
        until("an alert", lambda: len(self.alerts()) == 1)
        daemon.send(signal.SIGHUP)
        daemon.logged("reload done")
        self.assertEqual(daemon.stop(), 0)

    # ---- configuration ----

    def run_daemon(self, config, *args):
        path = self.folder / "ringfence.yaml"
        path.write_text(config)
        return subprocess.run([DAEMON, "--config", path, *args], capture_output=True, text=True,
                              timeout=PATIENCE_S)

    def test_check_config(self):
        good = self.config([self.LISTEN])
        done = self.run_daemon(good, "--check-config")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("configuration ok"), done.stdout)
        self.assertFalse((self.folder / "state").exists())
        for change, expected in {
            "site: {nam: demo}": r":1:8: error\[E010\]: unknown key 'nam' in 'site'\n(.*\n)*.*did you mean name\?",
            "hep: {listen: 'udp:0.0.0.0:9060'}": r":1:1: error\[E010\]: unknown key 'hep'",
            "spool: {size: 1GiB}": r":1:1: error\[E091\]: not built yet: 'spool'",
        }.items():
            with self.subTest(change):
                bad = change + "\n" + good.replace("site: {name: demo, engine: edge-1, country: GB}\n", "")
                done = self.run_daemon(bad, "--check-config")
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, expected)
                self.assertEqual(done.stdout, "")
        (self.folder / "rules.yaml").write_text(RULES.format(caller=CALLER).replace("where", "wher"))
        done = self.run_daemon(good, "--check-config")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"rules.yaml:10:5: error\[E010\]")

    def test_dump_config_reads_back(self):
        first = self.run_daemon(self.config([self.LISTEN, *self.FILES], self.REDIS), "--dump-config")
        self.assertEqual(first.returncode, 0, first.stderr)
        second = self.run_daemon(first.stdout, "--dump-config")
        self.assertEqual(second.stdout, first.stdout)

    def test_does_not_start(self):
        for config, why in {
            self.config(["pcap: {interface: no-such-interface}"]): "no-such-interface",
            self.config(["cdr_file: {path: missing.csv}"]): "missing.csv",
            self.config([self.LISTEN], "user: no-such-user\n"): "no user 'no-such-user'",
            self.config([self.LISTEN], "trunks: missing.csv\n"): "missing.csv",
        }.items():
            with self.subTest(why):
                done = self.run_daemon(config)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(why, done.stderr)

    def test_usage(self):
        for args in [], ["--config"], ["--config", "x", "--no-such"], ["--config", "x", "y"]:
            self.assertEqual(subprocess.run([DAEMON, *args], capture_output=True).returncode, 2, args)
        self.assertEqual(subprocess.run([DAEMON, "--help"], capture_output=True).returncode, 0)
        self.assertEqual(subprocess.run([DAEMON, "--version"], capture_output=True).returncode, 0)


if __name__ == "__main__":
    if not DAEMON.exists():
        sys.exit(f"{DAEMON} is not built")
    outcome = unittest.main(exit=False, verbosity=2).result
    bad = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - bad - len(outcome.skipped)} passed, {bad} failed, "
          f"{len(outcome.skipped)} skipped")
    sys.exit(1 if bad else 0)

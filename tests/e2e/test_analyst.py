#!/usr/bin/env python3
"""What analysts work with: diff names exactly the alerts that two replays differ in, score counts
what it should, the mutants of a rule that its tests pin are all noticed.
"""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import world

PINNED = """version: 1
rules:
  - id: pinned
    rev: 1
    title: t
    class: other
    severity: high
    on: call
    key: caller.num
    where: answered and duration <= $max
    window: 10m
    params:
      min: {type: int, default: 10, range: [1, 100], tune: true}
      max: {type: dur, default: 10s, range: [1s, 1m], tune: true}
    let: {calls: count()}
    when: calls >= $min
    output: {summary: "{calls} calls"}
    tests:
      - name: ten
        given: [{repeat: 10, every: 1s, event: {caller.num: "+447400900001", callee.num: "+447400900002", answered: true, duration: 10s}}]
        expect: [{at: 9s}]
      - name: nine
        given: [{repeat: 9, every: 1s, event: {caller.num: "+447400900001", callee.num: "+447400900002", answered: true, duration: 8s}}]
        expect: []
      - name: too long
        given: [{repeat: 20, every: 1s, event: {caller.num: "+447400900001", callee.num: "+447400900002", answered: true, duration: 12s}}]
        expect: []
LOOSE      - name: nobody answers
LOOSE        given: [{repeat: 20, every: 1s, event: {caller.num: "+447400900001", callee.num: "+447400900002", answered: false}}]
LOOSE        expect: []
"""


def opened(text):
    return {(e["data"]["rule"], json.dumps(e["data"]["key"], sort_keys=True), e["time"])
            for e in map(json.loads, text.splitlines())}


class AnalystTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="ringfence-analyst-")
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.place = world.make(cls.folder / "world", "--seed", 4, "--calls", 30000)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_diff_is_two_replays(self):
        changed = self.folder / "changed"
        shutil.copytree(world.ROOT / "rules/packs", changed, dirs_exist_ok=True)
        path = changed / "core-voice/20-dialler.yaml"
        text = re.sub(r"(min_people:\s*{type: int, default: )\d+", r"\g<1>30", path.read_text(),
                      count=1)
        self.assertNotEqual(text, path.read_text())
        path.write_text(text)
        before = opened(world.replay(self.place, options=["--rules", world.ROOT / "rules/packs"]))
        after = opened(world.replay(self.place, options=["--rules", changed]))
        lists = [x for name in world.LISTS
                 for x in ("--list", f"{name}={self.place / name}.txt")]
        out = world.run("diff", world.ROOT / "rules/packs", changed, self.place / "cdr.csv",
                        self.place / "calls.pcap", "--home", "GB", "--trunks",
                        self.place / "trunks.csv", "--subscribers",
                        self.place / "subscribers.csv", "--json", *lists)
        named = [json.loads(line) for line in out.splitlines()]
        self.assertTrue(named)
        self.assertEqual(before - after, self.of(named, "old"))
        self.assertEqual(after - before, self.of(named, "new"))

    @staticmethod
    def of(named, side):
        return {(d["rule"], json.dumps({KEYS.get(d["rule"], "caller.num"): d["key"]}), d[side]["time"])
                for d in named if d[side]}

    def test_evidence_of_signals(self):
        """An alert on signals names the calls that caused them, also when they lie in other batches."""
        rows = ["call_id,start_time,answer_time,end_time,caller,callee,ring_ms"]
        for n in range(3):
            rows.append(f"bait-{n},{1000 + n},,{1001 + n},+24740001,+44740090000{n},1000")
        rows += [f"filler-{n},{2000 + n // 4},,{2000 + n // 4},+4420794{n:05},+442079460001,0"
                 for n in range(9000)]
        for n in range(3):
            rows.append(f"back-{n},{4300 + n},{4301 + n},{4331 + n},+44740090000{n},+24740001,1000")
        cdr = self.folder / "signals.csv"
        cdr.write_text("\n".join(rows) + "\n")
        out = world.run("replay", cdr, "--home", "GB", "--rules", world.ROOT / "tests/rules", "--alerts", "-")
        found = [e["data"]["evidence"] for e in map(json.loads, out.splitlines())
                 if e["data"]["rule"] == "test.language/signal.bait"]
        self.assertEqual([["back-0", "back-1", "back-2"]], [e["calls"] for e in found])

    def test_score(self):
        labels = (self.place / "labels.csv").read_text().splitlines()[1:]
        calls = {}
        for row in labels:
            call, campaign, _ = row.split(",")
            calls.setdefault(campaign, []).append(call)
        honest = [row.split(",")[0] for row in (self.place / "cdr.csv").read_text().splitlines()[1:]]
        honest = [call for call in honest if not any(call in of for of in calls.values())]

        def alert(rule, severity, evidence):
            return json.dumps({"type": "ringfence.alert.opened", "time": "2026-03-02T23:59:59.000Z", "data": {
                "rule": rule, "severity": severity, "subject": {"type": "other", "value": "x"},
                "window": {"from": "2026-03-02T00:00:00.000Z"}, "evidence": {"calls": evidence}}})

        alerts = self.folder / "alerts"
        alerts.write_text("\n".join([alert("a/right", "high", calls["wangiri-1"][:9]),
                                     alert("a/wrong", "high", honest[:9]),
                                     alert("a/half", "low", calls["irsf-1"][:4] + honest[:4])]))
        got = json.loads(world.run("score", self.place, alerts, "--json"))
        self.assertEqual(3, got["alerts"])
        self.assertAlmostEqual(1 / 3, got["precision"])
        self.assertAlmostEqual(1 / 2, got["precision_high"])
        self.assertEqual({"a/wrong": 1, "a/half": 1}, got["wrong"])
        self.assertEqual(len(calls), got["all"]["operations"])
        self.assertEqual(1, got["all"]["found"])
        by_class = {c["class"]: c for c in got["classes"]}
        self.assertEqual(len(calls["wangiri-1"]), by_class["wangiri"]["median_before"])
        self.assertEqual(0, by_class["wangiri"]["before_half"])

    def test_suggest_is_a_replay_a_value(self):
        """Each line of suggest is what a replay with that value, set by an override, gives."""
        traffic = [self.place / "cdr.csv", self.place / "calls.pcap", "--home", "GB", "--trunks",
                   self.place / "trunks.csv",
                   "--list", f"high_cost={self.place / 'high_cost.txt'}"]
        out = world.run("suggest", "irsf.burst", *traffic, "--param", "min_calls", "--labels",
                        self.place / "labels.csv", "--json")
        values = json.loads(out)["values"]
        self.assertEqual(1, sum(v["now"] for v in values))
        self.assertGreater(len({v["alerts"] for v in values}), 1)
        for value in values[::4]:
            override = self.folder / "override.yaml"
            override.write_text("version: 1\noverrides:\n  - {rule: core.voice/irsf.burst, base_rev: 1, "
                                f"params: {{min_calls: {value['value']}}}, by: test, reason: test}}\n")
            alerts = world.run("replay", *traffic, "--rules", world.ROOT / "rules/packs", "--rules",
                               override, "--alerts", "-")
            count = sum(e["data"]["rule"] == "core.voice/irsf.burst"
                        for e in map(json.loads, alerts.splitlines()))
            self.assertEqual(count, value["alerts"], value)

    def test_calibrate(self):
        """The table of a threshold: the value in force is bold, fewer numbers never find less."""
        out = subprocess.run([world.ROOT / "tools/calibrate.py", "1", "--rule", "harvest.block"], check=True,
                             capture_output=True, text=True, timeout=120).stdout
        rows = re.findall(r"^\| (\**)(\d+)\** \| ([\d.]+) \| \S+ \| (\d+) \|$", out, re.M)
        self.assertEqual(1, sum(bool(bold) for bold, *_ in rows), out)
        found = [int(operations) for *_, operations in rows]
        self.assertEqual(sorted(found, reverse=True), found)
        self.assertGreater(found[0], 0)

    def mutants(self, loose):
        rules = self.folder / "pinned.yaml"
        lines = [line for line in PINNED.splitlines() if not (loose and line.startswith("LOOSE"))]
        rules.write_text("\n".join(line.replace("LOOSE", "") for line in lines) + "\n")
        out = json.loads(world.run("test", "--mutate", "--json", rules))
        return out["mutants"], [s["mutant"] for s in out["survivors"]]

    def test_mutate(self):
        count, survivors = self.mutants(loose=False)
        self.assertEqual((8, []), (count, survivors))
        self.assertEqual(["without: answered"], self.mutants(loose=True)[1])
        (self.folder / "mutants.txt").write_text("pinned\twithout: answered\tnobody answers here\n")
        strict = subprocess.run([world.PROGRAM, "test", "--mutate", "--strict",
                                 self.folder / "pinned.yaml"], capture_output=True, text=True)
        self.assertEqual(0, strict.returncode, strict.stdout)
        self.assertIn("waived    without: answered: nobody answers here", strict.stdout)


KEYS = {}

if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""`ringfence test --mutate`: what it says, what it exits with, what mutants.txt beside a rule waives."""
import json
import pathlib
import subprocess
import tempfile
import unittest

import world

RULE = """
  - id: {id}
    rev: 1
    title: t
    class: other
    severity: low
    on: call
    key: caller.num
    where: duration >= 30s
    output: {{summary: x}}
    tests:
      - name: just long enough
        given: [{{event: {{caller.num: "+447400900001", callee.num: "+447400900002", answered: true, duration: 30s}}}}]
        expect: {expect}
"""
# What a test at the boundary alone leaves open.
LOOSE = ["duration >= 30s: 30s -> 21s", "without: duration >= 30s"]


class MutateTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="ringfence-mutate-")
        self.folder = pathlib.Path(self.temporary.name)
        self.write(RULE.format(id="a.first", expect="[{at: 0s}]"),
                   RULE.format(id="a.second", expect="[{at: 0s}]"))

    def tearDown(self):
        self.temporary.cleanup()

    def write(self, *rules):
        (self.folder / "rules.yaml").write_text("version: 1\npack: p\nrules:" + "".join(rules))

    def waive(self, *lines):
        (self.folder / "mutants.txt").write_text("".join("\t".join(line) + "\n" for line in lines))

    def mutate(self, *options, status=0):
        done = subprocess.run([world.PROGRAM, "test", "--mutate", *options, self.folder / "rules.yaml"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        self.assertEqual("", done.stderr)
        return done.stdout.splitlines()

    def test_the_listing(self):
        each = ["2 of 4 noticed", *(f"survives  {name}" for name in LOOSE)]
        self.assertEqual(["p/a.first: " + each[0], "  " + each[1], "  " + each[2],
                          "p/a.second: " + each[0], "  " + each[1], "  " + each[2],
                          "8 mutants, 4 noticed, 4 survive (50.0 %), 0 waived"], self.mutate())

    def test_run_chooses_rules(self):
        self.assertEqual("4 mutants, 2 noticed, 2 survive (50.0 %), 0 waived",
                         self.mutate("--run", "second")[-1])
        self.assertEqual(["0 mutants, 0 noticed, 0 survive (0.0 %), 0 waived"],
                         self.mutate("--run", "third", "--strict"))

    def test_strict_wants_a_reason_for_each(self):
        self.mutate("--strict", status=1)
        first = [("a.first", name, "why not") for name in LOOSE]
        self.waive(*first)
        self.assertIn(f"  waived    {LOOSE[1]}: why not", self.mutate("--strict", status=1))
        self.mutate("--strict", "--run", "first")
        self.waive(*first, *(("a.second", name, "nor here") for name in LOOSE))
        self.assertEqual("8 mutants, 4 noticed, 0 survive (0.0 %), 4 waived",
                         self.mutate("--strict")[-1])

    def test_no_reason_waives_nothing(self):
        for reason in ([], [""]):
            self.waive(*(("a.first", name, *reason) for name in LOOSE))
            self.assertEqual("4 mutants, 2 noticed, 2 survive (50.0 %), 0 waived",
                             self.mutate("--strict", "--run", "first", status=1)[-1])

    def test_json_says_the_same(self):
        self.waive(("a.first", LOOSE[0], "why not"))
        got = [json.loads(line) for line in self.mutate("--json", "--strict", status=1)]
        self.assertEqual(
            [{"rule": "p/a.first", "broken": False, "mutants": 4, "noticed": 2,
              "survivors": [{"mutant": LOOSE[0], "waived": "why not"},
                            {"mutant": LOOSE[1], "waived": None}]},
             {"rule": "p/a.second", "broken": False, "mutants": 4, "noticed": 2,
              "survivors": [{"mutant": name, "waived": None} for name in LOOSE]}], got)

    def test_a_rule_that_fails_its_tests_has_no_mutants(self):
        self.write(RULE.format(id="a.first", expect="[]"), RULE.format(id="a.second", expect="[{at: 0s}]"))
        lines = self.mutate(status=1)
        self.assertEqual("p/a.first: fails its tests as it stands", lines[0])
        self.assertEqual("4 mutants, 2 noticed, 2 survive (50.0 %), 0 waived", lines[-1])
        self.assertTrue(json.loads(self.mutate("--json", status=1)[0])["broken"])


if __name__ == "__main__":
    unittest.main()

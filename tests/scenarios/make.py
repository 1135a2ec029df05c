#!/usr/bin/env python3
"""Writes the call records of every scenario, and of its quiet twin one step short of the scam.

    make.py        anew into the folders beside this file; the result is committed

Expected times come from here, from which call is the one too many, never from a run.
"""
import csv
import datetime
import json
import pathlib
import random

HERE = pathlib.Path(__file__).resolve().parent
NOON = datetime.datetime(2026, 3, 2, 12)  # a Monday
COLUMNS = ["call_id", "start_time", "answer_time", "end_time", "caller", "callee", "trunk_in",
           "sip_code", "hangup_by", "caller_name", "attest"]


def moment(seconds):
    return (NOON + datetime.timedelta(seconds=seconds)).isoformat(timespec="milliseconds") + "Z"


def person(i):
    """Somebody, living nowhere near person(i + 1)."""
    return f"+447400{(i + 1) * 7919 % 1000000:06}"


class Scene:
    def __init__(self, name):
        self.random = random.Random(name)
        self.rows = []

    def call(self, at, caller, callee, trunk="national-1", ring=5.0, talk=None, code=None,
             hangup="caller", display="", attest=""):
        """A call at `at` seconds after noon; talk None: not answered. Returns the second of its end."""
        end = at + ring + (talk or 0)
        self.rows.append([None, moment(at), "" if talk is None else moment(at + ring), moment(end),
                          caller, callee, trunk, code or (200 if talk is not None else 487), hangup,
                          display, attest])
        return end

    def ordinary(self, count=60):
        """Friends who call each other all afternoon."""
        people = [f"+4474007000{i:02}" for i in range(20)]
        for _ in range(count):
            caller, callee = self.random.sample(people, 2)
            self.call(self.random.randrange(7200), caller, callee, "access-1", 8.0,
                      self.random.choice([None, 40, 95, 180, 420]), attest="A")

    def write(self, folder, expect):
        folder.mkdir(exist_ok=True)
        self.rows.sort(key=lambda row: (row[1], row[4], row[5]))
        for number, row in enumerate(self.rows, 1):
            row[0] = f"c{number:04}"
        with open(folder / "calls.csv", "w", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(self.rows)
        with open(folder / "expect.ndjson", "w") as out:
            for rule, end, subject in expect:
                out.write(json.dumps({"rule": f"core.voice/{rule}", "time": moment(end),
                                      "subject": subject}) + "\n")


# Each returns the alerts that must come: (rule, second of the call that opens it, subject).

def wangiri(scene, loud):
    ends = [scene.call(300 + 5 * i, "+22220441097", person(i), "foreign-1",
                       ring=1.2 if loud or i % 3 else 4.5) for i in range(50)]
    return [("wangiri.burst", ends[19], "caller:+22220441097")]


def robocall(scene, loud):
    ends = [scene.call(300 + 8 * i, "+442079460001", person(i), "peer-1", 4.0,
                       8 if i % 2 else None, 480 if not i % 2 else None, "callee")
            for i in range(40 if loud else 19)]
    return loud and [("robocall.slow", ends[19], "caller:+442079460001"),
                     ("robocall.burst", ends[24], "caller:+442079460001")]


def scam_centre(scene, loud):
    ends = [scene.call(60 * 4 * i, "+447400100001", person(i), "access-1", 9.0,
                       60 + i % 7 * 15, hangup="callee", attest="A") for i in range(40)]
    if not loud:
        for i in range(5):
            scene.call(60 * 4 * i * 5 + 200, person(i), "+447400100001", "access-1", 5.0, 30)
    return [("scam_centre.talker", ends[35], "other:+447400100001")]


def rotation(scene, loud):
    ends = [scene.call(300 + 9 * i, f"+4420794{i if loud else i % 24:05}", person(i),
                       "peer-1", 3.0, 6, hangup="callee") for i in range(60)]
    return [("rotation.trunk", ends[24], "other:unknown")]


def neighbour(scene, loud):
    ends = [scene.call(300 + 20 * i, f"+4474009{i if loud else i + 50:02}123",
                       f"+4474009{i:02}456", "national-1", 3.0, 12) for i in range(32)]
    return [("spoof.neighbour", ends[29], "trunk:national-1")]


def national_from_abroad(scene, loud):
    ends = [scene.call(300 + 20 * i, f"+4474007001{i:02}" if loud else f"+3538729460{i:02}",
                       person(i), "foreign-1", 6.0, 25) for i in range(12)]
    return [("spoof.national_inbound", ends[9], "other:unknown")]


def do_not_originate(scene, loud):
    number = "+448001110000" if loud else "+448001110001"
    ends = [scene.call(300 + 60 * i, number, person(i), "national-1", 6.0, 25)
            for i in range(4)]
    return [("spoof.dno", ends[0], f"caller:{number}")]


def number_scan(scene, loud):
    ends = [scene.call(300 + 4 * i, "+441614960001", f"+442079461{i % 100 if loud else i * 91 % 1000:03}",
                       "peer-1", 0.5, None, 404 if i % 2 else 487) for i in range(60)]
    return [("harvest.block", ends[19], "caller:+441614960001")]


def irsf(scene, loud):
    ends = [scene.call(60 + 120 * i, "+442079460001", f"+3719010004{i % 4}", "office-1", 2.0,
                       300 if loud else 60) for i in range(14)]
    return [("irsf.burst", ends[9], "caller:+442079460001")]


def tdos(scene, loud):
    ends = [scene.call(300 + (0.5 if loud else 3) * i, f"+4416149{i:05}", "+442079470000",
                       "national-1", 0.8, None, 486, "callee") for i in range(90)]
    return [("tdos.flood", ends[24], "callee:+442079470000")]


def impersonation(scene, loud):
    name = "НMRC Tax Refund" if loud else "Hamrcastle Taxis"
    ends = [scene.call(300 + 60 * i, "+442079460001", person(i), "national-1", 6.0, 25,
                       display=name) for i in range(4)]
    return [("impersonation.public_body", ends[0], "caller:+442079460001")]


SCENARIOS = [wangiri, robocall, scam_centre, rotation, neighbour, national_from_abroad,
             do_not_originate, number_scan, irsf, tdos, impersonation]


def main():
    for make in SCENARIOS:
        for loud in (True, False):
            scene = Scene(make.__name__)
            scene.ordinary()
            expect = make(scene, loud)
            scene.write(HERE / (make.__name__ + ("" if loud else "_quiet")), expect if loud else [])


if __name__ == "__main__":
    main()

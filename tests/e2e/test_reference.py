#!/usr/bin/env python3
"""Random rules on random calls: the engine raises what the plain reference evaluator
(tests/reference/evaluator.py) raises, rule, key and instant.

    test_reference.py [SETS [SEED]]    rule sets (30) of six rules each on 2,000 calls; a fixed seed and
                                       one that is drawn, or SEED alone
"""
import json
import pathlib
import random
import sys
import tempfile

import world

sys.path.insert(0, str(world.ROOT / "tests/reference"))
from evaluator import Reference  # noqa: E402

BEGIN = 1772409600000
CALLS = 2000
PEOPLE = [f"+44740090000{n}" for n in range(8)] + ["+24740001", "+24740002"]
NAMES = {"caller": "caller.num", "callee": "callee.num", "trunk": "trunk.id"}


def quoted(text):
    return '"' + text + '"'


# ---- conditions: (as a rule writes it, as a function) ----

def atom(r, feedback):
    kind = r.choice([0, 1, 2, 3, 4, 5] + ([6, 6, 6, 7, 7] if feedback else []))
    if kind == 0:
        return "answered", lambda ref, e: e["answered"]
    if kind == 1:
        return "not answered", lambda ref, e: not e["answered"]
    if kind == 2:
        least = r.choice([1, 5, 30, 60])
        return f"duration >= {least}s", lambda ref, e: e["duration"] >= least * 1000
    if kind == 3:
        limit = r.choice([5, 30, 61, 90])
        return f"duration < {limit}s", lambda ref, e: e["duration"] < limit * 1000
    if kind == 4:
        name = r.choice(["t1", "t2", "t3"])
        return f"trunk.id == {quoted(name)}", lambda ref, e: e["trunk"] == name
    if kind == 5:
        some = r.sample(PEOPLE, 4)
        side = r.choice(["caller", "callee"])
        inside = "{" + ", ".join(map(quoted, some)) + "}"
        return f"{NAMES[side]} in {inside}", lambda ref, e: e[side] in some
    if kind == 6:
        side = r.choice(["caller", "callee"])
        return f"{NAMES[side]} in @hot", lambda ref, e: ref.listed("hot", e[side])
    least = r.choice([5, 12, 25])
    return f"caller.score >= {least}.0", lambda ref, e: ref.score(e["caller"])[0] >= least


def condition(r, feedback):
    parts = [atom(r, feedback) for _ in range(r.choice([1, 1, 2]))]
    word, fold = (" and ", all) if len(parts) < 2 or r.random() < 0.7 else (" or ", any)
    return word.join(text for text, _ in parts), lambda ref, e: fold(f(ref, e) for _, f in parts)


# ---- rules: (YAML lines, dictionary) ----

def effects(r, rule, lines, fields):
    """Sometimes a rule does something to others."""
    if r.random() < 0.3:
        points, half = r.choice([4, 10, 15]), r.choice([60, 600, 3600])
        lines.append(f"score: {{entity: {NAMES[rule['key']]}, points: {points}, half_life: {half}s}}")
        rule["points"] = lambda e, key: (key[0], points, half * 1000)
    if fields and r.random() < 0.5:
        side, ttl = r.choice(["caller", "callee"]), r.choice([10, 20, 300])
        lines.append(f"then: [{{add: {{list: \"@hot\", value: {NAMES[side]}, ttl: {ttl}s}}}}]")
        rule["add"] = lambda e: [("hot", e[side], ttl * 1000)]


def match_rule(r, name, feedback):
    text, where = condition(r, feedback)
    rule = {"id": name, "shape": "match", "key": r.choice(["caller", "callee"]), "where": where}
    lines = ["on: call", f"key: {NAMES[rule['key']]}"]
    if r.random() < 0.3:
        field, history = r.choice(["callee", "trunk"]), r.choice([60, 120, 600])
        text = f"new({NAMES[field]}, {history}s) and ({text})"
        rule["new"] = (field, history * 1000)
    if r.random() < 0.3:
        rearm = r.choice([10, 120, 900])
        lines += ["fire: once", f"rearm: {rearm}s"]
        rule |= {"once": True, "rearm": rearm * 1000}
    lines.append(f"where: {text}")
    effects(r, rule, lines, fields=True)
    return lines, rule


def mean(values):
    return sum(values) / len(values) if values else None


AGGREGATES = [
    ("count()", len, [2, 3, 5, 9], ">="),
    ("count(answered)", lambda es: sum(e["answered"] for e in es), [2, 4], ">="),
    ("distinct(callee.num)", lambda es: len({e["callee"] for e in es}), [2, 3, 5], ">="),
    ("distinct(trunk.id, answered)", lambda es: len({e["trunk"] for e in es if e["answered"]}), [2, 3], ">="),
    ("sum(duration)", lambda es: sum(e["duration"] for e in es), [60, 240], ">="),
    ("avg(duration)", lambda es: mean([e["duration"] for e in es]), [20, 45], "<="),
    ("max(duration)", lambda es: max(e["duration"] for e in es), [60, 90], ">="),
    ("min(duration)", lambda es: min(e["duration"] for e in es), [5, 30], ">="),
    ("ratio(answered)", lambda es: mean([e["answered"] for e in es]), [25, 50, 75], ">="),
]


def bound(text, limit):
    """A limit as the rule writes it, and as the reference compares with it."""
    if "duration" in text:
        return f"{limit}s", limit * 1000
    return (f"{limit}%", limit / 100) if text.startswith("ratio") else (str(limit), limit)


def window_rule(r, name, feedback):
    text, where = condition(r, feedback)
    span = r.choice([10, 60, 600, 3600])
    chosen = [(a, r.choice(a[2])) for a in r.sample(AGGREGATES, r.choice([1, 1, 2]))]
    rule = {"id": name, "shape": "window", "key": r.choice(["caller", "callee", "trunk"]), "where": where,
            "window": span * 1000, "once": r.random() < 0.7,
            "rearm": span * 1000}

    def when(inside):
        values = [(f(inside), bound(t, limit)[1], op) for (t, f, _, op), limit in chosen]
        return all(v is not None and (v >= x if op == ">=" else v <= x) for v, x, op in values)

    rule["when"] = when
    lines = ["on: call", f"key: {NAMES[rule['key']]}", f"window: {span}s", f"where: {text}",
             "when: " + " and ".join(f"{t} {op} {bound(t, limit)[0]}" for (t, _, _, op), limit in chosen)]
    if not rule["once"]:
        lines.append("fire: each")
    if rule["key"] != "trunk":
        effects(r, rule, lines, fields=True)
    return lines, rule


def sequence_rule(r, name, feedback):
    count, pair = r.choice([2, 2, 3]), r.random() < 0.5
    names = "who, whom" if pair else "who"
    steps, lines = [], []
    within = r.choice([60, 600, 3600])
    for number in range(count):
        last = number + 1 == count
        none = number > 0 and not steps[-1]["none"] and r.random() < (0.3 if last else 0.4)
        text, where = condition(r, feedback)
        key = r.choice([["caller", "callee"], ["callee", "caller"]])[:2 if pair else 1]
        step = {"none": none, "where": where, "key": key}
        line = f"{'none' if none else 'as'}: s{number}, on: call, key: \"{', '.join(NAMES[k] for k in key)}\""
        line += f", where: '{text}'"
        if none and last:
            step["for"] = r.choice([5, 60, 900]) * 1000
            line += f", for: {step['for'] // 1000}s"
        steps.append(step)
        lines.append("    - {" + line + "}")
    rule = {"id": name, "shape": "sequence", "steps": steps, "within": within * 1000, "key": "who",
            "keep_first": r.random() < 0.4}
    head = ["sequence:", f"  within: {within}s", f"  key: {names}",
            f"  keep: {'first' if rule['keep_first'] else 'latest'}", "  steps:"]
    return head + lines, rule


def signal_pair(r, name, feedback):
    """A rule that gives signals, and one that counts them."""
    lines, giver = match_rule(r, name + "a", feedback)
    lines = [line for line in lines if not line.startswith(("score:", "then:"))]
    giver.pop("points", None)
    giver.pop("add", None)
    giver["emit"] = lambda e, key: {"caller": e["caller"], "callee": e["callee"]}
    lines += ["emit: signal", "let: {caller: caller.num, callee: callee.num}",
              "output: {summary: s, fields: \"caller, callee\"}"]
    key, other = r.sample(["caller", "callee"], 2)
    span, least = r.choice([60, 600, 3600]), r.choice([1, 2, 3])
    taker = {"id": name + "b", "shape": "signal", "from": giver["id"], "key": key, "distinct": other,
             "window": span * 1000, "least": least, "once": True, "rearm": span * 1000}
    taking = ["on: signal", f"from: [{giver['id']}]", f"key: signal.{key}", f"window: {span}s",
              f"when: distinct(signal.{other}) >= {least}"]
    return [(lines, giver), (taking, taker)]


def score_rule(r, name):
    least, rules, rearm = r.choice([8, 15, 30]), r.choice([1, 2]), r.choice([60, 3600])
    rule = {"id": name, "shape": "score", "least": least, "rules": rules, "once": True, "rearm": rearm * 1000}
    return [f"on: score", f"when: score.value >= {least}.0 and score.rules >= {rules}", f"rearm: {rearm}s"], rule


def rule_set(r):
    feedback = r.random() < 0.5
    made = []
    for number in range(6):
        name = f"r{number}"
        shape = r.choice([match_rule, window_rule, window_rule, sequence_rule, sequence_rule, signal_pair,
                          score_rule])
        if shape is signal_pair:
            made += signal_pair(r, name, feedback)
        else:
            made.append(shape(r, name) if shape is score_rule else shape(r, name, feedback))
    text = "version: 1\npack: random\nlists: {\"@hot\": {type: num, dynamic: true}}\nrules:\n"
    for lines, rule in made:
        head = f"  - id: {rule['id']}\n    rev: 1\n    title: t\n    class: other\n    severity: low\n"
        text += head + "".join(f"    {line}\n" for line in lines)
    return text, [rule for _, rule in made]


def calls(r):
    time, events = BEGIN, []
    for number in range(CALLS):
        time += r.choice([0, 0, 500, 1000, 1000, 10000, 10000, 60000])
        caller, callee = r.sample(PEOPLE, 2)
        answered = r.random() < 0.6
        duration = r.choice([0, 1000, 5000, 29999, 30000, 60000, 90000]) if answered else 0
        events.append({"id": f"c{number:06}", "time": time, "caller": caller, "callee": callee,
                       "answered": answered, "duration": duration, "trunk": r.choice(["t1", "t2", "t3"])})
    return events


def seconds(ms):
    return f"{ms // 1000}.{ms % 1000:03}"


def write_calls(path, events):
    rows = ["call_id,start_time,answer_time,end_time,caller,callee,trunk_in"]
    for e in events:
        start = seconds(e["time"] - e["duration"])
        rows.append(f"{e['id']},{start},{start if e['answered'] else ''},{seconds(e['time'])},"
                    f"{e['caller']},{e['callee']},{e['trunk']}")
    path.write_text("\n".join(rows) + "\n")


def instant(text):
    from datetime import datetime
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def engine(folder):
    out = world.run("replay", folder / "calls.csv", "--home", "GB", "--rules", folder / "rules.yaml",
                    "--alerts", "-")
    return sorted((instant(e["time"]), e["data"]["rule"].split("/")[1], tuple(e["data"]["key"].values()))
                  for e in map(json.loads, out.splitlines()))


def compare(seed, folder):
    """None, or what differs first."""
    r = random.Random(seed)
    text, rules = rule_set(r)
    events = calls(r)
    (folder / "rules.yaml").write_text(text)
    write_calls(folder / "calls.csv", events)
    reference = Reference(rules)
    for event in events:
        reference.feed(event)
    expected, got = sorted(reference.end()), engine(folder)
    if expected == got:
        return len(got), None
    missing = [a for a in expected if a not in set(got)]
    extra = [a for a in got if a not in set(expected)]
    return len(got), f"missing {missing[:3]} extra {extra[:3]} of {len(expected)}\n{text}"


def main():
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    fresh = random.SystemRandom().randrange(1 << 32)
    seeds = [int(sys.argv[2])] if len(sys.argv) > 2 else [1, fresh]
    failures = alerts = done = 0
    with tempfile.TemporaryDirectory(prefix="ringfence-reference-") as name:
        for seed in seeds:
            for number in range(max(1, sets // len(seeds))):
                count, wrong = compare(f"{seed}/{number}", pathlib.Path(name))
                done += 1
                alerts += count
                if wrong:
                    failures += 1
                    print(f"FAIL seed {seed}, set {number}: {wrong}", flush=True)
                if done % 500 == 0:
                    print(f"{done} sets, {failures} differ", flush=True)
    print(f"seeds {seeds}: {done} rule sets on {CALLS} calls, {alerts} alerts; {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

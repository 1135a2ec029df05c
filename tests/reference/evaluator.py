"""The rule language in the plainest way: every event is kept, every question is answered by going
through all of them. Slow and obvious, so that what the engine finds can be compared with it.

Rules are small dictionaries of Python functions on events (see test_reference.py, which writes the
same rules as YAML). Times are integers in milliseconds; a key is a tuple.
"""
LIVE_HALVES = 10


def epoch(time):
    return time // 1000


class Reference:
    """feed() events in order, then end(); alerts are (time, rule, key)."""

    def __init__(self, rules):
        self.rules = sorted(rules, key=lambda rule: rule["id"])
        self.alerts = []
        self.signals = []       # of closed and open epochs: (time, rule id, fields)
        self.waiting = []       # effects of the open epoch
        self.lists = {}         # (list, value) -> until
        self.points = {}        # entity -> {(rule, key): (time, points, half life)}
        self.events = {rule["id"]: [] for rule in self.rules}  # that entered, with their keys
        self.last_true = {}
        self.partials = {}
        self.timers = []
        self.seen = {}
        self.epoch = None
        self.now = 0

    # ---- what others do ----

    def listed(self, name, value):
        return self.lists.get((name, value), 0) > epoch(self.now) * 1000

    def score(self, entity, time=None):
        time = epoch(self.now) * 1000 if time is None else time
        live = [(rule, points * 2 ** (-max(0, time - at) / half))
                for (rule, _), (at, points, half) in self.points.get(entity, {}).items()
                if time - at <= LIVE_HALVES * half]
        return sum(points for _, points in live), len({rule for rule, _ in live})

    def close_epoch(self):
        for _ in range(8):
            effects, self.waiting = self.waiting, []
            rows = []
            for what, rule, key, time, fields in effects:
                if what == "list":
                    for name, value, ttl in fields:
                        self.lists[name, value] = time + ttl
                elif what == "score":
                    entity, points, half = fields
                    self.points.setdefault(entity, {})[rule["id"], key] = (time, points, half)
                    rows.append(("score", time, entity, *self.score(entity, time)))
                else:
                    rows.append(("signal", time, rule["id"], fields))
            for row in [r for r in rows if r[0] == "signal"]:
                self.on_signal(*row[1:])
            for row in [r for r in rows if r[0] == "score"]:
                self.on_score(*row[1:])

    def on_signal(self, time, emitter, fields):
        for rule in self.rules:
            if rule["shape"] == "signal" and emitter == rule["from"]:
                key = (fields[rule["key"]],)
                self.events[rule["id"]].append((time, key, fields))
                inside = {f[rule["distinct"]] for t, k, f in self.events[rule["id"]]
                          if k == key and time - rule["window"] < t <= time}
                if len(inside) >= rule["least"]:
                    self.true(rule, key, time, None)

    def on_score(self, time, entity, value, rules):
        for rule in self.rules:
            if rule["shape"] == "score" and value >= rule["least"] and rules >= rule["rules"]:
                self.true(rule, (entity,), time, None)

    # ---- firing ----

    def true(self, rule, key, time, event):
        if rule.get("once"):
            last = self.last_true.get((rule["id"], key))
            self.last_true[rule["id"], key] = time
            if last is not None and time <= last + rule["rearm"]:
                return
        if not rule.get("emit"):
            self.alerts.append((time, rule["id"], key))
        if rule.get("add"):
            self.waiting.append(("list", rule, key, time, rule["add"](event)))
        if rule.get("points"):
            self.waiting.append(("score", rule, key, time, rule["points"](event, key)))
        if rule.get("emit"):
            self.waiting.append(("signal", rule, key, time, rule["emit"](event, key)))

    # ---- shapes ----

    def match(self, rule, event):
        key = (event[rule["key"]],)
        news = self.learn(rule, key, event) if "new" in rule else True
        if news and rule["where"](self, event):
            self.true(rule, key, event["time"], event)

    def learn(self, rule, key, event):
        field, history = rule["new"]
        last = self.seen.get((rule["id"], key, event[field]))
        self.seen[rule["id"], key, event[field]] = event["time"]
        return last is None or event["time"] - last > history

    def window(self, rule, event):
        if not rule["where"](self, event):
            return
        key, time = (event[rule["key"]],), event["time"]
        kept = self.events[rule["id"]]
        kept.append((time, key, event))
        inside = [e for t, k, e in kept if k == key and time - rule["window"] < t <= time]
        if rule["when"](inside):
            self.true(rule, key, time, event)

    def sequence(self, rule, event):
        steps, by_key = rule["steps"], {}
        for number, step in enumerate(steps):
            if step["where"](self, event):
                by_key.setdefault(tuple(event[f] for f in step["key"]), []).append(number)
        for key, numbers in by_key.items():
            self.advance(rule, key, event, numbers)

    def advance(self, rule, key, event, numbers):
        steps, time = rule["steps"], event["time"]
        waits = self.partials.setdefault((rule["id"], key), {})
        stages = sum(not step["none"] for step in steps)
        for number in reversed(numbers):
            stage = sum(not step["none"] for step in steps[:number])
            before = waits.get(stage - 1)
            in_time = before and before[0] + rule["within"] >= time
            if steps[number]["none"]:
                if before:
                    del waits[stage - 1]
                continue
            if stage == 0:
                held = waits.get(0)
                if rule["keep_first"] and held and held[0] + rule["within"] >= time:
                    continue
                waits[0] = (time, time)
            elif in_time:
                del waits[stage - 1]
                waits[stage] = (before[0], time)
            else:
                continue
            if stage + 1 == stages:
                if steps[-1]["none"]:
                    self.timers.append((time + steps[-1]["for"], rule, key))
                else:
                    waits.clear()
                    self.true(rule, key, time, event)
            if stage > 0:
                break

    def fire_timers(self, before):
        for timer in sorted((t for t in self.timers if t[0] < before), key=lambda t: t[0]):
            due, rule, key = timer
            self.timers.remove(timer)
            waits = self.partials.get((rule["id"], key), {})
            stage = sum(not step["none"] for step in rule["steps"]) - 1
            if stage in waits and waits[stage][1] + rule["steps"][-1]["for"] == due:
                waits.clear()
                self.to_epoch(epoch(due))
                self.true(rule, key, due, None)

    # ---- events ----

    def to_epoch(self, number):
        """What was done to others in an epoch before takes effect."""
        if self.epoch is not None and number > self.epoch and self.waiting:
            self.close_epoch()
        self.epoch = max(number, self.epoch if self.epoch is not None else number)

    def feed(self, event):
        self.fire_timers(event["time"])
        self.to_epoch(epoch(event["time"]))
        self.now = event["time"]
        for rule in self.rules:
            if rule["shape"] in ("match", "window", "sequence"):
                getattr(self, rule["shape"])(rule, event)

    def end(self):
        self.fire_timers(1 << 62)
        self.to_epoch(1 << 62)
        return self.alerts

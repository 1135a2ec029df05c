/* Regular expressions over digits as automata: the subset that numbering plans are written in
 * (digits, \d, classes, groups, |, ?, {n}, {n,m}), every pattern anchored at both ends.
 *
 * Thompson's construction, then sets of states ("Regular expression search algorithm", 1968); no
 * backtracking, so that a set can be asked what all of its completions have in common.
 */

const DIGITS = 10;

/* A pattern as a tree: {digits: Set} | {all: [...]} | {any: [...]} | {node, min, max}. */
class Parser {
	constructor(text) {
		this.text = text;
		this.at = 0;
	}

	fail(why) {
		throw new Error(`${why} at ${this.at} of /${this.text}/`);
	}

	take(c) {
		if (this.text[this.at] !== c) {
			return false;
		}
		this.at++;
		return true;
	}

	parse() {
		const tree = this.alternatives();
		if (this.at < this.text.length) {
			this.fail('unexpected character');
		}
		return tree;
	}

	alternatives() {
		const any = [this.sequence()];
		while (this.take('|')) {
			any.push(this.sequence());
		}
		return any.length === 1 ? any[0] : { any };
	}

	sequence() {
		const all = [];
		while (this.at < this.text.length && !'|)'.includes(this.text[this.at])) {
			all.push(this.repeated(this.atom()));
		}
		return { all };
	}

	atom() {
		if (this.take('(')) {
			if (this.take('?') && !this.take(':')) {
				this.fail('only (?: groups');
			}
			const tree = this.alternatives();
			if (!this.take(')')) {
				this.fail('missing )');
			}
			return tree;
		}
		return { digits: this.take('[') ? this.class() : this.digit() };
	}

	digit() {
		if (this.take('\\')) {
			if (!this.take('d')) {
				this.fail('only \\d');
			}
			return new Set(Array(DIGITS).keys());
		}
		const c = this.text[this.at++];
		if (!/^\d$/.test(c)) {
			this.at--;
			this.fail('not a digit');
		}
		return new Set([Number(c)]);
	}

	class() {
		const digits = new Set();
		while (!this.take(']')) {
			const first = this.digit();
			if (first.size === 1 && this.take('-')) {
				const [from] = first;
				const [to] = this.digit();
				for (let d = from; d <= to; d++) {
					digits.add(d);
				}
			} else {
				first.forEach((d) => digits.add(d));
			}
		}
		return digits;
	}

	repeated(node) {
		if (this.take('?')) {
			return { node, min: 0, max: 1 };
		}
		const bounds = /^\{(\d+)(?:,(\d+))?\}/.exec(this.text.slice(this.at));
		if (!bounds) {
			return node;
		}
		this.at += bounds[0].length;
		return { node, min: Number(bounds[1]), max: Number(bounds[2] ?? bounds[1]) };
	}
}

/* Many patterns in one automaton; a set of its states says which of them a text has matched. */
export class Automaton {
	constructor() {
		this.steps = []; /* state -> [digits, next], or null where it only has empty edges */
		this.empty = []; /* state -> states reached without a digit */
		this.accepts = []; /* state -> name of the pattern that ends here */
		this.starts = [];
		this.memo = new Map();
	}

	state() {
		this.steps.push(null);
		this.empty.push([]);
		this.accepts.push(undefined);
		return this.steps.length - 1;
	}

	/* prefix: the rest of the text may be anything. */
	add(name, pattern, { prefix = false } = {}) {
		const start = this.state();
		const end = this.build(new Parser(pattern).parse(), start);
		this.accepts[end] = name;
		if (prefix) {
			this.steps[end] = [new Set(Array(DIGITS).keys()), end];
		}
		this.starts.push(start);
	}

	build(tree, from) {
		if (tree.digits) {
			const next = this.state();
			const at = this.state();
			this.empty[from].push(at);
			this.steps[at] = [tree.digits, next];
			return next;
		}
		if (tree.all) {
			return tree.all.reduce((at, part) => this.build(part, at), from);
		}
		const end = this.state();
		if (tree.any) {
			tree.any.forEach((part) => this.empty[this.build(part, from)].push(end));
			return end;
		}
		let at = from;
		for (let i = 0; i < tree.max; i++) {
			if (i >= tree.min) {
				this.empty[at].push(end);
			}
			at = this.build(tree.node, at);
		}
		this.empty[at].push(end);
		return end;
	}

	closed(states) {
		const seen = new Set();
		const left = [...states];
		while (left.length) {
			const s = left.pop();
			if (!seen.has(s)) {
				seen.add(s);
				left.push(...this.empty[s]);
			}
		}
		const kept = [...seen].filter((s) => this.steps[s] || this.accepts[s] !== undefined);
		const states_sorted = kept.sort((a, b) => a - b);
		const key = states_sorted.join(',');
		if (!this.memo.has(key)) {
			const names = states_sorted.map((s) => this.accepts[s]);
			this.memo.set(key, {
				key,
				states: states_sorted,
				matched: new Set(names.filter((n) => n !== undefined)),
				next: Array(DIGITS),
			});
		}
		return this.memo.get(key);
	}

	start() {
		return this.closed(this.starts);
	}

	/* The set behind one more digit. */
	step(set, digit) {
		set.next[digit] ??= this.closed(
			set.states
				.filter((s) => this.steps[s]?.[0].has(digit))
				.map((s) => this.steps[s][1]),
		);
		return set.next[digit];
	}
}

/* The texts that a pattern matches and that extend no other of them; null when over max. */
export function literals(pattern, max) {
	const automaton = new Automaton();
	const found = [];
	const walk = (set, text) => {
		if (set.matched.size) {
			found.push(text);
		} else {
			for (let d = 0; d < DIGITS && set.states.length; d++) {
				walk(automaton.step(set, d), text + d);
			}
		}
	};

	automaton.add('match', pattern);
	walk(automaton.start(), '');
	return found.length > max ? null : found;
}

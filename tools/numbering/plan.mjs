/* What a numbering plan says of every number that begins with one calling code, as rows of
 * prefixes: the longest prefix that knows the number's length decides.
 */
import { Automaton } from './digits.mjs';

/* Places in a country's row of metadata.max.json (libphonenumber-js, source/metadata.js). */
export const COUNTRY = {
	CODE: 0,
	INTERNATIONAL_PREFIX: 1,
	PATTERN: 2,
	LENGTHS: 3,
	NATIONAL_PREFIX: 5,
	LEADING_DIGITS: 10,
	TYPES: 11,
	PREFERRED_PREFIX: 12,
};
const FIXED = 0;
const MOBILE = 1;
/* The order in which libphonenumber asks (GetNumberTypeHelper): index in the types, our word. */
const SPECIAL_TYPES = [
	[3, 'premium'],
	[2, 'toll_free'],
	[9, 'shared'],
	[8, 'voip'],
	[4, 'personal'],
	[7, 'pager'],
	[6, 'uan'],
	[5, 'voicemail'],
];

const MIXED = 'mixed';
const NONE = '-';
const NUMBER_DIGITS_MAX = 15;

/* One country's patterns, asked about a set of the automaton and a length. */
class CountryPlan {
	constructor(automaton, country, row) {
		this.country = country;
		this.lengths = row[COUNTRY.LENGTHS];
		this.types = row[COUNTRY.TYPES] || [];
		this.leading = Boolean(row[COUNTRY.LEADING_DIGITS]);
		automaton.add(`${country}:plan`, row[COUNTRY.PATTERN]);
		if (this.leading) {
			const prefix = `(?:${row[COUNTRY.LEADING_DIGITS]})`;
			automaton.add(`${country}:leading`, prefix, { prefix: true });
		}
		this.types.forEach((type, i) => {
			if (type && type[0]) {
				automaton.add(`${country}:${i}`, type[0]);
			}
		});
	}

	is(set, length, type) {
		const row = this.types[type];
		return (
			Boolean(row) &&
			(row[1] || this.lengths).includes(length) &&
			set.matched.has(`${this.country}:${type}`)
		);
	}

	type(set, length) {
		if (!this.lengths.includes(length) || !set.matched.has(`${this.country}:plan`)) {
			return NONE;
		}
		for (const [type, word] of SPECIAL_TYPES) {
			if (this.is(set, length, type)) {
				return word;
			}
		}
		/* An empty pattern of mobiles stands for that of fixed lines. */
		const alike = this.types[MOBILE]?.[0] === '';
		const fixed = this.is(set, length, FIXED);
		const mobile = alike ? fixed : this.is(set, length, MOBILE);
		return fixed && mobile ? 'fixed_or_mobile' : fixed ? 'fixed' : mobile ? 'mobile' : NONE;
	}
}

export class CodePlan {
	/* countries: [[name or '-', row], …], the main one first. */
	constructor(code, countries) {
		this.code = code;
		this.automaton = new Automaton();
		this.plans = countries.map(([c, row]) => new CountryPlan(this.automaton, c, row));
		const lengths = countries.flatMap(([, row]) => row[COUNTRY.LENGTHS]);
		this.lengths = [...new Set(lengths)]
			.filter((n) => n + code.length <= NUMBER_DIGITS_MAX)
			.sort((a, b) => a - b);
		this.memo = new Map();
	}

	/* libphonenumber's GetRegionCodeForNumber, then the type in that country. */
	label(set, length) {
		for (const plan of this.plans) {
			if (plan.leading) {
				if (set.matched.has(`${plan.country}:leading`)) {
					const type = plan.type(set, length);
					return type === NONE ? NONE : `${plan.country}\t${type}`;
				}
			} else {
				const type = plan.type(set, length);
				if (type !== NONE) {
					return `${plan.country}\t${type}`;
				}
			}
		}
		return NONE;
	}

	/* The country that leading digits decide, whatever follows. */
	leader(set) {
		return this.plans.find((p) => set.matched.has(`${p.country}:leading`))?.country;
	}

	/* For each possible length what all numbers behind this prefix have in common, and the
	 * countries among them.
	 */
	common(set, depth) {
		const key = `${depth}:${set.key}`;
		if (this.memo.has(key)) {
			return this.memo.get(key);
		}
		const labels = new Map();
		const countries = new Set();
		const longer = this.lengths.filter((n) => n > depth);
		if (this.lengths.includes(depth)) {
			const label = this.label(set, depth);
			labels.set(depth, label);
			if (label !== NONE) {
				countries.add(label.split('\t')[0]);
			}
		}
		for (let d = 0; longer.length && d < 10; d++) {
			const below = this.common(this.automaton.step(set, d), depth + 1);
			below.countries.forEach((c) => countries.add(c));
			for (const n of longer) {
				const label = below.labels.get(n);
				labels.set(n, d === 0 || labels.get(n) === label ? label : MIXED);
			}
		}
		const result = { labels, countries };
		this.memo.set(key, result);
		return result;
	}

	/* [[prefix, country, type, [lengths]], …]; lengths and prefix with the calling code. */
	rows() {
		const rows = [];
		const walk = (set, prefix, lengths, hint) => {
			const { labels, countries } = this.common(set, prefix.length);
			const decided = new Map();
			const mixed = [];
			for (const n of lengths) {
				const label = labels.get(n);
				if (label === MIXED) {
					mixed.push(n);
				} else if (label !== NONE && label !== undefined) {
					decided.set(label, [...(decided.get(label) || []), n]);
				}
			}
			const leader = this.leader(set);
			const sole = countries.size === 1 ? [...countries][0] : undefined;
			const here = leader || sole || hint;
			if (here !== hint) {
				rows.push([prefix, here, NONE, []]);
			}
			for (const [label, known] of decided) {
				rows.push([prefix, ...label.split('\t'), known]);
			}
			for (let d = 0; mixed.length && d < 10; d++) {
				walk(this.automaton.step(set, d), prefix + d, mixed, here);
			}
		};

		walk(this.automaton.start(), '', this.lengths, this.plans[0].country);
		return rows.map(([prefix, country, type, lengths]) => [
			this.code + prefix,
			country,
			type,
			lengths.map((n) => n + this.code.length),
		]);
	}
}

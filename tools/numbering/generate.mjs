#!/usr/bin/env node
/* Writes rules/numbering/ from the metadata of the npm package libphonenumber-js.
 *
 *	npm pack libphonenumber-js && tar xf libphonenumber-js-*.tgz
 *	node tools/numbering/generate.mjs package rules/numbering
 *
 * The format of the files is in rules/numbering/README.md. The same package gives the same bytes.
 */
import fs from 'node:fs';
import path from 'node:path';
import { literals } from './digits.mjs';
import { CodePlan, COUNTRY } from './plan.mjs';

/* Codes that belong to no country are split by who lives there (ITU-T E.164.1, E.212). */
const GLOBAL_TYPES = [
	['870', 'satellite'],
	['8816', 'satellite'],
	['8817', 'satellite'],
	['8818', 'satellite'],
	['8819', 'satellite'],
	['88213', 'satellite'],
	['882', 'intl_network'],
	['883', 'intl_network'],
	['878', 'intl_network'],
	['979', 'intl_network'],
	['808', 'intl_network'],
];
const INTERNATIONAL_PREFIXES_MAX = 16;
/* A plan knows its allocations when at least half of its numbers are told apart no earlier than at
 * this many national digits.
 */
const ALLOCATION_DIGITS = 3;
const NUMBER_DIGITS_MAX = 15;

function countries_of(metadata, code) {
	const names = metadata.country_calling_codes[code];
	return names
		? names.map((c) => [c, metadata.countries[c]])
		: [['-', metadata.nonGeographic[code]]];
}

function global_rows(rows) {
	const typed = rows.map(([prefix, country, type, lengths]) => {
		const inside = GLOBAL_TYPES.filter(([p]) => prefix.startsWith(p));
		if (GLOBAL_TYPES.some(([p]) => p !== prefix && p.startsWith(prefix) && !inside.length)) {
			throw new Error(`${prefix} holds more than one kind of network`);
		}
		inside.sort((a, b) => b[0].length - a[0].length);
		return [prefix, country, inside.length ? inside[0][1] : type, lengths];
	});
	return typed.concat(GLOBAL_TYPES.map(([prefix, type]) => [prefix, '-', type, []]));
}

/* The one that the plan prefers, or else all that no other begins. */
function international_prefixes(row) {
	const preferred = (row[COUNTRY.PREFERRED_PREFIX] || '').replace('~', '');
	if (preferred) {
		return [preferred];
	}
	const found = literals(row[COUNTRY.INTERNATIONAL_PREFIX], INTERNATIONAL_PREFIXES_MAX);
	return found || ['00'];
}

function knows_allocations(country, row) {
	const code = row[COUNTRY.CODE];
	let deep = 0;
	let all = 0;
	for (const [prefix, , , lengths] of new CodePlan(code, [[country, row]]).rows()) {
		const depth = prefix.length - code.length;
		const share = lengths.length * 10 ** -depth;
		all += share;
		deep += depth >= ALLOCATION_DIGITS ? share : 0;
	}
	return deep >= all / 2;
}

function country_row([country, row]) {
	const code = row[COUNTRY.CODE];
	const lengths = row[COUNTRY.LENGTHS].filter((n) => n + code.length <= NUMBER_DIGITS_MAX);
	return [
		country,
		code,
		international_prefixes(row).join(' '),
		row[COUNTRY.NATIONAL_PREFIX] || '-',
		lengths.join(','),
		knows_allocations(country, row) ? 'yes' : 'no',
	];
}

function write(folder, name, columns, rows) {
	const lines = rows.map((row) => row.join('\t'));
	const text = `# ${columns.join('\t')}\n${lines.join('\n')}\n`;
	fs.writeFileSync(path.join(folder, name), text);
	console.log(`${name}: ${rows.length} rows, ${text.length} bytes`);
}

function main(source, folder) {
	const read = (name) => fs.readFileSync(path.join(source, name), 'utf8');
	const metadata = JSON.parse(read('metadata.max.json'));
	const release = JSON.parse(read('package.json'));
	const codes = Object.keys({ ...metadata.country_calling_codes, ...metadata.nonGeographic });
	const plans = codes.sort().map((c) => new CodePlan(c, countries_of(metadata, c)));
	const prefixes = global_rows(plans.flatMap((p) => p.rows()));
	const lengths_of = (p) => p.lengths.map((n) => n + p.code.length).join(',');

	/* Stable: rows of one prefix stay in the order of the plan. */
	prefixes.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
	write(folder, 'codes.tsv', ['code', 'country', 'lengths'],
		plans.map((p) => [p.code, p.plans[0].country, lengths_of(p)]));
	write(folder, 'countries.tsv',
		['country', 'code', 'international prefixes', 'national prefix', 'lengths', 'allocations'],
		Object.entries(metadata.countries).map(country_row).sort());
	write(folder, 'prefixes.tsv', ['prefix', 'country', 'type', 'lengths'],
		prefixes.map(([p, country, type, n]) => [p, country, type, n.join(',') || '-']));
	fs.writeFileSync(path.join(folder, 'VERSION'), `${release.name} ${release.version}\n`);
	fs.writeFileSync(path.join(folder, 'LICENSE.MIT'), `${read('LICENSE').trimEnd()}\n`);
	fs.writeFileSync(path.join(folder, 'LICENSE.Apache-2.0'), read('LICENSE.Apache'));
}

if (process.argv.length !== 4) {
	console.error('usage: generate.mjs PACKAGE_FOLDER OUT_FOLDER');
	process.exit(2);
}
main(process.argv[2], process.argv[3]);

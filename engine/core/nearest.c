#include <stdint.h>

#include "core/diag.h"

enum { NAME_MAX_LEN = 64, DISTANCE_MAX = 2, SAME_FIRST = 3, FAR = 1000 };

static unsigned min_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, changes and swaps of neighbours between a and b (optimal string
 * alignment); FAR where more than DISTANCE_MAX is certain or a name is too long to compare.
 */
static unsigned distance(struct slice a, struct slice b)
{
	unsigned rows[3][NAME_MAX_LEN + 1];

	if (a.len > NAME_MAX_LEN || b.len > NAME_MAX_LEN || a.len > b.len + DISTANCE_MAX ||
	    b.len > a.len + DISTANCE_MAX) {
		return FAR;
	}
	for (unsigned k = 0; k <= b.len; k++) {
		rows[0][k] = k;
	}
	for (unsigned i = 1; i <= a.len; i++) {
		const unsigned *before = rows[(i + 1) % 3], *above = rows[(i - 1) % 3];
		unsigned *row = rows[i % 3];
		row[0] = i;
		for (unsigned k = 1; k <= b.len; k++) {
			row[k] = min_of(min_of(above[k], row[k - 1]) + 1,
			                above[k - 1] + (a.p[i - 1] != b.p[k - 1]));
			if (i > 1 && k > 1 && a.p[i - 1] == b.p[k - 2] &&
			    a.p[i - 2] == b.p[k - 1]) {
				row[k] = min_of(row[k], before[k - 2] + 1);
			}
		}
	}
	return rows[a.len % 3][b.len];
}

static bool abbreviates(struct slice brief, struct slice full)
{
	size_t at = 0;

	if (brief.len < SAME_FIRST || brief.len > full.len ||
	    !slice_starts(full, slice_first(brief, SAME_FIRST))) {
		return false;
	}
	for (size_t i = 0; i < full.len && at < brief.len; i++) {
		at += full.p[i] == brief.p[at];
	}
	return at == brief.len;
}

/* Smaller is nearer; SIZE_MAX: far. */
static size_t farness(struct slice word, struct slice name)
{
	unsigned edits = distance(word, name);

	if (edits <= DISTANCE_MAX && 2 * edits < word.len) {
		return edits;
	}
	if (abbreviates(word, name)) {
		return DISTANCE_MAX + name.len - word.len;
	}
	return abbreviates(name, word) ? DISTANCE_MAX + word.len - name.len : SIZE_MAX;
}

const char *nearest_name(struct slice word, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < count; i++) {
		size_t far = farness(word, slice_of(names[i]));
		if (far < least) {
			least = far;
			best = names[i];
		}
	}
	return best;
}

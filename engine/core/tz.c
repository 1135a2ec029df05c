#include "core/tz.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/err.h"
#include "core/instant.h"
#include "core/tzif.h"

static const char zone_folder[] = "/usr/share/zoneinfo/";

/* There also where tzdata is not installed. */
static const struct tz utc = {.name = "UTC"};

/* Zones are never released: callers keep them as long as they like. */
static struct {
	pthread_mutex_t lock;
	struct tz *first;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool name_is_valid(struct slice name)
{
	if (name.len == 0 || name.len >= TZ_NAME_MAX || name.p[0] == '/') {
		return false;
	}
	for (size_t i = 0; i < name.len; i++) {
		char c = ascii_lower(name.p[i]);
		if (!(c >= 'a' && c <= 'z') && !ascii_is_digit(c) && c != '/' && c != '_' &&
		    c != '+' && c != '-') {
			return false;
		}
	}
	return true;
}

static int read_file(const char *path, char *bytes, size_t *len)
{
	FILE *f = fopen(path, "rbe");

	if (!f) {
		return errno == ENOMEM ? E_NOMEM : E_NOTFOUND;
	}
	*len = fread(bytes, 1, TZIF_SIZE_MAX, f);
	/* A folder opens, but does not read. */
	bool failed = ferror(f) != 0;
	(void)fclose(f);
	return failed ? E_NOTFOUND : OK;
}

static int load_zone(struct slice name, struct tz **zone)
{
	char path[sizeof(zone_folder) + TZ_NAME_MAX];
	char *bytes = malloc(TZIF_SIZE_MAX);
	size_t len = 0;

	if (!bytes) {
		return E_NOMEM;
	}
	(void)snprintf(path, sizeof(path), "%s%.*s", zone_folder, SLICE_FMT(name));
	int err = read_file(path, bytes, &len);
	if (!err) {
		err = tzif_parse((struct slice){bytes, len}, zone);
		err = err == E_TRUNCATED || err == E_RANGE ? E_MALFORMED : err;
	}
	if (!err) {
		memcpy((*zone)->name, name.p, name.len);
	}
	free(bytes);
	return err;
}

static int find_or_load(struct slice name, const struct tz **zone)
{
	struct tz *loaded;

	for (const struct tz *z = cache.first; z; z = z->next) {
		if (slice_eq(slice_of(z->name), name)) {
			*zone = z;
			return OK;
		}
	}
	int err = load_zone(name, &loaded);
	if (!err) {
		loaded->next = cache.first;
		cache.first = loaded;
		*zone = loaded;
	}
	return err;
}

int tz_get(struct slice name, const struct tz **zone)
{
	if (slice_eq(name, SLICE_LIT("UTC"))) {
		*zone = &utc;
		return OK;
	}
	if (!name_is_valid(name)) {
		return E_NOTFOUND;
	}
	(void)pthread_mutex_lock(&cache.lock);
	int err = find_or_load(name, zone);
	(void)pthread_mutex_unlock(&cache.lock);
	return err;
}

/* How many changes come at or before time_s. */
static size_t count_changes(const struct tz *zone, int64_t time_s)
{
	size_t low = 0;
	size_t high = zone->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (zone->times_s[middle] <= time_s) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

int32_t tz_offset_s(const struct tz *zone, int64_t time_us)
{
	int64_t time_s = time_us / US_PER_S - (time_us % US_PER_S < 0);

	if (zone->count > 0 && time_s < zone->times_s[0]) {
		return zone->offset_first_s;
	}
	if (zone->has_rule && (zone->count == 0 || time_s >= zone->times_s[zone->count - 1])) {
		return tz_rule_offset_s(&zone->rule, time_s);
	}
	size_t n = count_changes(zone, time_s);
	return n > 0 ? zone->offsets_s[n - 1] : zone->offset_first_s;
}

/* A day off in both directions is beyond every offset, and no zone changes twice within. */
int64_t tz_to_utc(const struct tz *zone, int64_t local_us)
{
	int32_t before_s = tz_offset_s(zone, local_us - US_PER_DAY);
	int64_t by_before = local_us - before_s * US_PER_S;

	if (tz_offset_s(zone, by_before) == before_s) {
		return by_before;
	}
	int32_t after_s = tz_offset_s(zone, local_us + US_PER_DAY);
	int64_t by_after = local_us - after_s * US_PER_S;

	return tz_offset_s(zone, by_after) == after_s ? by_after : by_before;
}

/* Little-endian numbers of files: into a buffer, and in and out of bytes whose length the caller
 * checked.
 */
#ifndef ENGINE_CORE_LE_H
#define ENGINE_CORE_LE_H

#include <endian.h>
#include <string.h>

#include "core/buf.h"

static inline void le32_put(struct buf *out, uint32_t value)
{
	value = htole32(value);
	buf_add(out, &value, sizeof(value));
}

static inline void le64_put(struct buf *out, uint64_t value)
{
	value = htole64(value);
	buf_add(out, &value, sizeof(value));
}

static inline uint32_t le32_get(const void *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return le32toh(value);
}

static inline void le32_set(void *p, uint32_t value)
{
	value = htole32(value);
	memcpy(p, &value, sizeof(value));
}

static inline uint64_t le64_get(const void *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return le64toh(value);
}

#endif

/* Zeroed memory taken once at start and touched page by page as it is used: what is reserved and
 * never needed costs nothing.
 */
#ifndef ENGINE_CALLS_REGION_H
#define ENGINE_CALLS_REGION_H

#include <stdbool.h>
#include <stddef.h>

/* size bytes on a page boundary; NULL when the address space is short. huge asks for pages of
 * 2 MiB, which spare misses of the TLB: for what is looked up at random and either fills from its
 * beginning or is small, since a page that is touched at all is there as a whole.
 */
void *region_new(size_t size, bool huge);
/* base may be NULL. */
void region_drop(void *base, size_t size);

#endif

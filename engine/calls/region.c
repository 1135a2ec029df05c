#include "calls/region.h"

#include <sys/mman.h>

void *region_new(size_t size, bool huge)
{
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
	                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED) {
		return NULL;
	}
	if (huge) {
		(void)madvise(base, size, MADV_HUGEPAGE); /* without it only slower */
	}
	return base;
}

void region_drop(void *base, size_t size)
{
	if (base) {
		(void)munmap(base, size);
	}
}

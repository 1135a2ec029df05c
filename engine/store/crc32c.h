/* CRC-32C (Castagnoli), the checksum of the call log's frames (RFC 3720 section 12.1, test vectors
 * B.4). With the instruction of SSE4.2 where the processor has it, else by table; both agree.
 */
#ifndef ENGINE_STORE_CRC32C_H
#define ENGINE_STORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of bytes; crc: that of what stands before them, 0 at the beginning. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);
/* The plain form of the same. */
uint32_t crc32c_table(uint32_t crc, const void *bytes, size_t len);

#endif

/* The daemon's state folder and the key file in it: state/hash.key, 32 random bytes made at the
 * first start, readable by the daemon alone. Hashes of numbers and Call-IDs, and the ids of alerts,
 * are keyed with it; whoever has it can repeat a run with `ringfence replay --key`.
 */
#ifndef ENGINE_APP_KEY_FILE_H
#define ENGINE_APP_KEY_FILE_H

#include "app/privileges.h"

enum { KEY_FILE_WHY = 320 };

/* Makes the folder (not its parents) and the key file where they are missing, both owned by `as`.
 * E_IO: why says it. path_len: of out.
 */
int key_file_ensure(const char *folder, const struct run_as *as, char *out, size_t path_len,
                    char why[KEY_FILE_WHY]);

#endif

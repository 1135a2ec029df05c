/* Folders on disk. */
#ifndef ENGINE_CORE_FOLDER_H
#define ENGINE_CORE_FOLDER_H

/* Makes the names in it durable: what was made, renamed or removed there. E_IO, errno says why. */
int folder_sync(const char *path);

#endif

/* ENSURE: a check of the programmer's own promise, always compiled in; aborts with its place.
 * Never used on input: bad input is counted.
 */
#ifndef ENGINE_CORE_ENSURE_H
#define ENGINE_CORE_ENSURE_H

#include <stdio.h>
#include <stdlib.h>

#define ENSURE(cond)                                                          \
 do {                                                                         \
  if (!(cond)) {                                                              \
   fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #cond); \
   abort();                                                                   \
  }                                                                           \
 } while (0)

#endif

/* A libcuda.so.1 that fails: as a driver without a device, of an old version, or in every call. It says when it is loaded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((constructor)) static void loaded(void) { fputs("driver loaded\n", stderr); }

#ifndef WITHOUT_SYMBOLS
static int fail(void) { return 999; }

int cuInit(unsigned flags) {
  (void)flags;
  if (CRASHES) abort();
  return ANSWER;
}

int cuDriverGetVersion(int* version) {
  *version = VERSION;
  return 0;
}

int cuGetProcAddress_v2(const char* name, void** function, int version, unsigned long long flags, int* found) {
  (void)version;
  (void)flags;
  *function = strcmp(name, "cuInit") == 0               ? (void*)cuInit
              : strcmp(name, "cuDriverGetVersion") == 0 ? (void*)cuDriverGetVersion
              : strncmp(name, "cuGetProcAddress", 16) == 0 ? (void*)cuGetProcAddress_v2
                                                           : (void*)fail;
  if (found) *found = 0;
  return 0;
}

int cuGetProcAddress(const char* name, void** function, int version, unsigned long long flags) {
  return cuGetProcAddress_v2(name, function, version, flags, NULL);
}
#endif

/*
 * For LD_AUDIT: the Node-API of an engine whose array buffers cannot have memory of others, as Electron's is. A preloaded
 * function would not do, since Node's own comes first.
 */
#define _GNU_SOURCE
#include <link.h>
#include <stdint.h>
#include <string.h>

enum { NO_EXTERNAL_BUFFERS_ALLOWED = 22 }; /* of napi_status */

static int refuse(void) { return NO_EXTERNAL_BUFFERS_ALLOWED; }

unsigned int la_version(unsigned int version) { return version; }

unsigned int la_objopen(struct link_map *map, Lmid_t space, uintptr_t *cookie) {
  (void)map, (void)space, (void)cookie;
  return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

static uintptr_t bound(uintptr_t address, const char *name) {
  return strncmp(name, "napi_create_external_", 21) == 0 && strstr(name, "buffer") ? (uintptr_t)refuse : address;
}

uintptr_t la_symbind64(Elf64_Sym *symbol, unsigned int index, uintptr_t *from, uintptr_t *to, unsigned int *flags,
                       const char *name) {
  (void)index, (void)from, (void)to, (void)flags;
  return bound(symbol->st_value, name);
}

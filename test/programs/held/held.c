/** Bytes that malloc has allocated, and a deliberate leak. */
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__GLIBC__)
#include <malloc.h>
#elif defined(__APPLE__)
#include <malloc/malloc.h>
#endif

/** Bytes, or -1 if the C library does not report them. */
static double allocated_bytes(void) {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  const struct mallinfo2 all = mallinfo2();
  return (double)(all.uordblks + all.hblkhd);
#elif defined(__APPLE__)
  malloc_statistics_t all;
  malloc_zone_statistics(NULL, &all);
  return (double)all.size_in_use;
#else
  return -1;
#endif
}

static napi_value allocated(napi_env env, napi_callback_info info) {
  napi_value result = NULL;
  (void)info;
  napi_create_double(env, allocated_bytes(), &result);
  return result;
}

static napi_value leak(napi_env env, napi_callback_info info) {
  static void *volatile leaked;
  size_t count = 1;
  napi_value argument;
  uint32_t bytes = 0;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      napi_get_value_uint32(env, argument, &bytes) != napi_ok)
    return NULL;
  leaked = malloc(bytes);
  if (leaked != NULL) memset(leaked, 1, bytes);
  return NULL;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"allocated", NULL, allocated, NULL, NULL, NULL, napi_enumerable, NULL},
      {"leak", NULL, leak, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}

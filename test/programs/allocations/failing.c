/* Lets the n-th allocation of jumpout's native code fail: preloaded, it stands before operator new and malloc, and as an addon it
 * is told when. What counts is who asks: the first caller that is no C++ library. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <node_api.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { kFrames = 8, kPlaces = 1 << 16 };

static atomic_long left, failed, live; /* left: 0 where none is to fail */
static _Atomic(void*) blocks[kPlaces]; /* those that jumpout asked for */

extern void throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((noreturn));

/* Frames 0 and 1 are in here. */
static int is_asked_by_jumpout(void) {
  void* frames[kFrames];
  const int count = backtrace(frames, kFrames);
  for (int i = 2; i < count; ++i) {
    Dl_info caller;
    if (!dladdr(frames[i], &caller) || strstr(caller.dli_fname, "libstdc++") || strstr(caller.dli_fname, "failing.node"))
      continue;
    return strstr(caller.dli_fname, "jumpout") != NULL && !strstr(caller.dli_fname, "/node");
  }
  return 0;
}

static unsigned place_of(const void* block) { return (unsigned)((size_t)block >> 4) % kPlaces; }

static void remember(void* block) {
  for (unsigned i = place_of(block);; i = (i + 1) % kPlaces) {
    void* empty = NULL;
    if (atomic_compare_exchange_strong(&blocks[i], &empty, block)) break;
  }
  ++live;
}

/* Blocks beside a place that was emptied stay where they are: a short way further they are looked for all the same. */
static void forget(void* block) {
  for (unsigned i = place_of(block), n = 0; n < 16; ++n, i = (i + 1) % kPlaces) {
    void* expected = block;
    if (!atomic_compare_exchange_strong(&blocks[i], &expected, NULL)) continue;
    --live;
    return;
  }
}

static atomic_int watching;

static void* allocated(size_t bytes) {
  const int ours = watching && is_asked_by_jumpout();
  if (ours && left > 0 && --left == 0) {
    ++failed;
    return NULL;
  }
  void* const block = malloc(bytes ? bytes : 1);
  if (ours && block) remember(block);
  return block;
}

static void freed(void* block) {
  if (block && live > 0) forget(block);
  free(block);
}

#define NEW(function, symbol)                            \
  void* function(size_t bytes) __asm__(symbol);          \
  void* function(size_t bytes) {                         \
    void* const block = allocated(bytes);                \
    if (!block) throw_bad_alloc();                       \
    return block;                                        \
  }
#define DELETE(function, symbol)                         \
  void function(void* block, size_t bytes) __asm__(symbol); \
  void function(void* block, size_t bytes) { (void)bytes, freed(block); }

/* malloc of its own, which has no C++ library in between. */
extern void* __libc_malloc(size_t bytes);
void* malloc(size_t bytes) {
  Dl_info caller;
  if (watching && left > 0 && dladdr(__builtin_return_address(0), &caller) && strstr(caller.dli_fname, "jumpout.node") &&
      --left == 0) {
    ++failed;
    return NULL;
  }
  return __libc_malloc(bytes);
}

NEW(new_one, "_Znwm")
NEW(new_array, "_Znam")
DELETE(delete_one, "_ZdlPv")
DELETE(delete_sized, "_ZdlPvm")
DELETE(delete_array, "_ZdaPv")
DELETE(delete_sized_array, "_ZdaPvm")

/* letFail(n): from now on the n-th allocation fails; 0: none. Gives how many have failed. */
static napi_value let_fail(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, result;
  int64_t n = 0;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  napi_get_value_int64(env, argument, &n);
  void* warm[1];
  backtrace(warm, 1); /* loads what it needs */
  watching = 1;
  left = (long)n;
  napi_create_int64(env, failed, &result);
  return result;
}

/* blocks(): how many are in use */
static napi_value count_blocks(napi_env env, napi_callback_info info) {
  napi_value result;
  (void)info;
  napi_create_int64(env, live, &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "letFail", NAPI_AUTO_LENGTH, let_fail, NULL, &function);
  napi_set_named_property(env, exports, "letFail", function);
  napi_create_function(env, "blocks", NAPI_AUTO_LENGTH, count_blocks, NULL, &function);
  napi_set_named_property(env, exports, "blocks", function);
  return exports;
}

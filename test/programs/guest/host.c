/* Other native code in a Node process, which sets the floating-point environment of its threads. */
#include <node_api.h>
#include <stdint.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define FLUSHING 0x9FC0u /* subnormals, in and out */
static uint64_t floats(void) { return _mm_getcsr() & ~0x3Fu; }
static void set_floats(uint64_t value) { _mm_setcsr((unsigned)value); }
#elif defined(__aarch64__)
#define FLUSHING (1u << 24)
static uint64_t floats(void) {
  uint64_t value;
  __asm__ volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}
static void set_floats(uint64_t value) { __asm__ volatile("msr fpcr, %0" : : "r"(value)); }
#else
#define FLUSHING 0
static uint64_t floats(void) { return 0; }
static void set_floats(uint64_t value) { (void)value; }
#endif

static uint64_t standard;

static napi_value number(napi_env env, int64_t value) {
  napi_value result;
  return napi_create_int64(env, value, &result) == napi_ok ? result : NULL;
}

/* flush(): from here on this thread flushes subnormals. */
static napi_value flush(napi_env env, napi_callback_info info) {
  (void)info;
  set_floats(FLUSHING);
  return number(env, 0);
}

/* unflush(): 1 where it still did. */
static napi_value unflush(napi_env env, napi_callback_info info) {
  const int still = floats() == FLUSHING;
  (void)info;
  set_floats(standard);
  return number(env, still);
}

static void flush_there(napi_env env, void* data) {
  (void)env;
  (void)data;
  set_floats(FLUSHING);
  usleep(200000); /* so that no thread takes two of them */
}

static void flushed(napi_env env, napi_status status, void* data) {
  (void)env;
  (void)status;
  (void)data;
}

/* flushPool(n): the same in n threads of Node's pool; the work is queued before whatever comes next. */
static napi_value flush_pool(napi_env env, napi_callback_info info) {
  napi_value argument, name;
  size_t count = 1;
  int32_t threads = 0;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      napi_get_value_int32(env, argument, &threads) != napi_ok ||
      napi_create_string_latin1(env, "flush", NAPI_AUTO_LENGTH, &name) != napi_ok)
    return NULL;
  while (threads-- > 0) {
    napi_async_work work;
    if (napi_create_async_work(env, NULL, name, flush_there, flushed, NULL, &work) != napi_ok ||
        napi_queue_async_work(env, work) != napi_ok)
      return NULL;
  }
  return number(env, 0);
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"flush", NULL, flush, NULL, NULL, NULL, napi_enumerable, NULL},
      {"unflush", NULL, unflush, NULL, NULL, NULL, napi_enumerable, NULL},
      {"flushPool", NULL, flush_pool, NULL, NULL, NULL, napi_enumerable, NULL}};
  standard = floats();
  if (napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions) != napi_ok)
    return NULL;
  return exports;
}

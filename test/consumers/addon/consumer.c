/* An addon that brings its own copy of the C library and calls it on arrays of JavaScript and on memory of its own. */
#if !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#endif
#include <jumpout.h>
#include <jumpout_cuda.h>
#define NAPI_VERSION 8
#include <node_api.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_NAPI(call)                                                \
  do {                                                                  \
    if ((call) != napi_ok) {                                            \
      napi_throw_error(env, NULL, "a call of Node-API failed: " #call); \
      return NULL;                                                      \
    }                                                                   \
  } while (0)

static napi_value fail(napi_env env, jumpout_status status) {
  napi_throw_error(env, jumpout_status_field(), jumpout_status_text(status));
  return NULL;
}

static void release(napi_env env, void* data, void* hint) {
  (void)env, (void)hint;
  free(data);
}

/* An array over memory of this addon, or NULL with a pending exception. */
static napi_value own_floats(napi_env env, size_t length, float** data) {
  napi_value buffer, array;
  const size_t bytes = length * sizeof(float);
  void* memory = malloc(bytes ? bytes : 1);
  if (!memory) {
    napi_throw_error(env, NULL, "no memory");
    return NULL;
  }
  if (napi_create_external_arraybuffer(env, memory, bytes, release, NULL, &buffer) != napi_ok) {
    free(memory);
    napi_throw_error(env, NULL, "no external buffers here");
    return NULL;
  }
  CHECK_NAPI(napi_create_typedarray(env, napi_float32_array, length, buffer, 0, &array));
  *data = memory;
  return array;
}

/* forward(input: Float32Array, mask: Uint32Array, seed: bigint, sigma: number): Float32Array */
static napi_value forward(napi_env env, napi_callback_info info) {
  napi_value argv[4], output;
  size_t argc = 4, length, words;
  napi_typedarray_type type;
  void *input, *mask;
  bool lossless;
  jumpout_group group;
  jumpout_forward_args args = {0};

  CHECK_NAPI(napi_get_cb_info(env, info, &argc, argv, NULL, NULL));
  CHECK_NAPI(napi_get_typedarray_info(env, argv[0], &type, &length, &input, NULL, NULL));
  CHECK_NAPI(napi_get_typedarray_info(env, argv[1], &type, &words, &mask, NULL, NULL));
  CHECK_NAPI(napi_get_value_bigint_uint64(env, argv[2], &args.seed, &lossless));
  args.options = jumpout_default_options();
  CHECK_NAPI(napi_get_value_double(env, argv[3], &args.options.sigma));
  if (words != jumpout_mask_words(length)) return fail(env, JUMPOUT_BAD_LENGTH);

  output = own_floats(env, length, &args.output);
  if (!output) return NULL;
  args.input = input;
  args.mask = mask;
  args.groups = &group;
  args.group_count = 1;
  args.length = length;
  args.layout.unit_size = 1;
  const jumpout_status status = jumpout_forward(&args);
  return status == JUMPOUT_OK ? output : fail(env, status);
}

#if !defined(_WIN32)
/* Threads of this process, or 0 where the system does not list them. */
static int thread_count(void) {
  int count = 0;
  DIR* tasks = opendir("/proc/self/task");
  if (!tasks) return 0;
  for (const struct dirent* task; (task = readdir(tasks));) count += task->d_name[0] != '.';
  closedir(tasks);
  return count;
}

/* forkedForward(input: Float32Array, seed: bigint, expected: Float32Array): number
 * The call, and at once, while threads go back to sleep, a child of fork() that makes it again. 0: the child gave the
 * expected bits; 1: others; 3: it has no threads of its own; -n: signal n ended it, SIGALRM where it hung. */
static napi_value forked_forward(napi_env env, napi_callback_info info) {
  napi_value argv[3], result;
  size_t argc = 3, length, expected_length;
  void *input, *expected;
  bool lossless;
  jumpout_group group;
  jumpout_forward_args args = {0};
  jumpout_status made;
  pid_t child = -1;
  int status;

  CHECK_NAPI(napi_get_cb_info(env, info, &argc, argv, NULL, NULL));
  CHECK_NAPI(napi_get_typedarray_info(env, argv[0], NULL, &length, &input, NULL, NULL));
  CHECK_NAPI(napi_get_value_bigint_uint64(env, argv[1], &args.seed, &lossless));
  CHECK_NAPI(napi_get_typedarray_info(env, argv[2], NULL, &expected_length, &expected, NULL, NULL));
  if (expected_length != length) return fail(env, JUMPOUT_BAD_LENGTH);

  args.options = jumpout_default_options();
  args.input = input;
  args.output = malloc(length * sizeof(float));
  args.groups = &group;
  args.group_count = 1;
  args.length = length;
  args.layout.unit_size = 1;
  made = jumpout_forward(&args);
  if (made == JUMPOUT_OK) child = fork();
  if (child == 0) {
    signal(SIGALRM, SIG_DFL);
    alarm(100);
    memset(args.output, 0xFF, length * sizeof(float));
    if (jumpout_forward(&args) != JUMPOUT_OK) _exit(2);
    if (thread_count() == 1) _exit(3);
    _exit(memcmp(args.output, expected, length * sizeof(float)) == 0 ? 0 : 1);
  }
  free(args.output);
  if (made != JUMPOUT_OK) return fail(env, made);
  if (child < 0 || waitpid(child, &status, 0) != child) {
    napi_throw_error(env, NULL, "no child");
    return NULL;
  }
  CHECK_NAPI(napi_create_int32(env, WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status), &result));
  return result;
}
#endif

/* devices(): number */
static napi_value devices(napi_env env, napi_callback_info info) {
  napi_value count;
  (void)info;
  CHECK_NAPI(napi_create_int32(env, jumpout_cuda_device_count(), &count));
  return count;
}

static napi_value start(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"forward", NULL, forward, NULL, NULL, NULL, napi_enumerable, NULL},
#if !defined(_WIN32)
      {"forkedForward", NULL, forked_forward, NULL, NULL, NULL, napi_enumerable, NULL},
#endif
      {"devices", NULL, devices, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  CHECK_NAPI(napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions));
  return exports;
}

NAPI_MODULE(consumer, start)

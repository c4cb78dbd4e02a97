/* program IN OUT: floats in; output, gradient of the input, mask, and the same once more from two shards, out.
 * The library's runtime and its errors go to stdout. */
#include <jumpout.h>
#include <jumpout_cuda.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(call)                                                                                  \
  do {                                                                                               \
    const jumpout_status status_ = (call);                                                           \
    if (status_ != JUMPOUT_OK) {                                                                     \
      fprintf(stderr, "%s: %s (%s)\n", #call, jumpout_status_text(status_), jumpout_status_field()); \
      return 0;                                                                                      \
    }                                                                                                \
  } while (0)

typedef struct arrays {
  size_t length;
  const float* input;
  float* output;
  float* gradient;
  uint32_t* mask;
} arrays;

static const uint64_t seed = 2026, call = 7;

/* One range of the tensor, with the counts of the whole. */
static int apply(const arrays* a, uint64_t offset, jumpout_group group, int counted) {
  jumpout_forward_args forward = {0};
  jumpout_backward_args backward = {0};
  forward.input = a->input;
  forward.output = a->output;
  forward.mask = a->mask;
  forward.groups = &group;
  forward.length = a->length;
  forward.group_count = 1;
  forward.layout.element_offset = offset;
  forward.layout.unit_size = 1;
  forward.options = jumpout_default_options();
  forward.options.relu = 1;
  forward.seed = seed;
  forward.call = call;
  forward.counted = counted;
  CHECK(jumpout_forward(&forward));

  backward.grad_output = a->input; /* any numbers do */
  backward.grad_input = a->gradient;
  backward.mask = a->mask;
  backward.groups = &group;
  backward.length = a->length;
  backward.group_count = 1;
  backward.layout = forward.layout;
  backward.seed = seed;
  backward.call = call;
  backward.relu = 1;
  CHECK(jumpout_backward(&backward));
  return 1;
}

/* Adds the counts of one range to those of the whole. */
static int count(const arrays* a, uint64_t offset, jumpout_group* whole) {
  jumpout_group part;
  jumpout_count_args args = {0};
  args.input = a->input;
  args.groups = &part;
  args.length = a->length;
  args.group_count = 1;
  args.layout.element_offset = offset;
  args.layout.unit_size = 1;
  CHECK(jumpout_count_active(&args));
  whole->active += part.active;
  whole->total += part.total;
  return 1;
}

static int say_mistakes(const arrays* a) {
  jumpout_group group;
  jumpout_forward_args args = {0};
  jumpout_cuda_device device;
  jumpout_status status;
  args.input = a->input;
  args.output = a->output;
  args.groups = &group;
  args.length = a->length;
  args.group_count = 1;
  args.layout.unit_size = 1;
  args.options = jumpout_default_options();
  args.options.sigma = -1;
  status = jumpout_forward(&args);
  if (status == JUMPOUT_OK) return 0;
  printf("sigma -1: %s (%s)\n", jumpout_status_text(status), jumpout_status_field());
  args.options.sigma = 0.1;
  args.input = NULL;
  status = jumpout_forward(&args);
  if (status == JUMPOUT_OK) return 0;
  printf("no input: %s (%s)\n", jumpout_status_text(status), jumpout_status_field());
  status = jumpout_cuda_device_of(jumpout_cuda_device_count(), &device);
  if (status == JUMPOUT_OK) return 0;
  printf("devices %d, one more: %s\n", (int)jumpout_cuda_device_count(), jumpout_status_text(status));
  return 1;
}

static float* read_floats(const char* path, size_t* length) {
  FILE* file = fopen(path, "rb");
  long bytes;
  float* floats = NULL;
  if (!file) return NULL;
  if (fseek(file, 0, SEEK_END) == 0 && (bytes = ftell(file)) > 0 && fseek(file, 0, SEEK_SET) == 0) {
    *length = (size_t)bytes / sizeof(float);
    floats = malloc((size_t)bytes);
    if (floats && fread(floats, sizeof(float), *length, file) != *length) {
      free(floats);
      floats = NULL;
    }
  }
  fclose(file);
  return floats;
}

static int write_arrays(FILE* file, const arrays* a) {
  const size_t words = jumpout_mask_words(a->length);
  return fwrite(a->output, sizeof(float), a->length, file) == a->length &&
         fwrite(a->gradient, sizeof(float), a->length, file) == a->length &&
         fwrite(a->mask, sizeof(uint32_t), words, file) == words;
}

static int run(const char* in, const char* out) {
  const jumpout_group none = {0};
  jumpout_group whole = {0};
  jumpout_runtime runtime;
  arrays a, first, second;
  FILE* file;
  float* input = read_floats(in, &a.length);
  if (!input || a.length < 64) return 0;
  a.input = input;
  a.output = malloc(a.length * sizeof(float));
  a.gradient = malloc(a.length * sizeof(float));
  a.mask = malloc(jumpout_mask_words(a.length) * sizeof(uint32_t));
  file = fopen(out, "wb");
  if (!a.output || !a.gradient || !a.mask || !file) return 0;

  CHECK(jumpout_get_runtime(&runtime));
  printf("version %s\n", runtime.version);
  if (!say_mistakes(&a)) return 0;

  if (!apply(&a, 0, none, 0) || !write_arrays(file, &a)) return 0;

  memset(a.output, 0xff, a.length * sizeof(float));
  memset(a.gradient, 0xff, a.length * sizeof(float));
  memset(a.mask, 0xff, jumpout_mask_words(a.length) * sizeof(uint32_t));
  first = second = a; /* cut where a word of the mask ends, so that they share none */
  first.length = a.length / 64 * 32;
  second.length = a.length - first.length;
  second.input += first.length;
  second.output += first.length;
  second.gradient += first.length;
  second.mask += first.length / 32;
  if (!count(&first, 0, &whole) || !count(&second, first.length, &whole)) return 0;
  printf("active %.0f of %.0f\n", whole.active, whole.total);
  if (!apply(&first, 0, whole, 1) || !apply(&second, first.length, whole, 1)) return 0;
  if (!write_arrays(file, &a) || fclose(file) != 0) return 0;

  free(input);
  free(a.output);
  free(a.gradient);
  free(a.mask);
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "program IN OUT\n");
    return 2;
  }
  return run(argv[1], argv[2]) ? 0 : 1;
}

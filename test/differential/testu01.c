/* testu01 small|medium STREAM [SEED]: TestU01's SmallCrush or Crush on words of the library, at a rate of 1/2.
 *
 * elements  mask words of one call after another, of 2^20 elements each
 * calls     the first eight mask words of each call
 * seeds     the first eight of each seed
 * layers    the first eight of each layer, by foldIn
 * foldIn    both halves of the seed of each layer
 * repeated  a control: elements, where lane 7 of each block repeats lane 0
 *
 * Ends with one line of JSON. Exit status 1: a p-value is less than 1e-10 from 0 or 1, or the library refused a call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <testu01/bbattery.h>
#include <testu01/swrite.h>
#include <testu01/unif01.h>

#include <jumpout.h>

enum { LONGEST = 1 << 20 };

static float elements[LONGEST];
static uint32_t mask[LONGEST / 32];
static uint64_t seed = 2019, drawn;

static void draw(uint64_t key, uint64_t call, size_t length) {
  jumpout_group group = {0};
  jumpout_forward_args args = {.input = elements,
                               .output = elements,
                               .mask = mask,
                               .groups = &group,
                               .length = length,
                               .group_count = 1,
                               .layout = {.unit_size = 1},
                               .options = jumpout_default_options(),
                               .seed = key,
                               .call = call};
  args.options.rate = 0.5;
  args.options.normalize = 0;
  args.options.exponent = 0;
  const jumpout_status status = jumpout_forward(&args);
  if (status != JUMPOUT_OK) {
    fprintf(stderr, "%s\n", jumpout_status_text(status));
    exit(1);
  }
}

// What fills `mask` for the n-th time.
static void elements_of(uint64_t n) { draw(seed, n, LONGEST); }

static void call_of(uint64_t n) { draw(seed, n, 256); }

static void seed_of(uint64_t n) { draw(seed + n, 0, 256); }

static void layer_of(uint64_t n) { draw(jumpout_fold_in(seed, n), 0, 256); }

static void folded(uint64_t n) {
  const uint64_t value = jumpout_fold_in(seed, n);
  mask[0] = (uint32_t)value;
  mask[1] = (uint32_t)(value >> 32);
}

static void repeated(uint64_t n) {
  elements_of(n);
  for (size_t i = 0; i < LONGEST / 32; ++i) mask[i] = (mask[i] & 0x7f7f7f7f) | (mask[i] & 0x01010101) << 7;
}

static const struct stream {
  const char* name;
  size_t words;
  void (*fill)(uint64_t n);
} streams[] = {{"elements", LONGEST / 32, elements_of},
               {"calls", 8, call_of},
               {"seeds", 8, seed_of},
               {"layers", 8, layer_of},
               {"foldIn", 2, folded},
               {"repeated", LONGEST / 32, repeated}};
static const struct stream* stream;

static unsigned int next_word(void) {
  const size_t word = drawn++ % stream->words;
  if (word == 0) stream->fill(drawn / stream->words);
  return mask[word];
}

int main(int count, char** arguments) {
  const char* size = count > 2 ? arguments[1] : "";
  if (strcmp(size, "small") && strcmp(size, "medium")) {
    fprintf(stderr, "testu01 small|medium STREAM [SEED]\n");
    return 2;
  }
  if (count > 3) seed = strtoull(arguments[3], NULL, 10);
  for (size_t i = 0; i < sizeof streams / sizeof *streams; ++i)
    if (!strcmp(streams[i].name, arguments[2])) stream = &streams[i];
  if (!stream) {
    fprintf(stderr, "no such stream: %s\n", arguments[2]);
    return 2;
  }
  unif01_Gen* generator = unif01_CreateExternGenBits((char*)stream->name, next_word);
  swrite_Basic = 0;
  if (!strcmp(size, "small"))
    bbattery_SmallCrush(generator);
  else
    bbattery_Crush(generator);
  unif01_DeleteExternGenBits(generator);
  double least = 1;
  int suspect = 0, failed = 0;
  for (int test = 0; test < bbattery_NTests; ++test) {
    const double p = bbattery_pVal[test] < 0.5 ? bbattery_pVal[test] : 1 - bbattery_pVal[test];
    least = p < least ? p : least;
    suspect += p < 1e-3;
    failed += p < 1e-10;
  }
  printf(
      "{\"battery\": \"%s\", \"stream\": \"%s\", \"words\": %llu, \"statistics\": %d, \"least\": %.2g, "
      "\"beyond 1e-3\": %d, \"beyond 1e-10\": %d}\n",
      size, stream->name, (unsigned long long)drawn, bbattery_NTests, least, suspect, failed);
  return failed != 0;
}

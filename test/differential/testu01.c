/* testu01 small|medium STREAM [SEED]: TestU01's SmallCrush or Crush on words of the library, at a rate of 1/2.
 *
 * elements  mask words of one call after another, of 2^20 elements each
 * calls     the first mask word of each call
 * seeds     the first mask word of each seed
 * layers    the first mask word of each layer, by foldIn
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
static uint64_t seed = 2019, next;
static unsigned long long drawn;

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

static unsigned int of_elements(void) {
  const size_t word = drawn++ % (LONGEST / 32);
  if (word == 0) draw(seed, next++, LONGEST);
  return mask[word];
}

static unsigned int of_calls(void) {
  ++drawn;
  draw(seed, next++, 32);
  return mask[0];
}

static unsigned int of_seeds(void) {
  ++drawn;
  draw(next++, 0, 32);
  return mask[0];
}

static unsigned int of_layers(void) {
  ++drawn;
  draw(jumpout_fold_in(seed, next++), 0, 32);
  return mask[0];
}

static unsigned int of_fold_in(void) {
  static uint64_t folded;
  if (drawn++ % 2) return (unsigned int)(folded >> 32);
  folded = jumpout_fold_in(seed, next++);
  return (unsigned int)folded;
}

static unsigned int repeated(void) {
  const unsigned int word = of_elements();
  return (word & 0x7f7f7f7f) | (word & 0x01010101) << 7;
}

static const struct {
  const char* name;
  unsigned int (*word)(void);
} streams[] = {{"elements", of_elements}, {"calls", of_calls},    {"seeds", of_seeds},
               {"layers", of_layers},     {"foldIn", of_fold_in}, {"repeated", repeated}};

int main(int count, char** arguments) {
  const char* size = count > 2 ? arguments[1] : "";
  if (strcmp(size, "small") && strcmp(size, "medium")) {
    fprintf(stderr, "testu01 small|medium STREAM [SEED]\n");
    return 2;
  }
  if (count > 3) seed = strtoull(arguments[3], NULL, 10);
  for (size_t i = 0; i < sizeof streams / sizeof *streams; ++i) {
    if (strcmp(streams[i].name, arguments[2])) continue;
    unif01_Gen* generator = unif01_CreateExternGenBits((char*)streams[i].name, streams[i].word);
    swrite_Basic = 0;
    if (!strcmp(size, "small"))
      bbattery_SmallCrush(generator);
    else
      bbattery_Crush(generator);
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
        size, streams[i].name, drawn, bbattery_NTests, least, suspect, failed);
    unif01_DeleteExternGenBits(generator);
    return failed ? 1 : 0;
  }
  fprintf(stderr, "no such stream: %s\n", arguments[2]);
  return 2;
}

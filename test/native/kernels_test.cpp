// Every instruction set of this build and processor, against the formulas, to the bit: all lengths, alignments, layouts,
// thread counts. No Node; runs under sanitizers, under qemu, and with AVX-512 emulated.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <thread>

#include "check.hpp"
#include "cpu/backend.hpp"
#include "reference.hpp"

namespace {

using jumpout::cpu::Backend;
using jumpout::cpu::Isa;

std::mt19937_64 random_bits(20190609);

uint64_t below(uint64_t bound) { return random_bits() % bound; }

// Half inactive, as after a ReLU, with the values that arithmetic treats specially sprinkled in.
std::vector<float> randomTensor(size_t length) {
  static const float kSpecial[] = {NAN,   INFINITY, -INFINITY,
                                   -0.0f, 1e-42f,   std::numeric_limits<float>::max()};
  std::normal_distribution<float> normal;
  std::vector<float> values(length);
  for (float& value : values)
    value = below(40) == 0 ? kSpecial[below(std::size(kSpecial))] : normal(random_bits);
  return values;
}

// An array at a chosen distance from a 64-byte boundary, poisoned, between guards that no kernel may touch.
template <class T>
class Guarded {
 public:
  Guarded(size_t length, size_t shift)
      : storage_(length + shift + 2 * kGuard, poison()), shift_(shift), length_(length) {
    const size_t lead = (64 - reinterpret_cast<uintptr_t>(storage_.data() + kGuard) % 64) % 64 / sizeof(T);
    lead_ = std::min(lead, size_t{16});
  }
  T* data() { return storage_.data() + lead() + shift_; }
  std::vector<T> values() { return {data(), data() + length_}; }
  void fill(const std::vector<T>& values) { std::copy(values.begin(), values.end(), data()); }
  bool untouchedAround() {
    const auto is_poison = [](T value) { return std::memcmp(&value, &kPoison, sizeof value) == 0; };
    return std::all_of(storage_.data(), data(), is_poison) &&
           std::all_of(data() + length_, storage_.data() + storage_.size(), is_poison);
  }

 private:
  static constexpr size_t kGuard = 32;
  static constexpr uint32_t kPoison = 0x7FC0DEAD;
  static T poison() {
    T value;
    std::memcpy(&value, &kPoison, sizeof value);
    return value;
  }
  size_t lead() const { return lead_ + 16; }

  std::vector<T> storage_;
  size_t shift_, length_, lead_ = 0;
};

struct Case {
  size_t length;
  jumpout_layout layout{0, 0, 1, 0};
  jumpout_options options = jumpout_default_options();
  uint64_t seed = random_bits();
  uint64_t call = random_bits() >> 1 >> below(63);
  bool counted = false;
  size_t input_shift = below(16), output_shift = below(16);

  std::string describe() const {
    return "n=" + std::to_string(length) + " offset=" + std::to_string(layout.element_offset) +
           " group=" + std::to_string(layout.group_size) + " unit=" + std::to_string(layout.unit_size) +
           " channels=" + std::to_string(layout.channels) + " relu=" + std::to_string(options.relu) +
           " shifts=" + std::to_string(input_shift) + "," + std::to_string(output_shift);
  }
};

void runCase(Backend& backend, const Case& c) {
  const std::string what =
      std::string(backend.isa().name) + " x" + std::to_string(backend.threads()) + ", " + c.describe();
  const std::vector<float> values = randomTensor(c.length), gradients = randomTensor(c.length);
  const size_t rows = jumpout::groupCount(c.length, c.layout), words = jumpout::maskWords(c.length);
  std::vector<jumpout_group> counts(rows, jumpout_group{});
  if (c.counted) {
    for (jumpout_group& group : counts) {
      group.total = static_cast<double>(c.layout.group_size ? c.layout.group_size : c.length + 1000);
      group.active = std::floor(group.total * 0.6);
    }
  }
  const auto want =
      reference::forward(values, c.layout, c.options, c.seed, c.call, c.counted ? &counts : nullptr);

  Guarded<float> input(c.length, c.input_shift), output(c.length, c.output_shift);
  Guarded<uint32_t> mask(words, below(4));
  std::vector<jumpout_group> groups = counts;
  input.fill(values);
  jumpout_forward_args forward{input.data(), output.data(), mask.data(), groups.data(), c.length, rows,
                               c.layout,     c.options,     c.seed,      c.call,        c.counted};
  backend.forward(forward);
  check::sameFloats(output.values(), want.output, what + ": output");
  check::that(mask.values() == want.mask, what + ": mask");
  check::that(output.untouchedAround() && mask.untouchedAround(), what + ": nothing written around");
  for (size_t row = 0; row < rows; ++row)
    check::that(std::memcmp(&groups[row], &want.groups[row], sizeof groups[row]) == 0, what + ": group");

  if (!c.counted) {
    std::vector<jumpout_group> counted(rows);
    backend.countActive({input.data(), counted.data(), c.length, rows, c.layout});
    for (size_t row = 0; row < rows; ++row)
      check::that(
          counted[row].active == want.groups[row].active && counted[row].total == want.groups[row].total,
          what + ": count");
  }

  std::vector<jumpout_group> again = counts;
  forward.output = input.data();
  forward.mask = nullptr;
  forward.groups = again.data();
  backend.forward(forward);
  check::sameFloats(input.values(), want.output, what + ": in place, no mask");
  check::that(input.untouchedAround(), what + ": nothing written around in place");

  const std::vector<float> want_gradients = reference::backward(gradients, want, c.layout);
  Guarded<float> gradient(c.length, c.input_shift);
  gradient.fill(gradients);
  jumpout_backward_args backward{gradient.data(), output.data(), mask.data(),   nullptr,
                                 groups.data(),   c.length,      rows,          c.layout,
                                 c.seed,          c.call,        c.options.relu};
  backend.backward(backward);
  check::sameFloats(output.values(), want_gradients, what + ": backward from the mask");
  backward.mask = nullptr;
  backward.output = input.data();
  backward.grad_input = gradient.data();
  backend.backward(backward);
  // A scale above 1 keeps every survivor nonzero; below 2^-100 none is drawn here, so y != 0 says kept.
  check::sameFloats(gradient.values(), want_gradients, what + ": backward drawn again, in place");
}

// As in the library, a backend whose threads have started is never destroyed, and stays reachable.
Backend& leaked(const Isa& isa, unsigned threads, size_t streaming_bytes = SIZE_MAX) {
  static std::vector<Backend*>& kept = *new std::vector<Backend*>;
  kept.push_back(new Backend(isa, threads, streaming_bytes));
  return *kept.back();
}

Case randomCase(size_t length) {
  Case c{length};
  c.options.sigma = 0.1 * static_cast<double>(below(5));
  c.options.relu = below(2);
  if (below(4) == 0) c.options.rate = 0.5;
  if (below(4) == 0) c.options.normalize = 0;
  if (below(3) == 0) c.options.exponent = below(2) ? 1.0 : 0.5;
  if (below(2)) c.layout.unit_size = 1 + below(40);
  // Few channels, many, and more than a processor can hold decisions for.
  const uint64_t channels[] = {1 + below(70), 8 * (1 + below(40)), 1 + below(6000), uint64_t{1} << 33};
  if (below(2)) c.layout.channels = channels[below(std::size(channels))];
  if (below(2)) c.layout.group_size = 1 + below(below(2) ? 2000 : 70);
  if (below(3) == 0) {
    c.counted = true;
    c.layout.element_offset = below(4) == 0 ? (uint64_t{1} << 35) - below(3 * length + 1) : below(100000);
  } else if (c.layout.group_size && length) {
    c.layout.group_size = std::max<size_t>(1, length / (1 + below(length)));
    while (length % c.layout.group_size) --c.layout.group_size;
  }
  return c;
}

void knownAnswers() {
  struct Answer {
    uint64_t key, subsequence, block;
    uint32_t words[4];
  };
  // Random123's kat_vectors, philox4x32 with 10 rounds.
  const Answer answers[] = {
      {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {0x299f31d0a4093822,
       0x0370734413198a2e,
       0x85a308d3243f6a88,
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Answer& a : answers)
    check::that(std::memcmp(jumpout::philox4x32_10(a.key, a.subsequence, a.block).word, a.words, 16) == 0,
                "Philox known answer");
}

// The least uniform numbers lie half a step above 0, whose logarithm is infinite: u = 2^-54 and v = 2^-53.
void leastNormal() {
  const double pi = std::acos(-1.0);
  const double want = std::sqrt(108.0 * std::log(2.0)) * pi * 0x1p-53;
  const double got = jumpout::normalOfWords({{0, 0, 0, 0}});
  check::that(std::fabs(got / want - 1.0) < 0x1p-50, "the normal number of zero words");
}

// Concurrent callers of the pool must not affect each other's results.
void concurrentCallers(const Isa& isa) {
  Backend& backend = leaked(isa, 4);
  const size_t length = 600000;
  const std::vector<float> values = randomTensor(length);
  const auto want = reference::forward(values, {0, 0, 1, 0}, jumpout_default_options(), 1, 2);
  std::vector<std::vector<float>> outputs(3, std::vector<float>(length));
  std::vector<std::thread> callers;
  for (auto& output : outputs)
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 5; ++repeat) {
        jumpout_group group{};
        backend.forward({values.data(),
                         output.data(),
                         nullptr,
                         &group,
                         length,
                         1,
                         {0, 0, 1, 0},
                         jumpout_default_options(),
                         1,
                         2,
                         0});
      }
    });
  for (auto& caller : callers) caller.join();
  for (const auto& output : outputs) check::sameFloats(output, want.output, "concurrent callers");
}

}  // namespace

// Arguments: number of random cases per set (default 1500).
int main(int count, char** arguments) {
  const int random_cases = count > 1 ? std::atoi(arguments[1]) : 1500;
  knownAnswers();
  leastNormal();
  for (const char* name : {"scalar", "avx2", "avx512", "neon"}) {
    const Isa* isa = jumpout::cpu::findIsa(name);
    std::printf("%s: %s\n", name, isa ? "tested" : "not on this machine");
    if (!isa) continue;
    Backend &alone = leaked(*isa, 1), &shared = leaked(*isa, 3), &streaming = leaked(*isa, 1, 1);
    for (size_t length = 0; length <= 300; ++length) {
      Case c{length};
      runCase(alone, c);
      c.options.relu = 1;
      runCase(alone, c);
    }
    for (int i = 0; i < random_cases; ++i) runCase(alone, randomCase(below(3000)));
    for (int i = 0; i < random_cases / 10; ++i) {
      Case c = randomCase(1 + below(5000));
      if (below(4) != 0) c.output_shift = 4 * below(4);  // as a vector or a piece of one is aligned
      runCase(streaming, c);
    }
    for (size_t length : {size_t{65535}, size_t{65536}, size_t{600001}, size_t{1048576}}) {
      runCase(alone, Case{length});
      runCase(shared, Case{length});
      for (int i = 0; i < 4; ++i) runCase(shared, randomCase(length));
    }
    concurrentCallers(*isa);
  }
  return check::report();
}

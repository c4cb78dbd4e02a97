/* Times the C API against memcpy, a streaming copy and a plain count, all in turns in one process, and prints
 * one JSON row for each length: median seconds of one call. Every pass is checked, on poisoned outputs,
 * before it is timed.
 *
 *   jumpout_bench [--lengths 1024,1048576] [--caches warm|cold] [--flush BYTES] [--budget SECONDS] [--rounds
 * N]
 *                 [--passes memcpy,forward,...]
 */
#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "baselines.hpp"
#include "jumpout.h"

namespace {

constexpr uint32_t poison = 0x7fc0dead;  // a NaN that no computation gives
constexpr uint64_t seed = 1;

/* A sample whose channels are interleaved. */
struct Interleaved {
  uint64_t channels, pixels;
};
constexpr Interleaved manyChannels{64, 16}, fewChannels{8, 2};

struct Settings {
  std::vector<size_t> lengths{1 << 20};
  std::vector<std::string> passes;  // empty: all
  bool cold = true;
  size_t flushBytes = 64u << 20;
  double budget = 1.0;  // seconds for one length
  int maxRounds = 301;
};

template <typename T>
struct AlignedArray {
  explicit AlignedArray(size_t length)
      : length(length), data(static_cast<T*>(::operator new(length * sizeof(T), std::align_val_t{64}))) {}
  ~AlignedArray() { ::operator delete(data, std::align_val_t{64}); }
  AlignedArray(const AlignedArray&) = delete;
  AlignedArray& operator=(const AlignedArray&) = delete;
  void fill(uint32_t bits) {
    for (size_t i = 0; i < length; ++i) std::memcpy(&data[i], &bits, sizeof bits);
  }
  size_t length;
  T* data;
};

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string(what) + " is wrong, so it is not timed");
}

void succeed(jumpout_status status) {
  if (status != JUMPOUT_OK) throw std::runtime_error(jumpout_status_text(status));
}

/* Arrays of one length, and the passes over them. */
struct Workload {
  explicit Workload(size_t length)
      : length(length), input(length), output(length), mask(jumpout_mask_words(length)) {
    std::minstd_rand random(std::random_device{}());
    std::uniform_real_distribution<float> between(-1.0f, 1.0f);
    for (size_t i = 0; i < length; ++i) input.data[i] = between(random);
    output.fill(poison);
    mask.fill(poison);
  }

  void forward(const float* from, float* to, bool saveMask = true) { forward(from, to, saveMask, layout); }

  void forwardChannelsLast(const Interleaved& sample) {
    forward(input.data, output.data, true, {0, 0, sample.pixels, sample.channels});
  }

  void forward(const float* from, float* to, bool saveMask, const jumpout_layout& layout) {
    succeed(jumpout_forward(&(forwardArgs = {from, to, saveMask ? mask.data : nullptr, &group, length, 1,
                                             layout, jumpout_default_options(), seed, call++, 0})));
  }

  void backward(bool fromMask = true) {
    const jumpout_backward_args args{input.data,
                                     output.data,
                                     fromMask ? mask.data : nullptr,
                                     nullptr,
                                     &group,
                                     length,
                                     1,
                                     layout,
                                     seed,
                                     forwardArgs.call,
                                     0};
    succeed(jumpout_backward(&args));
  }

  size_t count() {
    jumpout_group counted{};
    const jumpout_count_args args{input.data, &counted, length, 1, layout};
    succeed(jumpout_count_active(&args));
    return static_cast<size_t>(counted.active);
  }

  bool isKept(size_t i) const { return mask.data[i >> 5] >> (i & 31) & 1; }

  /* Each element of the output is the scaled input or +0, as the mask says. */
  void requireMasked(const char* what) const {
    const float scale = static_cast<float>(group.scale);
    for (size_t i = 0; i < length; ++i) {
      const float expected = isKept(i) ? input.data[i] * scale : 0.0f;
      require(std::memcmp(&expected, &output.data[i], sizeof(float)) == 0, what);
    }
  }

  void check() {
    const size_t active = countPlainly(input.data, length);
    require(count() == active, "count");
    copyStreaming(input.data, output.data, length);
    require(std::memcmp(input.data, output.data, length * sizeof(float)) == 0, "streaming copy");

    output.fill(poison);
    forward(input.data, output.data);
    require(group.active == static_cast<double>(active) && group.total == static_cast<double>(length),
            "active count");
    size_t kept = 0;
    for (size_t w = 0; w < mask.length; ++w) kept += static_cast<size_t>(std::popcount(mask.data[w]));
    const double expected = static_cast<double>(length) * (1 - group.effective_rate);
    require(
        std::fabs(static_cast<double>(kept) - expected) <= 6 * std::sqrt(expected * group.effective_rate) + 1,
        "mask");
    requireMasked("forward");

    // In-place and output-only forward of the same draw, then both backward passes: all must give the same
    // product.
    const auto again = [this](const char* what, auto&& run) {
      output.fill(poison);
      run();
      requireMasked(what);
    };
    const uint64_t drawn = forwardArgs.call;
    again("forward without mask", [&] { call = drawn, forward(input.data, output.data, false); });
    again("in place", [&] {
      std::memcpy(output.data, input.data, length * sizeof(float));
      call = drawn, forward(output.data, output.data);
    });
    again("backward", [&] { backward(); });
    again("backward from seed", [&] { backward(false); });
    for (const Interleaved& sample : {manyChannels, fewChannels}) {
      output.fill(poison);
      forwardChannelsLast(sample);
      requireMasked("forward, channels last");
      const auto [channels, pixels] = sample;
      for (size_t i = channels; i < length; ++i)
        require(i % (channels * pixels) < channels || isKept(i) == isKept(i - channels), "a channel's mask");
    }
  }

  size_t length;
  AlignedArray<float> input;
  AlignedArray<float> output;
  AlignedArray<uint32_t> mask;
  jumpout_group group{};
  jumpout_layout layout{0, 0, 1, 0};
  jumpout_forward_args forwardArgs{};
  uint64_t call = 0;
};

volatile double sink;

struct Pass {
  std::string name;
  std::function<void()> run;
  std::function<void()> restore;  // not timed, before every call
  std::vector<double> times{};
  int repeats = 1;
};

double secondsOf(Pass& pass, const std::function<void()>& flush) {
  if (pass.restore) pass.restore();
  flush();
  const auto start = std::chrono::steady_clock::now();
  for (int r = 0; r < pass.repeats; ++r) pass.run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / pass.repeats;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::vector<Pass> makePasses(Workload& w) {
  return {
      {"memcpy", [&w] { std::memcpy(w.output.data, w.input.data, w.length * sizeof(float)); }, {}},
      {"streamingCopy", [&w] { copyStreaming(w.input.data, w.output.data, w.length); }, {}},
      {"plainCount", [&w] { sink = static_cast<double>(countPlainly(w.input.data, w.length)); }, {}},
      {"count", [&w] { sink = static_cast<double>(w.count()); }, {}},
      {"forward", [&w] { w.forward(w.input.data, w.output.data); }, {}},
      {"forwardChannelsLast", [&w] { w.forwardChannelsLast(manyChannels); }, {}},
      {"forwardFewChannelsLast", [&w] { w.forwardChannelsLast(fewChannels); }, {}},
      {"forwardNoMask", [&w] { w.forward(w.input.data, w.output.data, false); }, {}},
      {"inPlace", [&w] { w.forward(w.output.data, w.output.data); },
       [&w] { std::memcpy(w.output.data, w.input.data, w.length * sizeof(float)); }},
      {"backward", [&w] { w.backward(); }, {}},
      {"backwardFromSeed", [&w] { w.backward(false); }, {}},
  };
}

void measure(size_t length, const Settings& settings) {
  Workload workload(length);
  workload.check();
  std::vector<Pass> passes = makePasses(workload);
  if (!settings.passes.empty())
    std::erase_if(passes, [&](const Pass& pass) {
      return std::ranges::find(settings.passes, pass.name) == settings.passes.end();
    });

  AlignedArray<uint32_t> wash(settings.cold ? settings.flushBytes / sizeof(uint32_t) : 0);
  wash.fill(1);
  const std::function<void()> flush = [&wash] {
    uint32_t sum = 0;
    for (size_t i = 0; i < wash.length; i += 16) sum += wash.data[i];
    sink = sum;
  };
  for (Pass& pass : passes) {
    const double once = std::min(secondsOf(pass, flush), secondsOf(pass, flush));
    // Long enough for the clock; a flushed or restored array allows no repeats.
    if (!settings.cold && !pass.restore) pass.repeats = std::max(1, static_cast<int>(20e-6 / once));
  }
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [start] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  for (int round = 0; round < settings.maxRounds && (round < 5 || elapsed() < settings.budget); ++round)
    for (size_t k = 0; k < passes.size(); ++k) {  // each round starts with another pass
      Pass& pass = passes[(k + static_cast<size_t>(round)) % passes.size()];
      pass.times.push_back(secondsOf(pass, flush));
    }

  std::printf("{\"elements\":%zu,\"caches\":\"%s\",\"seconds\":{", length, settings.cold ? "cold" : "warm");
  for (size_t k = 0; k < passes.size(); ++k)
    std::printf("%s\"%s\":%.6g", k ? "," : "", passes[k].name.c_str(), median(passes[k].times));
  std::puts("}}");
  std::fflush(stdout);
}

std::vector<std::string> splitAtCommas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

Settings parse(int count, char** arguments) {
  Settings settings;
  for (int i = 1; i < count; i += 2) {
    const std::string flag = arguments[i];
    if (i + 1 == count) throw std::invalid_argument(flag + " needs a value");
    const std::string value = arguments[i + 1];
    if (flag == "--lengths") {
      settings.lengths.clear();
      for (const std::string& length : splitAtCommas(value)) settings.lengths.push_back(std::stoull(length));
    } else if (flag == "--passes") {
      settings.passes = splitAtCommas(value);
    } else if (flag == "--caches" && (value == "warm" || value == "cold")) {
      settings.cold = value == "cold";
    } else if (flag == "--flush") {
      settings.flushBytes = std::stoull(value);
    } else if (flag == "--budget") {
      settings.budget = std::stod(value);
    } else if (flag == "--rounds") {
      settings.maxRounds = std::stoi(value);
    } else {
      throw std::invalid_argument("unknown argument " + flag + " " + value);
    }
  }
  return settings;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const Settings settings = parse(count, arguments);
    for (const size_t length : settings.lengths) measure(length, settings);
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "jumpout_bench: %s\n", error.what());
    return EXIT_FAILURE;
  }
}

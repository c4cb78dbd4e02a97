#include "oracle.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "parallel.hpp"

namespace device_tests {

Words philox(uint64_t key, uint64_t index, uint64_t stream) {
  uint32_t counter[4] = {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
                         static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)};
  uint32_t key0 = static_cast<uint32_t>(key), key1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t even = uint64_t{0xD2511F53} * counter[0], odd = uint64_t{0xCD9E8D57} * counter[2];
    const uint32_t next[4] = {
        static_cast<uint32_t>(odd >> 32) ^ counter[1] ^ key0, static_cast<uint32_t>(odd),
        static_cast<uint32_t>(even >> 32) ^ counter[3] ^ key1, static_cast<uint32_t>(even)};
    std::copy(next, next + 4, counter);
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return {{counter[0], counter[1], counter[2], counter[3]}};
}

double normalOf(const Words& r) {
  const uint64_t a = r.word[0] ^ uint64_t { r.word[1] } << 21, b = r.word[2] ^ uint64_t { r.word[3] } << 21;
  const double u = std::ldexp(static_cast<double>(a), -53) + std::ldexp(1.0, -54);
  const double v = std::ldexp(static_cast<double>(b), -52) + std::ldexp(1.0, -53);
  const double half_turn = v > 1.0 ? v - 1.0 : v;
  const double sine = std::sin(std::acos(-1.0) * (half_turn > 0.5 ? 1.0 - half_turn : half_turn));
  return std::sqrt(-2.0 * std::log(u)) * (v > 1.0 ? -sine : sine);
}

uint64_t firstGroupOf(const Problem& problem) {
  const jumpout_layout& layout = problem.layout;
  return layout.group_size && problem.length ? layout.element_offset / layout.group_size : 0;
}

size_t rowOf(const Problem& problem, size_t i) {
  const jumpout_layout& layout = problem.layout;
  if (layout.group_size == 0) return 0;
  return static_cast<size_t>((layout.element_offset + i) / layout.group_size - firstGroupOf(problem));
}

uint64_t unitOf(const jumpout_layout& layout, uint64_t element) {
  const uint64_t sample = layout.channels * layout.unit_size;
  return sample ? element / sample * layout.channels + element % layout.channels : element / layout.unit_size;
}

size_t groupsOf(const Problem& problem) {
  return problem.length ? rowOf(problem, problem.length - 1) + 1 : 1;
}

std::vector<uint64_t> countsOf(const Problem& problem, const std::vector<uint32_t>& input) {
  std::vector<uint64_t> counts(groupsOf(problem), 0);
  forPieces(problem.length, [&](size_t first, size_t last) {
    while (first < last) {
      const size_t row = rowOf(problem, first);
      uint64_t active = 0;
      for (; first < last && rowOf(problem, first) == row; ++first)
        active += widen(problem.dtype, input[first]) > 0.0f;
      std::atomic_ref<uint64_t>(counts[row]) += active;
    }
  });
  return counts;
}

double normalizedRate(const jumpout_options& options, double rate, uint64_t active, uint64_t total) {
  if (!options.normalize) return rate;
  if (active == 0) return 0.0;
  return std::min(rate * (static_cast<double>(total) / static_cast<double>(active)), options.max_rate);
}

uint32_t thresholdOf(double normalized) {
  return static_cast<uint32_t>(std::floor(normalized * 65536.0 + 0.5));
}

float scaleOf(uint32_t threshold, double exponent) {
  return static_cast<float>(std::pow(1.0 - threshold / 65536.0, -exponent));
}

bool isExact(double exponent) {
  return exponent == 0.0 || exponent == 0.5 || exponent == 0.75 || exponent == 1.0;
}

std::vector<jumpout_record> recordsOf(const Problem& problem, const std::vector<uint64_t>& active) {
  const jumpout_options& options = problem.options;
  const uint64_t size = problem.layout.group_size ? problem.layout.group_size : problem.length;
  const uint64_t total = problem.total ? problem.total : problem.length ? size : 0;
  std::vector<jumpout_record> records;
  for (size_t row = 0; row < active.size(); ++row) {
    jumpout_record record{};
    record.seed = problem.seed;
    record.call = problem.call;
    record.scale = 1.0f;
    if (total > 0) {
      record.total = total;
      record.active = problem.all_active ? total : active[row];
      const Words words = philox(problem.seed, firstGroupOf(problem) + row, 2 * problem.call + 1);
      record.rate = std::isnan(options.rate)
                        ? std::min(options.p_min + options.sigma * std::fabs(normalOf(words)), options.p_max)
                        : options.rate;
      record.threshold = thresholdOf(normalizedRate(options, record.rate, record.active, total));
      record.scale = scaleOf(record.threshold, options.exponent);
    }
    records.push_back(record);
  }
  return records;
}

std::vector<uint32_t> maskOf(const Problem& problem, const std::vector<uint32_t>& input,
                             const std::vector<jumpout_record>& records) {
  std::vector<uint32_t> mask((problem.length + 31) / 32, 0);
  forPieces(problem.length, [&](size_t first, size_t last) {
    uint64_t drawn = ~uint64_t{0};  // the block that `words` holds; no unit is that far
    Words words{};
    for (size_t i = first; i < last; ++i) {
      const uint64_t unit = unitOf(problem.layout, problem.layout.element_offset + i);
      const jumpout_record& record = records[rowOf(problem, i)];
      if (unit / 8 != drawn) {
        drawn = unit / 8;
        words = philox(problem.seed, drawn, 2 * record.call);
      }
      const uint32_t lane = unit % 8, bits = words.word[lane / 2] >> (lane % 2 ? 16 : 0) & 0xFFFF;
      const bool passes = !problem.options.relu || widen(problem.dtype, input[i]) > 0.0f;
      if (bits >= record.threshold && passes) mask[i / 32] |= 1u << i % 32;
    }
  });
  return mask;
}

std::vector<uint32_t> maskedBy(const Problem& problem, const std::vector<uint32_t>& values,
                               const std::vector<uint32_t>& mask,
                               const std::vector<jumpout_record>& records) {
  std::vector<uint32_t> result(problem.length, 0);
  forPieces(problem.length, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i)
      if (mask[i / 32] >> i % 32 & 1)
        result[i] = narrow(problem.dtype, widen(problem.dtype, values[i]) * records[rowOf(problem, i)].scale);
  });
  return result;
}

}  // namespace device_tests

#include "cases.hpp"

#include <algorithm>
#include <cmath>

#include "parallel.hpp"

namespace device_tests {
namespace {

// Of the dtype itself: both zeros, subnormals, the largest, infinities, NaNs quiet and signalling.
uint32_t specialValue(Random& random, jumpout_dtype dtype) {
  const Format format = formatOf(dtype);
  const uint32_t infinity = format.exponentMask() << format.mantissa_bits, one = infinity / 2;
  const uint32_t magnitudes[] = {0,
                                 1,
                                 format.mantissaMask(),
                                 format.mantissaMask() + 1,
                                 one & ~format.mantissaMask(),
                                 infinity - 1,
                                 infinity,
                                 infinity | 1,
                                 infinity | format.mantissaMask()};
  const uint32_t magnitude = magnitudes[random.below(std::size(magnitudes))];
  return random.oneIn(2) ? magnitude | format.signBit() : magnitude;
}

float ordinaryValue(Random& random, Values kind) {
  const float magnitude = static_cast<float>(random.uniform() * 3.0) + 0x1p-10f;
  const bool positive = random.oneIn(2);
  switch (kind) {
    case Values::kNoneActive: return positive ? 0.0f : -magnitude;
    case Values::kAllActive: return magnitude;
    case Values::kSparse: return random.oneIn(50) ? magnitude : 0.0f;
    case Values::kLarge: return positive ? magnitude * 2e4f : -magnitude * 1e38f;
    default: return positive ? magnitude : -magnitude;
  }
}

const double kExponents[] = {0.0, 0.5, 1.0, 2.3, 0.1, 8.0};

void drawOptions(Random& random, jumpout_options& options) {
  if (random.oneIn(3)) options.relu = 1;
  if (random.oneIn(2)) options.sigma = 0.1 * static_cast<double>(random.below(6));
  if (random.oneIn(30)) options.sigma = 1e308;
  if (random.oneIn(8)) options.p_min = options.p_max = 0.3;
  if (random.oneIn(20)) options.p_min = 0.0;
  if (random.oneIn(12)) options.p_max = 65535.0 / 65536.0;
  if (random.oneIn(4)) {
    const double rates[] = {0.0, 0.1, 0.5, 0.9, 65535.0 / 65536.0};
    options.rate = rates[random.below(std::size(rates))];
  }
  if (random.oneIn(4)) options.normalize = 0;
  if (random.oneIn(6)) options.max_rate = random.oneIn(2) ? 0.0 : 65535.0 / 65536.0;
  if (random.oneIn(2)) options.exponent = kExponents[random.below(std::size(kExponents))];
}

void drawPlacement(Random& random, Case& c) {
  if (random.oneIn(2)) {
    c.input_lead = random.below(8);
    c.output_lead = random.oneIn(2) ? c.input_lead : random.below(8);
    c.mask_lead = random.below(4);
  }
  c.canary_behind = random.oneIn(2);
}

}  // namespace

std::string Case::describe() const {
  const auto number = [](double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.17g", value);
    return std::string(text);
  };
  std::string text = nameOf(dtype) + std::string(" n=") + std::to_string(length);
  if (layout.element_offset) text += " offset=" + std::to_string(layout.element_offset);
  if (layout.group_size) text += " row=" + std::to_string(layout.group_size);
  if (layout.unit_size != 1) text += " plane=" + std::to_string(layout.unit_size);
  if (layout.channels) text += " channels=" + std::to_string(layout.channels);
  if (options.relu) text += " relu";
  if (!options.normalize) text += " unnormalized";
  if (!std::isnan(options.rate)) text += " rate=" + number(options.rate);
  text += " sigma=" + number(options.sigma) + " p=" + number(options.p_min) + ".." + number(options.p_max) +
          " max=" + number(options.max_rate) + " exponent=" + number(options.exponent);
  text += " seed=" + std::to_string(seed) + " call=" + std::to_string(call);
  if (counter) text += " (on the device)";
  if (!active.empty()) text += " counts given";
  if (total) text += " total=" + std::to_string(total);
  if (all_active) text += " all active";
  text += " values=" + std::to_string(static_cast<int>(values)) + "/" + std::to_string(data_seed);
  text += " leads=" + std::to_string(input_lead) + "," + std::to_string(output_lead) + "," +
          std::to_string(mask_lead);
  return text + (canary_behind ? "" : " tight");
}

std::vector<uint32_t> valuesOf(const Case& c, Values kind, uint64_t seed) {
  std::vector<uint32_t> values(c.length);
  forPieces(c.length, [&](size_t first, size_t last) {
    Random random(seed + first);
    for (size_t i = first; i < last; ++i) {
      const bool special = kind == Values::kSpecial || (kind == Values::kSigned && random.oneIn(40));
      values[i] = special ? specialValue(random, c.dtype) : narrow(c.dtype, ordinaryValue(random, kind));
    }
  });
  return values;
}

Case drawnCase(Random& random, jumpout_dtype dtype, size_t length, uint64_t row, uint64_t plane) {
  Case c;
  c.dtype = dtype;
  c.length = length;
  c.layout = {0, row, plane, 0};
  c.seed = random.bits();
  // Small call numbers as well as the largest, which is 2^63 - 2.
  c.call = std::min(random.bits() >> 1 >> random.below(64), (uint64_t{1} << 63) - 2);
  c.data_seed = random.bits() >> 32;
  drawOptions(random, c.options);
  drawPlacement(random, c);
  const Values kinds[] = {Values::kSigned,     Values::kSigned,    Values::kSigned, Values::kSpecial,
                          Values::kNoneActive, Values::kAllActive, Values::kSparse, Values::kLarge};
  c.values = kinds[random.below(std::size(kinds))];
  c.counter = random.oneIn(4) && c.call < (uint64_t{1} << 63) - 2;
  return c;
}

void makeShard(Random& random, Case& c, uint64_t offset, uint64_t total) {
  c.layout.element_offset = offset;
  c.total = c.layout.group_size ? (random.oneIn(2) ? c.layout.group_size : 0) : total;
  const uint64_t size = c.layout.group_size ? c.layout.group_size : total;
  for (size_t row = 0; row < groupsOf(c); ++row)
    c.active.push_back(random.oneIn(10) ? 0 : random.oneIn(10) ? size : random.below(size + 1));
}

Case randomCase(Random& random, size_t most) {
  const size_t length =
      static_cast<size_t>(random.below(random.oneIn(3) ? most : std::min<size_t>(most, 3000)) + 1);
  const uint64_t rows[] = {random.below(70) + 1, random.below(5000) + 1, random.below(length) + 1};
  const uint64_t row = random.oneIn(2) ? 0 : rows[random.below(3)];
  const uint64_t plane = random.oneIn(2) ? 1 : random.below(random.oneIn(4) ? 3000 : 60) + 1;
  Case c = drawnCase(random, kDtypes[random.below(3)], length, row, plane);
  const uint64_t channels[] = {random.below(70) + 1, 8 * (random.below(60) + 1), uint64_t{1} << 33};
  if (plane > 1 && random.oneIn(2)) c.layout.channels = channels[random.below(3)];
  const uint64_t offsets[] = {0, random.below(100000), (uint64_t{1} << 32) - random.below(2 * length + 1),
                              (uint64_t{1} << 35) - random.below(2 * length + 1), uint64_t{1} << 59};
  const uint64_t offset = offsets[random.below(std::size(offsets))];
  if (random.oneIn(3)) {
    makeShard(random, c, offset, c.length + random.below(1000000));
  } else {
    if (c.layout.group_size) c.length = std::max<size_t>(1, length / row) * row;
    if (random.oneIn(6))
      makeShard(random, c, 0, c.length);  // the producer's count
    else if (random.oneIn(8))
      c.all_active = true;
  }
  return c;
}

}  // namespace device_tests

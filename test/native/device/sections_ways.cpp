// Every way of computing forward, at sizes where the table of borders would choose another.
#include <cstdio>

#include "forced_ways.hpp"
#include "sections.hpp"

namespace device_tests {
namespace {

using jumpout::cuda::Borders;
using jumpout::cuda::Way;

// So that small tensors are too large for the chip.
constexpr int kFewMultiprocessors = 2;

// The conditions of the ways: 16-byte alignment, whole draws, an exact exponent.
Case heldCase(Random& random, jumpout_dtype dtype, size_t length, uint64_t row) {
  Case c = drawnCase(random, dtype, length, row);
  c.input_lead = c.output_lead = 0;
  if (!isExact(c.options.exponent)) c.options.exponent = 0.75;
  if (c.options.exponent == 0.0) c.options.exponent = 1.0;
  return c;
}

void force(Context& context, const ForcedWay& forced) {
  Random random(context.seed + 30 + static_cast<uint64_t>(forced.way));
  Report& report = context.report;
  Policy policy = context.device.policy().value_or(Policy{});
  policy.borders = forced.borders;
  const bool beyond = forced.way == Way::kBeyondChip;
  if (beyond) policy.multiprocessors = kFewMultiprocessors;
  const Device device(context.device.number(), policy);
  const bool missing = context.lacks(forced.way);
  const std::vector<uint64_t> row_sizes{8, 64, 256, 520, 1024, 2000, 4096, 8200, 12288};
  const std::vector<size_t> lengths{1,    8,    255,  256,  768,   1000,  1024,  1279,
                                    2049, 5000, 8192, 8193, 20011, 65537, 120000};
  uint64_t asked = 0, taken = 0;
  const auto run = [&](const Case& c) {
    const Taken ran = runCase(report, device, c);
    const bool was_taken = ran.way == forced.way;
    const bool fits =
        sizesOf(forced.way, c.dtype, device).contain(forced.rows ? c.layout.group_size : c.length);
    asked += fits;
    taken += was_taken;
    const bool refused = context.may_refuse && ran.refused == forced.way;
    report.check(was_taken == (fits && !missing) || refused, [&] {
      return nameOf(forced) + (fits && !missing ? " was" : " was not") + " to be taken, and " +
             jumpout::cuda::nameOf(ran.way) + " was, " + c.describe();
    });
  };
  const bool tiny = context.effort == Effort::kTiny;
  for (const jumpout_dtype dtype : kDtypes) {
    if (tiny && (dtype == JUMPOUT_FLOAT16 || (beyond && dtype == JUMPOUT_BFLOAT16))) continue;
    if (forced.rows) {
      for (const uint64_t row : row_sizes) {
        if (tiny && row != 64 && row != 520) continue;
        run(heldCase(random, dtype, row * (2 + random.below(context.pick<uint64_t>(2, 4, 300))), row));
      }
    } else if (!beyond) {
      for (const size_t n : lengths) {
        if (tiny && n != 255 && n != 2049) continue;
        if (context.effort == Effort::kQuick && n > 10000 && dtype != JUMPOUT_FLOAT32) continue;
        run(heldCase(random, dtype, n, 0));
      }
    }
    // What is read twice: a partial tile, tiles of some warps, of each warp one, of each warp more than it holds.
    const uint64_t least = beyond ? sizesOf(forced.way, dtype, device).least : 0;
    if (beyond) {
      for (const uint64_t more : {uint64_t{0}, uint64_t{255}, uint64_t{7900}, 3 * least / 2})
        if (!tiny || more == 7900) run(heldCase(random, dtype, least + more, 0));
      if (tiny) continue;
    }
    // So many that a warp takes several, up to 32, and holds several at once; the last warp fewer.
    if (forced.way == Way::kWarpRows) {
      for (const uint64_t row : {8, 24, 64, 200, 344, 504}) {
        if (tiny && row != 24 && row != 200) continue;
        run(heldCase(random, dtype, row * (12000 / row + random.below(60)), row));
      }
    }
    for (uint64_t i = 0; i < context.pick<uint64_t>(1, 10, 100); ++i) {
      const uint64_t row = 8 * (1 + random.below(300));
      const size_t n = std::max<uint64_t>(least, 1) + random.below(context.pick<uint64_t>(1000, 6000, 60000));
      run(forced.rows ? heldCase(random, dtype, row * (2 + random.below(5)), row)
                      : heldCase(random, dtype, n, 0));
    }
  }
  report.check(missing || asked > 0, [&] { return nameOf(forced) + " is not to be had on this device"; });
  std::printf("    %-22s taken in %llu of %llu cases\n", nameOf(forced).c_str(),
              static_cast<unsigned long long>(taken), static_cast<unsigned long long>(asked));
  report.countWay(nameOf(forced), taken);
}

// The borders as they are: what a tensor takes that fits the chip, or lies beyond it, or far beyond.
void aroundTheChip(Context& context) {
  if (context.effort == Effort::kTiny) return;
  Random random(context.seed + 29);
  const Borders borders{0, 0, kAnySize, Borders{}.beyond_chip, 0, 0, 0};
  const Device device(context.device.number(), Policy{borders, kFewMultiprocessors});
  const Sizes beyond = sizesOf(Way::kBeyondChip, JUMPOUT_FLOAT32, device);
  if (!beyond.contain(beyond.least)) return;
  const auto take = [&](uint64_t length, Way way) {
    const Case c = heldCase(random, JUMPOUT_FLOAT32, length, 0);
    const Taken ran = runCase(context.report, device, c);
    const Way wanted = context.lacks(way) ? Way::kTwoLaunches : way;
    context.report.check(ran.way == wanted, [&] {
      return std::string(nameOf(wanted)) + " was to be chosen, and " + nameOf(ran.way) + " was, " +
             c.describe();
    });
  };
  const uint64_t capacity = beyond.least - 1, far = borders.beyond_chip * capacity;
  take(capacity, Way::kOnChip);
  take(capacity + 1, Way::kBeyondChip);
  take(far, Way::kBeyondChip);
  take(far + 1, Way::kTwoLaunches);
}

}  // namespace

void forcedWays(Context& context) {
  for (const ForcedWay& forced : kForcedWays) force(context, forced);
  aroundTheChip(context);
}

}  // namespace device_tests

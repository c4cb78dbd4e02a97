// The golden vectors, all further devices, and the self-test: whether this program notices a wrong device.
#include <cmath>

#include "sections.hpp"

namespace device_tests {
namespace {

struct GoldenGroup {
  uint64_t active, total;
  double rate;
  uint32_t threshold, scale;
};

struct Golden {
  const char* name;
  jumpout_layout layout;
  jumpout_options options;
  uint64_t seed, call;
  bool counts_given;
  std::vector<GoldenGroup> groups;
  std::vector<uint32_t> input, gradient, output, mask, gradient_out;
};

const std::vector<Golden>& goldens() {
  static const std::vector<Golden> all = {
#include "golden.inc"
  };
  return all;
}

Case caseOf(const Golden& golden) {
  Case c;
  c.length = golden.input.size();
  c.layout = golden.layout;
  c.options = golden.options;
  c.seed = golden.seed;
  c.call = golden.call;
  if (golden.counts_given) {
    c.total = golden.groups.front().total;
    for (const GoldenGroup& group : golden.groups) c.active.push_back(group.active);
  }
  return c;
}

void runGolden(Context& context, const Device& device, const Golden& golden, size_t in, size_t out) {
  Report& report = context.report;
  report.countCase();
  Case c = caseOf(golden);
  c.input_lead = in;
  c.output_lead = out;
  c.counter = out % 2;
  const std::string what = golden.name;
  const Observed observed = runForward(device, c, golden.input, false, true);
  report.check(observed.intact, [&] { return what + ": wrote where it must not"; });
  verifyElements(report, c.dtype, observed.output, golden.output, what + ": output");
  verifyWords(report, observed.mask, golden.mask, what + ": mask");
  report.check(observed.records.size() == golden.groups.size(), [&] { return what + ": groups"; });
  for (size_t row = 0; row < observed.records.size(); ++row) {
    const jumpout_record& got = observed.records[row];
    const GoldenGroup& want = golden.groups[row];
    report.check(got.active == want.active && got.total == want.total && got.threshold == want.threshold &&
                     bitsOfFloat(got.scale) == want.scale && std::fabs(got.rate - want.rate) <= 0x1p-48,
                 [&] { return what + ": group " + std::to_string(row); });
  }
  const std::vector<uint32_t> gradients = maskedBy(c, golden.gradient, observed.mask, observed.records);
  verifyElements(report, c.dtype, gradients, golden.gradient_out, what + ": the oracle's gradients");
}

}  // namespace

void goldenVectors(Context& context) {
  for (const Golden& golden : goldens()) {
    runGolden(context, context.device, golden, 0, 0);
    runGolden(context, context.device, golden, 3, 1);
    // The same problem with other data, in all forms and dtypes.
    for (const jumpout_dtype dtype : kDtypes) {
      Case c = caseOf(golden);
      c.dtype = dtype;
      if (golden.counts_given || context.effort != Effort::kTiny) runCase(context.report, context.device, c);
    }
  }
}

void otherDevices(Context& context) {
  for (int32_t number = 0; number < jumpout_cuda_device_count(); ++number) {
    if (number == context.device.number()) continue;
    const Device device(number, context.device.policy());
    for (const Golden& golden : goldens()) runGolden(context, device, golden, 0, 1);
    Random random(context.seed + 20);
    for (uint64_t i = 0; i < context.pick<uint64_t>(2, 20, 200); ++i)
      runCase(context.report, device, randomCase(random, 3000));
  }
}

// A correct result with one fault at a time: each must be noticed.
void selfTest(Context& context) {
  Case c;
  c.length = 100;
  c.seed = 5;
  c.layout.group_size = 50;
  c.options.relu = 1;
  std::vector<uint32_t> input = valuesOf(c, Values::kSigned, 3);
  const auto wouldNotice = [&](const Case& subject, const Observed& observed) {
    Report provoked;
    provoked.quiet = true;
    provoked.begin("provoked");
    verifyForward(provoked, subject, input, observed, true, "provoked");
    if (provoked.failed() == 0) verifyAgainstCpu(provoked, subject, runOnCpu(subject, input), observed);
    return provoked.failed() > 0;
  };
  for (const jumpout_dtype dtype : kDtypes) {
    context.report.countCase();
    c.dtype = dtype;
    input = valuesOf(c, Values::kAllActive, 3);
    input[7] = narrow(dtype, NAN);
    Observed right;
    right.records = recordsOf(c, countsOf(c, input));
    right.mask = maskOf(c, input, right.records);
    right.output = maskedBy(c, input, right.mask, right.records);
    context.report.check(!wouldNotice(c, right), [&] { return std::string("a right answer is refused"); });

    size_t kept = 0, dropped = 0;
    for (size_t i = 0; i < c.length; ++i) (right.mask[i / 32] >> i % 32 & 1 ? kept : dropped) = i;
    struct Fault {
      const char* name;
      std::function<void(Observed&)> make;
    };
    const Fault faults[] = {
        {"the last bit of an output", [&](Observed& o) { o.output[kept] ^= 1; }},
        {"-0 for +0", [&](Observed& o) { o.output[dropped] = formatOf(dtype).signBit(); }},
        {"a NaN for a number", [&](Observed& o) { o.output[kept] = narrow(dtype, NAN); }},
        {"a number for a NaN", [&](Observed& o) { o.output[kept] = 0; }},
        {"poison",
         [&](Observed& o) { o.output[c.length - 1] = dtype == JUMPOUT_FLOAT32 ? 0xA5A5A5A5 : 0xA5A5; }},
        {"a bit of the mask", [&](Observed& o) { o.mask[1] ^= 1u << 9; }},
        {"a bit of the mask past the end", [&](Observed& o) { o.mask[3] |= 1u << 4; }},
        {"a missing mask", [&](Observed& o) { o.mask.clear(); }},
        {"a missing output", [&](Observed& o) { o.output.pop_back(); }},
        {"a broken canary", [&](Observed& o) { o.intact = false; }},
        {"a count", [&](Observed& o) { ++o.records[1].active; }},
        {"a total", [&](Observed& o) { --o.records[1].total; }},
        {"a rate", [&](Observed& o) { o.records[0].rate *= 1.0 + 0x1p-40; }},
        {"a threshold", [&](Observed& o) { ++o.records[0].threshold; }},
        {"a scale",
         [&](Observed& o) { o.records[1].scale = floatOfBits(bitsOfFloat(o.records[1].scale) + 1); }},
        {"a seed", [&](Observed& o) { ++o.records[0].seed; }},
        {"a call number", [&](Observed& o) { ++o.records[1].call; }},
        {"a missing group", [&](Observed& o) { o.records.pop_back(); }},
    };
    for (const Fault& fault : faults) {
      Observed wrong = right;
      fault.make(wrong);
      context.report.check(wouldNotice(c, wrong),
                           [&] { return std::string(fault.name) + " goes unnoticed"; });
    }
    // An inexact exponent has an ulp of freedom and no more.
    Case free = c;
    free.options.exponent = 2.3;
    Observed near = right;
    near.records = recordsOf(free, countsOf(free, input));
    near.records[0].scale = floatOfBits(bitsOfFloat(near.records[0].scale) + 1);
    near.output = maskedBy(free, input, near.mask, near.records);
    context.report.check(!wouldNotice(free, near), [&] { return std::string("an ulp of 2.3 is refused"); });
    near.records[0].scale = floatOfBits(bitsOfFloat(near.records[0].scale) + 1);
    near.output = maskedBy(free, input, near.mask, near.records);
    context.report.check(wouldNotice(free, near),
                         [&] { return std::string("two ulps of 2.3 go unnoticed"); });
  }
}

}  // namespace device_tests

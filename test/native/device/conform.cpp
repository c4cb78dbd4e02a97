#include "conform.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "parallel.hpp"

namespace device_tests {
namespace {

size_t maskBytes(const Case& c) { return 4 * ((c.length + 31) / 32); }

std::string hex(uint32_t bits) {
  char text[16];
  std::snprintf(text, sizeof text, "%08x", bits);
  return text;
}

template <class T>
std::vector<T> as(const std::vector<unsigned char>& bytes) {
  std::vector<T> result(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(result.data(), bytes.data(), bytes.size());
  return result;
}

// The call number that the device reads and advances, where a case wants that.
class Counter {
 public:
  Counter(const Device& device, const Case& c)
      : wanted_(c.counter), expected_(c.call + 1), memory_(device, 8, 0, true) {
    memory_.write(&c.call);
  }
  uint64_t* pointer() const { return wanted_ ? memory_.data<uint64_t>() : nullptr; }
  bool advancedByOne() {
    const uint64_t now = as<uint64_t>(memory_.read())[0];
    return memory_.intactAround() && now == (wanted_ ? expected_ : expected_ - 1);
  }

 private:
  bool wanted_;
  uint64_t expected_;
  Guarded memory_;
};

std::string recordText(const jumpout_record& r) {
  char text[256];
  std::snprintf(text, sizeof text,
                "{active %llu of %llu, rate %.17g, threshold %u, scale %08x, seed %llu, call %llu}",
                static_cast<unsigned long long>(r.active), static_cast<unsigned long long>(r.total), r.rate,
                r.threshold, bitsOfFloat(r.scale), static_cast<unsigned long long>(r.seed),
                static_cast<unsigned long long>(r.call));
  return text;
}

bool recordHolds(const Case& c, const jumpout_record& got, const jumpout_record& want) {
  const bool drawn = std::isnan(c.options.rate) && want.total > 0;
  const bool counts =
      got.active == want.active && got.total == want.total && got.seed == want.seed && got.call == want.call;
  // A drawn rate may differ by some ulps between mathematical libraries; everything computed from it is exact.
  const bool rate = drawn ? std::fabs(got.rate - want.rate) <= 0x1p-46 * want.rate : got.rate == want.rate;
  const uint32_t threshold =
      got.total ? thresholdOf(normalizedRate(c.options, got.rate, got.active, got.total)) : 0;
  const uint32_t scale = bitsOfFloat(scaleOf(got.threshold, c.options.exponent)),
                 scaled = bitsOfFloat(got.scale);
  const uint32_t slack = isExact(c.options.exponent) ? 0 : 1;
  return counts && rate && got.threshold == threshold && scaled + slack >= scale && scaled <= scale + slack;
}

}  // namespace

std::vector<unsigned char> packed(jumpout_dtype dtype, const std::vector<uint32_t>& bits) {
  std::vector<unsigned char> bytes(bits.size() * bytesOf(dtype));
  forPieces(bits.size(), [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) store(dtype, bytes.data(), i, bits[i]);
  });
  return bytes;
}

std::vector<uint32_t> unpacked(jumpout_dtype dtype, const std::vector<unsigned char>& bytes) {
  std::vector<uint32_t> bits(bytes.size() / bytesOf(dtype));
  forPieces(bits.size(), [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) bits[i] = load(dtype, bytes.data(), i);
  });
  return bits;
}

jumpout_device_forward_args forwardArgs(const Device& device, const Case& c) {
  jumpout_device_forward_args args{};
  args.workspace = device.workspace();
  args.stream = device.stream();
  args.length = c.length;
  args.group_count = groupsOf(c);
  args.layout = c.layout;
  args.options = c.options;
  args.total = c.total;
  args.seed = c.seed;
  args.call = c.counter ? 0 : c.call;
  args.dtype = c.dtype;
  args.device = device.number();
  args.all_active = c.all_active;
  return args;
}

Observed runForward(const Device& device, const Case& c, const std::vector<uint32_t>& input, bool in_place,
                    bool save_mask) {
  const size_t size = bytesOf(c.dtype), bytes = c.length * size, groups = groupsOf(c);
  const std::vector<unsigned char> given = packed(c.dtype, input);
  Guarded from(device, bytes, c.input_lead * size, c.canary_behind);
  Guarded to(device, in_place ? 0 : bytes, c.output_lead * size, c.canary_behind);
  Guarded mask(device, save_mask ? maskBytes(c) : 0, c.mask_lead * 4, c.canary_behind);
  Guarded records(device, groups * sizeof(jumpout_record), 0, c.canary_behind);
  Guarded counts(device, c.active.size() * 8, 0, c.canary_behind);
  Counter counter(device, c);
  from.write(given.data());
  counts.write(c.active.data());

  jumpout_device_forward_args args = forwardArgs(device, c);
  args.input = from.data();
  args.output = in_place ? from.data() : to.data();
  args.mask = save_mask ? mask.data<uint32_t>() : nullptr;
  args.records = records.data<jumpout_record>();
  args.active = c.active.empty() ? nullptr : counts.data<uint64_t>();
  args.call_counter = counter.pointer();

  Observed observed;
  observed.taken = device.forward(args);
  const std::vector<unsigned char> after = from.read(), written = to.read();
  observed.output = unpacked(c.dtype, in_place ? after : written);
  observed.mask = as<uint32_t>(mask.read());
  observed.records = as<jumpout_record>(records.read());
  observed.intact = (in_place || after == given) && as<uint64_t>(counts.read()) == c.active &&
                    counter.advancedByOne() && from.intactAround() && to.intactAround() &&
                    mask.intactAround() && records.intactAround() && counts.intactAround();
  return observed;
}

bool verifyElements(Report& report, jumpout_dtype dtype, const std::vector<uint32_t>& got,
                    const std::vector<uint32_t>& want, const std::string& what) {
  if (got.size() != want.size())
    return report.check(false, [&] { return what + ": " + std::to_string(got.size()) + " elements"; });
  const size_t i = firstWhere(want.size(), [&](size_t at) { return !sameValue(dtype, got[at], want[at]); });
  return report.check(i == want.size(), [&] {
    return what + ": element " + std::to_string(i) + " is " + hex(got[i]) + ", expected " + hex(want[i]);
  });
}

bool verifyWords(Report& report, const std::vector<uint32_t>& got, const std::vector<uint32_t>& want,
                 const std::string& what) {
  if (got.size() != want.size())
    return report.check(false, [&] { return what + ": " + std::to_string(got.size()) + " words"; });
  const size_t i = firstWhere(want.size(), [&](size_t at) { return got[at] != want[at]; });
  return report.check(i == want.size(), [&] {
    return what + ": word " + std::to_string(i) + " is " + hex(got[i]) + ", expected " + hex(want[i]);
  });
}

bool verifyForward(Report& report, const Case& c, const std::vector<uint32_t>& input,
                   const Observed& observed, bool save_mask, const std::string& what) {
  const std::vector<uint64_t> active = c.active.empty() ? countsOf(c, input) : c.active;
  const std::vector<jumpout_record> want = recordsOf(c, active);
  if (!report.check(observed.intact, [&] { return what + ": wrote where it must not"; })) return false;
  if (!report.check(observed.records.size() == want.size(), [&] { return what + ": groups"; })) return false;
  for (size_t row = 0; row < want.size(); ++row) {
    const bool holds = recordHolds(c, observed.records[row], want[row]);
    if (!report.check(holds, [&] {
          return what + ": group " + std::to_string(row) + " is " + recordText(observed.records[row]) +
                 ", expected " + recordText(want[row]);
        }))
      return false;
  }
  // With the thresholds and scales that were found right, everything else is exact.
  const std::vector<uint32_t> mask = maskOf(c, input, observed.records);
  bool same = verifyElements(report, c.dtype, observed.output, maskedBy(c, input, mask, observed.records),
                             what + ": output");
  if (save_mask) same &= verifyWords(report, observed.mask, mask, what + ": mask");
  return same;
}

CpuResult runOnCpu(const Case& c, const std::vector<uint32_t>& input) {
  std::vector<float> values(c.length), output(c.length);
  forPieces(c.length, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) values[i] = widen(c.dtype, input[i]);
  });
  CpuResult result;
  result.mask.assign((c.length + 31) / 32, ~0u);
  const size_t rows = groupsOf(c);
  result.groups.assign(rows, jumpout_group{});
  const bool counted = !c.active.empty() || c.all_active;
  const uint64_t size = c.layout.group_size ? c.layout.group_size : c.total ? c.total : c.length;
  for (size_t row = 0; counted && row < rows; ++row) {
    result.groups[row].total = static_cast<double>(size);
    result.groups[row].active = static_cast<double>(c.all_active ? size : c.active[row]);
  }
  const jumpout_forward_args args{values.data(),
                                  output.data(),
                                  result.mask.data(),
                                  result.groups.data(),
                                  c.length,
                                  rows,
                                  c.layout,
                                  c.options,
                                  c.seed,
                                  c.call,
                                  counted};
  require(jumpout_forward(&args), "the CPU backend's forward");
  result.output.resize(c.length);
  forPieces(c.length, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) result.output[i] = narrow(c.dtype, output[i]);
  });
  return result;
}

bool verifyAgainstCpu(Report& report, const Case& c, const CpuResult& cpu, const Observed& observed) {
  Differences& d = report.differences;
  const bool drawn = std::isnan(c.options.rate), exact = isExact(c.options.exponent);
  bool comparable = true;
  for (size_t row = 0; row < cpu.groups.size(); ++row) {
    const jumpout_group& want = cpu.groups[row];
    const jumpout_group got = jumpout_group_of_record(&observed.records[row]);
    const auto differs = [&](const char* field) {
      return "group " + std::to_string(row) + ": " + field + " differs from the CPU backend's, " +
             c.describe();
    };
    report.check(got.active == want.active && got.total == want.total, [&] { return differs("a count"); });
    d.groups += drawn || !exact;
    if (got.rate != want.rate) {
      ++d.rates;
      d.largest_rate_error = std::max(d.largest_rate_error, std::fabs(got.rate - want.rate) / want.rate);
      report.check(drawn, [&] { return differs("a given rate"); });
    }
    if (got.effective_rate != want.effective_rate) {
      ++d.thresholds;
      comparable = false;
      report.check(drawn && std::fabs(got.effective_rate - want.effective_rate) <= 1.0 / 65536.0,
                   [&] { return differs("the threshold"); });
    } else if (got.scale != want.scale) {
      ++d.scales;
      comparable = false;
      report.check(!exact, [&] { return differs("the scale"); });
    }
  }
  if (!comparable) return false;
  bool same = verifyElements(report, c.dtype, observed.output, cpu.output,
                             "output against the CPU backend, " + c.describe());
  if (!observed.mask.empty() || c.length == 0)
    same &= verifyWords(report, observed.mask, cpu.mask, "mask against the CPU backend, " + c.describe());
  return same;
}

namespace {

void checkCount(Report& report, const Device& device, const Case& c, const std::vector<uint32_t>& input) {
  const size_t size = bytesOf(c.dtype), groups = groupsOf(c);
  Guarded from(device, c.length * size, c.input_lead * size, c.canary_behind);
  Guarded active(device, groups * 8, 0, c.canary_behind);
  from.write(packed(c.dtype, input).data());
  const jumpout_device_count_args args{
      from.data(), active.data<uint64_t>(), device.stream(), c.length, groups, c.layout,
      c.dtype,     device.number()};
  device.count(args);
  const std::vector<uint64_t> got = as<uint64_t>(active.read()), want = countsOf(c, input);
  from.read();
  report.check(got == want && active.intactAround() && from.intactAround(), [&] {
    size_t row = 0;
    while (row + 1 < groups && got[row] == want[row]) ++row;
    return "count of group " + std::to_string(row) + " is " + std::to_string(got[row]) + ", expected " +
           std::to_string(want[row]) + ", " + c.describe();
  });
}

struct BackwardForm {
  const char* name;
  bool from_mask, in_place;
};

void checkBackward(Report& report, const Device& device, const Case& c, const Observed& forward,
                   const std::vector<uint32_t>& gradient, const std::vector<uint32_t>& want,
                   BackwardForm form) {
  const size_t size = bytesOf(c.dtype), bytes = c.length * size;
  const bool needs_output = c.options.relu && !form.from_mask;
  const std::vector<unsigned char> given = packed(c.dtype, gradient),
                                   output = packed(c.dtype, forward.output);
  Guarded from(device, bytes, c.output_lead * size, c.canary_behind);
  Guarded to(device, form.in_place ? 0 : bytes, c.input_lead * size, c.canary_behind);
  Guarded mask(device, form.from_mask ? maskBytes(c) : 0, c.mask_lead * 4, c.canary_behind);
  Guarded saved(device, needs_output ? bytes : 0, (c.mask_lead * 2 % 8) * size, c.canary_behind);
  Guarded records(device, forward.records.size() * sizeof(jumpout_record), 0, c.canary_behind);
  from.write(given.data());
  mask.write(forward.mask.data());
  saved.write(output.data());
  records.write(forward.records.data());

  jumpout_device_backward_args args{};
  args.grad_output = from.data();
  args.grad_input = form.in_place ? from.data() : to.data();
  args.mask = form.from_mask ? mask.data<uint32_t>() : nullptr;
  args.output = needs_output ? saved.data() : nullptr;
  args.records = records.data<jumpout_record>();
  args.stream = device.stream();
  args.length = c.length;
  args.group_count = forward.records.size();
  args.layout = c.layout;
  args.dtype = c.dtype;
  args.device = device.number();
  args.relu = c.options.relu;
  device.backward(args);

  const std::vector<unsigned char> after = from.read(), written = to.read();
  const std::string what = std::string("backward ") + form.name + ", " + c.describe();
  verifyElements(report, c.dtype, unpacked(c.dtype, form.in_place ? after : written), want, what);
  const bool unchanged =
      (form.in_place || after == given) &&
      as<uint32_t>(mask.read()) == (form.from_mask ? forward.mask : std::vector<uint32_t>{}) &&
      (!needs_output || saved.read() == output) &&
      std::memcmp(records.read().data(), forward.records.data(),
                  forward.records.size() * sizeof(jumpout_record)) == 0;
  report.check(unchanged && from.intactAround() && to.intactAround() && mask.intactAround() &&
                   saved.intactAround() && records.intactAround(),
               [&] { return what + ": wrote where it must not"; });
}

}  // namespace

Taken runCase(Report& report, const Device& device, const Case& c) {
  report.countCase();
  const std::vector<uint32_t> input = valuesOf(c, c.values, c.data_seed);
  const std::vector<uint32_t> gradient = valuesOf(c, Values::kSigned, c.data_seed + 1);
  checkCount(report, device, c, input);

  const Observed masked = runForward(device, c, input, false, true);
  if (!verifyForward(report, c, input, masked, true, c.describe())) return masked.taken;
  const Observed in_place = runForward(device, c, input, true, false);
  verifyForward(report, c, input, in_place, false, "in place without a mask, " + c.describe());
  verifyAgainstCpu(report, c, runOnCpu(c, input), masked);

  const std::vector<uint32_t> want = maskedBy(c, gradient, masked.mask, masked.records);
  checkBackward(report, device, c, masked, gradient, want, {"from the mask", true, false});
  checkBackward(report, device, c, masked, gradient, want, {"from the mask, in place", true, true});
  checkBackward(report, device, c, masked, gradient, want, {"drawn again", false, false});
  checkBackward(report, device, c, masked, gradient, want, {"drawn again, in place", false, true});
  return masked.taken;
}

}  // namespace device_tests

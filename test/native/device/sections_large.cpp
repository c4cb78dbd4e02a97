// Many draws against this host's C library, and tensors with more elements than 32 bits can number.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "sections.hpp"

namespace device_tests {
namespace {

// Gigabytes: no canaries, no copies on the host, only windows are looked at.
class Huge {
 public:
  Huge(const Device& device, size_t bytes) : device_(device) {
    require(jumpout_cuda_allocate(device.number(), bytes, device.stream(), 1, &memory_), "gigabytes");
    require(jumpout_cuda_fill(device.number(), memory_, Guarded::kPoison, bytes, device.stream()), "poison");
  }
  ~Huge() {
    void* stream = device_.stream();
    jumpout_cuda_free(device_.number(), memory_, &stream, 1);
  }
  Huge(const Huge&) = delete;
  Huge& operator=(const Huge&) = delete;

  template <class T = char>
  T* at(size_t index) const {
    return static_cast<T*>(memory_) + index;
  }
  // The same bytes again and again.
  void repeat(const std::vector<unsigned char>& tile, size_t bytes) {
    copy(at(0), tile.data(), tile.size());
    for (size_t done = tile.size(); done < bytes; done *= 2)
      copy(at(done), at(0), std::min(done, bytes - done));
  }
  std::vector<unsigned char> window(size_t offset, size_t bytes) {
    std::vector<unsigned char> result(bytes);
    copy(result.data(), at(offset), bytes);
    device_.synchronize();
    return result;
  }

 private:
  void copy(void* to, const void* from, size_t bytes) {
    require(jumpout_cuda_copy(device_.number(), to, from, bytes, device_.stream()), "a copy");
  }
  const Device& device_;
  void* memory_ = nullptr;
};

constexpr size_t kTile = size_t{1} << 20;

std::vector<uint32_t> windowOf(const std::vector<uint32_t>& tile, size_t first, size_t length) {
  std::vector<uint32_t> result(length);
  for (size_t i = 0; i < length; ++i) result[i] = tile[(first + i) % kTile];
  return result;
}

void runHuge(Context& context, size_t length, uint64_t row, bool relu) {
  Report& report = context.report;
  const Device& device = context.device;
  report.countCase();
  Case tile;
  tile.dtype = JUMPOUT_BFLOAT16;
  tile.length = kTile;
  Case c = tile;
  c.length = length;
  c.layout.group_size = row;
  c.options.relu = relu;
  c.seed = context.seed;
  c.call = 3;
  const std::vector<uint32_t> values = valuesOf(tile, Values::kSigned, 1),
                              gradients = valuesOf(tile, Values::kSigned, 2);
  const size_t groups = groupsOf(c);
  Huge data(device, 2 * length), mask(device, (length + 31) / 32 * 4);
  Huge records(device, groups * sizeof(jumpout_record));
  data.repeat(packed(c.dtype, values), 2 * length);

  jumpout_device_forward_args args = forwardArgs(device, c);
  args.input = args.output = data.at(0);
  args.mask = mask.at<uint32_t>(0);
  args.records = records.at<jumpout_record>(0);
  device.forward(args);
  device.synchronize();

  // Whole tiles, and what is left of one; a row of samples is a divisor of the tile.
  const uint64_t in_tile = countsOf(tile, values)[0];
  Case rest = tile;
  rest.length = length % kTile;
  const uint64_t active = in_tile * (length / kTile) + countsOf(rest, windowOf(values, 0, rest.length))[0];
  const size_t span = row ? row : 8192;
  std::vector<size_t> starts;
  for (const size_t border :
       {size_t{0}, size_t{1} << 31, size_t{1} << 32, length - 2 * span, length - span}) {
    for (const size_t start : {border > span ? border - span : 0, border})
      if (start + span <= length)
        starts.push_back(start / std::max<size_t>(span, 32) * std::max<size_t>(span, 32));
  }
  const auto windowCase = [&](size_t start) {
    Case window = c;
    window.length = span;
    window.layout.element_offset = start;
    window.total = row ? row : length;
    Case plain = tile;
    plain.length = span;
    window.active = {row ? countsOf(plain, windowOf(values, start, span))[0] : active};
    return window;
  };
  const auto recordAt = [&](size_t start) {
    jumpout_record record;
    const size_t index = row ? start / row : 0;
    std::memcpy(&record, records.window(index * sizeof record, sizeof record).data(), sizeof record);
    return record;
  };
  for (const size_t start : starts) {
    Observed observed;
    observed.records = {recordAt(start)};
    observed.output = unpacked(c.dtype, data.window(2 * start, 2 * span));
    const std::vector<unsigned char> words = mask.window(start / 8, span / 8);
    observed.mask.resize(span / 32);
    std::memcpy(observed.mask.data(), words.data(), words.size());
    verifyForward(report, windowCase(start), windowOf(values, start, span), observed, true,
                  "elements from " + std::to_string(start));
  }

  data.repeat(packed(c.dtype, gradients), 2 * length);
  const jumpout_device_backward_args back{data.at(0),
                                          data.at(0),
                                          mask.at<uint32_t>(0),
                                          nullptr,
                                          records.at<jumpout_record>(0),
                                          device.stream(),
                                          length,
                                          groups,
                                          c.layout,
                                          c.dtype,
                                          device.number(),
                                          c.options.relu};
  device.backward(back);
  for (const size_t start : starts) {
    const Case window = windowCase(start);
    const std::vector<jumpout_record> record{recordAt(start)};
    const std::vector<uint32_t> kept = maskOf(window, windowOf(values, start, span), record);
    verifyElements(report, c.dtype, unpacked(c.dtype, data.window(2 * start, 2 * span)),
                   maskedBy(window, windowOf(gradients, start, span), kept, record),
                   "gradients from " + std::to_string(start));
  }
}

}  // namespace

void hugeTensors(Context& context) {
  jumpout_cuda_device found;
  require(jumpout_cuda_device_of(context.device.number(), &found), "the device");
  if (context.effort == Effort::kTiny) return;
  const bool huge = context.effort == Effort::kFull && found.memory_bytes >= uint64_t{24} << 30;
  if (!huge) std::printf("    not beyond 2^32 elements: that needs a full run and 24 GiB of device memory\n");
  const size_t length = (huge ? size_t{1} << 32 : kTile) + 3 * 8192;
  runHuge(context, length, 0, false);
  runHuge(context, length, 0, true);
  runHuge(context, length, 8192, true);
}

// Small groups, so that there are many draws: each threshold and scale against the CPU backend's.
void draws(Context& context) {
  Random random(context.seed + 9);
  const size_t groups = context.pick<size_t>(500, 20000, 1000000);
  for (const double exponent : {0.75, 0.5, 1.0, 2.3, 0.3}) {
    for (const int32_t normalize : {1, 0}) {
      context.report.countCase();
      Case c;
      c.length = 2 * groups;
      c.layout.group_size = 2;
      c.seed = random.bits();
      c.call = random.below(uint64_t{1} << 62);
      c.data_seed = random.bits();
      c.options.exponent = exponent;
      c.options.normalize = normalize;
      c.options.sigma = 0.4;
      c.options.p_max = c.options.max_rate = 0.99;
      const std::vector<uint32_t> input = valuesOf(c, Values::kSigned, c.data_seed);
      const Observed observed = runForward(context.device, c, input, false, true);
      if (verifyForward(context.report, c, input, observed, true, c.describe()))
        verifyAgainstCpu(context.report, c, runOnCpu(c, input), observed);
    }
  }
}

}  // namespace device_tests

#include "workload.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "baselines.hpp"
#include "cuda/backend.hpp"
#include "forced_ways.hpp"

namespace gpu_bench {
namespace {

using device_tests::Case;
using device_tests::Device;
using device_tests::ForcedWay;
using device_tests::kForcedWays;
using device_tests::Policy;
using device_tests::require;
using jumpout::cuda::nameOf;
using jumpout::cuda::Way;

constexpr size_t kTile = size_t{1} << 20;
constexpr uint64_t kSeed = 1;
constexpr float kPlainRate = 0.2f;  // of cuDNN's dropout; the time does not depend on it

template <class T>
std::vector<T> fetched(const Device& device, const void* from, size_t count) {
  std::vector<T> values(count);
  require(jumpout_cuda_copy(device.number(), values.data(), from, count * sizeof(T), device.stream()),
          "a copy");
  device.synchronize();
  return values;
}

const void* advanced(const void* from, size_t bytes) { return static_cast<const char*>(from) + bytes; }

void succeed(bool done) {
  if (!done) throw std::runtime_error("cuDNN refused a call that it took before");
}

}  // namespace

Memory::Memory(const Device& device, size_t bytes) : device(device) {
  require(jumpout_cuda_allocate(device.number(), bytes, device.stream(), 1, &at), "device memory");
}

Memory::~Memory() {
  void* stream = device.stream();
  jumpout_cuda_free(device.number(), at, &stream, 1);
}

Workload::Workload(const Device& device, const Shape& shape)
    : device_(device),
      shape_(shape),
      bytes_(shape.length * device_tests::bytesOf(shape.dtype)),
      groups_(shape.row ? shape.length / shape.row : 1),
      mask_bytes_(4 * jumpout_mask_words(shape.length)),
      input_(device, bytes_),
      output_(device, bytes_),
      between_(device, bytes_),
      mask_(device, mask_bytes_),
      records_(device, groups_ * sizeof(jumpout_record)),
      counts_(device, groups_ * sizeof(uint64_t)) {
  Case tile;
  tile.dtype = shape.dtype;
  tile.length = std::min(kTile, shape.length);
  tile_ = device_tests::valuesOf(tile, device_tests::Values::kSigned, shape.length + 17);
  const std::vector<unsigned char> packed = device_tests::packed(shape.dtype, tile_);
  for (size_t done = 0; done < bytes_; done += packed.size()) {
    const size_t part = std::min(packed.size(), bytes_ - done);
    require(jumpout_cuda_copy(device.number(), static_cast<char*>(input_.at) + done, packed.data(), part,
                              device.stream()),
            "a copy");
  }
  for (size_t i = 0; i < shape.length % tile_.size(); ++i)
    active_ += device_tests::widen(shape.dtype, tile_[i]) > 0.0f;
  uint64_t in_tile = 0;
  for (const uint32_t bits : tile_) in_tile += device_tests::widen(shape.dtype, bits) > 0.0f;
  active_ += in_tile * (shape.length / tile_.size());
  const jumpout_layout layout{0, shape.row, 1, 0};
  const jumpout_device_count_args count{input_.at,       static_cast<uint64_t*>(counts_.at),
                                        device.stream(), shape.length,
                                        groups_,         layout,
                                        shape.dtype,     device.number()};
  require(jumpout_device_count_active(&count), "count");
  device.synchronize();
}

Taken Workload::forward(Options options, const device_tests::Policy& policy) {
  jumpout_device_forward_args args{};
  args.input = input_.at;
  args.output = output_.at;
  args.mask = static_cast<uint32_t*>(mask_.at);
  args.records = static_cast<jumpout_record*>(records_.at);
  args.active = options.counted ? static_cast<const uint64_t*>(counts_.at) : nullptr;
  args.workspace = device_.workspace();
  args.stream = device_.stream();
  args.length = shape_.length;
  args.group_count = groups_;
  args.layout = {0, shape_.row, 1, 0};
  args.options = jumpout_default_options();
  args.options.relu = options.relu;
  args.seed = kSeed;
  args.call = ++call_;
  args.dtype = shape_.dtype;
  args.device = device_.number();
  Taken taken;
  require(jumpout::cuda::forward(args, policy, &taken), "forward");
  return taken;
}

// The input stands in for a gradient.
Taken Workload::backward(Options options) {
  const jumpout_device_backward_args args{input_.at,
                                          between_.at,
                                          options.from_seed ? nullptr : static_cast<uint32_t*>(mask_.at),
                                          output_.at,
                                          static_cast<jumpout_record*>(records_.at),
                                          device_.stream(),
                                          shape_.length,
                                          groups_,
                                          {0, shape_.row, 1, 0},
                                          shape_.dtype,
                                          device_.number(),
                                          options.relu};
  Taken taken;
  require(jumpout::cuda::backward(args, {}, &taken), "backward");
  return taken;
}

std::string Workload::forwardName(Options options) {
  return std::string("forward") + (options.relu ? " relu" : "") + (options.counted ? " counted" : "");
}

// The mask includes ReLU, so backward from it is the same with and without.
std::string Workload::backwardName(Options options) {
  return std::string("backward") + (options.from_seed ? options.relu ? " relu seed" : " seed" : "");
}

void Workload::reluThen(Cudnn& cudnn) {
  reluForward(between_.at, input_.at, bytes_, shape_.dtype == JUMPOUT_FLOAT32, device_.stream());
  succeed(cudnn.forward(between_.at, output_.at));
}

void Workload::cudnnThenRelu(Cudnn& cudnn) {
  succeed(cudnn.backward(input_.at, between_.at));
  reluBackward(between_.at, between_.at, output_.at, bytes_, shape_.dtype == JUMPOUT_FLOAT32,
               device_.stream());
}

std::vector<Contender> Workload::contenders(Cudnn* cudnn, Faults& faults) {
  std::vector<Contender> list;
  list.push_back({"memcpy", [this] {
                    require(
                        jumpout_cuda_copy(device_.number(), between_.at, input_.at, bytes_, device_.stream()),
                        "a copy");
                    return Taken{};
                  }});
  list.push_back({"copy", [this] {
                    copyPlainly(between_.at, input_.at, bytes_, device_.stream());
                    return Taken{};
                  }});
  for (const Options options : {Options{}, {true, false, false}, {false, true, false}, {true, true, false}})
    list.push_back({forwardName(options), [this, options] { return forward(options); }});
  for (const Options options : {Options{}, {false, false, true}, {true, false, true}})
    list.push_back({backwardName(options), [this, options] { return backward(options); }});
  if (cudnn && !shape_.row && cudnn->prepare(shape_.dtype, shape_.length, kPlainRate))
    addCudnn(*cudnn, list, faults);
  return list;
}

std::vector<Contender> Workload::ways() {
  std::vector<Contender> list;
  for (const ForcedWay& forced : kForcedWays)
    if (asks(forced))
      list.push_back({nameOf(forced.way), [this, &forced] { return forward({}, {forced.borders}); }});
  list.push_back({kAsNow, [this] { return forward({}); }});
  return list;
}

Workload::Faults Workload::checkWays() {
  Faults faults;
  for (const ForcedWay& forced : kForcedWays) {
    if (!asks(forced)) continue;
    const std::string name = nameOf(forced.way);
    const Taken taken = verify({}, {forced.borders}, name, faults);
    if (taken.way != forced.way)
      faults.emplace(name, std::string("not taken: ") + nameOf(taken.way) + " was");
  }
  verify({}, {}, kAsNow, faults);
  return faults;
}

bool Workload::asks(const ForcedWay& forced) const {
  const device_tests::Sizes sizes = device_tests::sizesOf(forced.way, shape_.dtype, device_);
  return forced.rows == (shape_.row != 0) && sizes.contain(shape_.row ? shape_.row : shape_.length);
}

// Takes cuDNN's pass only if it runs and drops about the fraction asked for.
void Workload::addCudnn(Cudnn& cudnn, std::vector<Contender>& list, Faults& faults) {
  poison(output_, bytes_);
  if (!cudnn.forward(input_.at, output_.at) || !cudnn.backward(input_.at, between_.at)) return;
  const size_t looked_at = std::min<size_t>(shape_.length, 65536), size = device_tests::bytesOf(shape_.dtype);
  const auto bits =
      device_tests::unpacked(shape_.dtype, fetched<unsigned char>(device_, output_.at, looked_at * size));
  const auto dropped = std::count(bits.begin(), bits.end(), 0u);
  if (static_cast<double>(dropped) > 0.3 * static_cast<double>(looked_at) || dropped == 0)
    for (const char* pass :
         {"cudnn forward", "cudnn backward", "relu + cudnn forward", "cudnn + relu backward"})
      faults.emplace(pass, "wrong: it drops " + std::to_string(dropped) + " of " + std::to_string(looked_at));
  list.push_back({"cudnn forward", [this, &cudnn] {
                    succeed(cudnn.forward(input_.at, output_.at));
                    return Taken{};
                  }});
  list.push_back({"cudnn backward", [this, &cudnn] {
                    succeed(cudnn.backward(input_.at, between_.at));
                    return Taken{};
                  }});
  list.push_back({"relu + cudnn forward", [this, &cudnn] { return reluThen(cudnn), Taken{}; }});
  list.push_back({"cudnn + relu backward", [this, &cudnn] { return cudnnThenRelu(cudnn), Taken{}; }});
}

void Workload::poison(const Memory& memory, size_t bytes) {
  require(jumpout_cuda_fill(device_.number(), memory.at, 0xA5, bytes, device_.stream()), "poison");
}

// A part of the tensor as a shard of it, with the counts of the whole.
Case Workload::window(size_t first, size_t length, Options options) const {
  Case c;
  c.dtype = shape_.dtype;
  c.length = length;
  c.layout = {first, shape_.row, 1, 0};
  c.options.relu = options.relu;
  c.seed = kSeed;
  c.call = call_;
  c.total = shape_.row ? shape_.row : shape_.length;
  c.active = {active_};
  return c;
}

Taken Workload::verify(Options options, const Policy& policy, const std::string& forward_name,
                       Faults& faults) {
  poison(output_, bytes_);
  poison(between_, bytes_);
  poison(mask_, mask_bytes_);
  poison(records_, groups_ * sizeof(jumpout_record));
  const Taken taken = forward(options, policy);
  const Taken back = backward(options);
  if (taken.refused != Way::kNothing)
    faults.emplace(forward_name, std::string("the device refused to launch it: ") + nameOf(taken.refused));
  if (taken.way == Way::kGeneral) faults.emplace(forward_name, "not taken: any way but the general one");
  if (back.way == Way::kGeneral) faults.emplace(backwardName(options), "not taken: sweep");
  const size_t size = device_tests::bytesOf(shape_.dtype);
  const size_t span = std::min<size_t>(shape_.length, shape_.row ? shape_.row : size_t{1} << 16);
  const size_t last = shape_.length - span, middle = shape_.length / 2 / span * span;
  device_tests::Report report;
  report.begin("before timing");
  for (const size_t first : {size_t{0}, middle, last}) {
    std::vector<uint32_t> input(span);
    for (size_t i = 0; i < span; ++i) input[i] = tile_[(first + i) % tile_.size()];
    Case c = window(first, span, options);
    if (shape_.row) c.active = device_tests::countsOf(c, input);
    device_tests::Observed seen;
    seen.output = device_tests::unpacked(
        shape_.dtype, fetched<unsigned char>(device_, advanced(output_.at, first * size), span * size));
    seen.mask = fetched<uint32_t>(device_, advanced(mask_.at, first / 8), (span + 31) / 32);
    const size_t group = shape_.row ? first / shape_.row : 0;
    seen.records = fetched<jumpout_record>(device_, advanced(records_.at, group * sizeof(jumpout_record)), 1);
    if (!device_tests::verifyForward(report, c, input, seen, true, c.describe())) {
      faults.emplace(forward_name, "wrong: " + report.firstFailure());
      break;
    }
    const std::vector<uint32_t> gradient = device_tests::unpacked(
        shape_.dtype, fetched<unsigned char>(device_, advanced(between_.at, first * size), span * size));
    if (!device_tests::verifyElements(report, shape_.dtype, gradient,
                                      device_tests::maskedBy(c, input, seen.mask, seen.records),
                                      "gradient, " + c.describe())) {
      faults.emplace(backwardName(options), "wrong: " + report.firstFailure());
      break;
    }
  }
  return taken;
}

Workload::Faults Workload::check() {
  Faults faults;
  const size_t looked_at = std::min<size_t>(bytes_, size_t{1} << 20);
  poison(between_, bytes_);
  copyPlainly(between_.at, input_.at, bytes_, device_.stream());
  if (fetched<unsigned char>(device_, between_.at, looked_at) !=
      fetched<unsigned char>(device_, input_.at, looked_at))
    faults.emplace("copy", "wrong");
  for (const bool relu : {false, true})
    for (const bool counted : {false, true})
      for (const bool from_seed : {false, true}) {
        const Options options{relu, counted, from_seed};
        verify(options, {}, forwardName(options), faults);
      }
  return faults;
}

}  // namespace gpu_bench

#include "workload.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "baselines.hpp"
#include "forced_ways.hpp"

namespace gpu_bench {
namespace {

using device_tests::Case;
using device_tests::Device;
using device_tests::require;

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
  const jumpout_layout layout{0, shape.row, 1};
  const jumpout_device_count_args count{input_.at,       static_cast<uint64_t*>(counts_.at),
                                        device.stream(), shape.length,
                                        groups_,         layout,
                                        shape.dtype,     device.number()};
  require(jumpout_device_count_active(&count), "count");
  device.synchronize();
}

void Workload::forward(Options options) {
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
  args.layout = {0, shape_.row, 1};
  args.options = jumpout_default_options();
  args.options.relu = options.relu;
  args.seed = kSeed;
  args.call = ++call_;
  args.dtype = shape_.dtype;
  args.device = device_.number();
  require(jumpout_device_forward(&args), "forward");
}

// The input stands in for a gradient.
void Workload::backward(Options options) {
  const jumpout_device_backward_args args{input_.at,
                                          between_.at,
                                          options.from_seed ? nullptr : static_cast<uint32_t*>(mask_.at),
                                          output_.at,
                                          static_cast<jumpout_record*>(records_.at),
                                          device_.stream(),
                                          shape_.length,
                                          groups_,
                                          {0, shape_.row, 1},
                                          shape_.dtype,
                                          device_.number(),
                                          options.relu};
  require(jumpout_device_backward(&args), "backward");
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

std::vector<Contender> Workload::contenders(Cudnn* cudnn) {
  std::vector<Contender> list;
  const auto add = [&](const char* name, std::function<void()> enqueue) {
    list.push_back({name, std::move(enqueue)});
  };
  add("memcpy", [this] {
    require(jumpout_cuda_copy(device_.number(), between_.at, input_.at, bytes_, device_.stream()), "a copy");
  });
  add("copy", [this] { copyPlainly(between_.at, input_.at, bytes_, device_.stream()); });
  add("forward", [this] { forward({}); });
  add("forward relu", [this] { forward({true, false, false}); });
  add("forward counted", [this] { forward({false, true, false}); });
  add("forward relu counted", [this] { forward({true, true, false}); });
  // With ReLU or without, the mask says it all.
  add("backward", [this] { backward({}); });
  add("backward seed", [this] { backward({false, false, true}); });
  add("backward relu seed", [this] { backward({true, false, true}); });
  if (cudnn && !shape_.row && cudnn->prepare(shape_.dtype, shape_.length, kPlainRate)) addCudnn(*cudnn, list);
  return list;
}

std::vector<Contender> Workload::ways() {
  std::vector<Contender> list;
  const auto add = [&](const char* name, const jumpout::cuda::Borders& borders) {
    list.push_back({name, [this, borders] {
                      jumpout::cuda::bordersForTests() = borders;
                      forward({});
                    }});
  };
  for (const device_tests::ForcedWay& forced : device_tests::kForcedWays) {
    if (forced.rows != (shape_.row != 0)) continue;
    jumpout::cuda::bordersForTests() = forced.borders;
    forward({});
    if (jumpout::cuda::lastWayForTests() != forced.way) continue;
    requireRight({});
    add(forced.name, forced.borders);
  }
  jumpout::cuda::bordersForTests() = {};
  requireRight({});
  add("as now", {});
  return list;
}

// Only what works, and drops about as much as it was told.
void Workload::addCudnn(Cudnn& cudnn, std::vector<Contender>& list) {
  poison(output_, bytes_);
  if (!cudnn.forward(input_.at, output_.at) || !cudnn.backward(input_.at, between_.at)) return;
  const size_t looked_at = std::min<size_t>(shape_.length, 65536), size = device_tests::bytesOf(shape_.dtype);
  const auto bits =
      device_tests::unpacked(shape_.dtype, fetched<unsigned char>(device_, output_.at, looked_at * size));
  const auto dropped = std::count(bits.begin(), bits.end(), 0u);
  if (static_cast<double>(dropped) > 0.3 * static_cast<double>(looked_at) || dropped == 0)
    throw std::runtime_error("cuDNN's dropout drops " + std::to_string(dropped) + " of " +
                             std::to_string(looked_at));
  list.push_back({"cudnn forward", [this, &cudnn] { succeed(cudnn.forward(input_.at, output_.at)); }});
  list.push_back({"cudnn backward", [this, &cudnn] { succeed(cudnn.backward(input_.at, between_.at)); }});
  list.push_back({"relu + cudnn forward", [this, &cudnn] { reluThen(cudnn); }});
  list.push_back({"cudnn + relu backward", [this, &cudnn] { cudnnThenRelu(cudnn); }});
}

void Workload::poison(const Memory& memory, size_t bytes) {
  require(jumpout_cuda_fill(device_.number(), memory.at, 0xA5, bytes, device_.stream()), "poison");
}

// A part of the tensor as a shard of it, with the counts of the whole.
Case Workload::window(size_t first, size_t length, Options options) const {
  Case c;
  c.dtype = shape_.dtype;
  c.length = length;
  c.layout = {first, shape_.row, 1};
  c.options.relu = options.relu;
  c.seed = kSeed;
  c.call = call_;
  c.total = shape_.row ? shape_.row : shape_.length;
  c.active = {active_};
  return c;
}

void Workload::requireRight(Options options) {
  poison(output_, bytes_);
  poison(between_, bytes_);
  poison(mask_, mask_bytes_);
  poison(records_, groups_ * sizeof(jumpout_record));
  forward(options);
  backward(options);
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
    const bool right = device_tests::verifyForward(report, c, input, seen, true, c.describe());
    const std::vector<uint32_t> gradient = device_tests::unpacked(
        shape_.dtype, fetched<unsigned char>(device_, advanced(between_.at, first * size), span * size));
    if (!right || !device_tests::verifyElements(report, shape_.dtype, gradient,
                                                device_tests::maskedBy(c, input, seen.mask, seen.records),
                                                "gradient, " + c.describe()))
      throw std::runtime_error("a pass is wrong, so it is not timed");
  }
}

void Workload::check() {
  const size_t looked_at = std::min<size_t>(bytes_, size_t{1} << 20);
  const auto same = [&](const char* what) {
    if (fetched<unsigned char>(device_, between_.at, looked_at) !=
        fetched<unsigned char>(device_, input_.at, looked_at))
      throw std::runtime_error(std::string(what) + " is wrong, so it is not timed");
  };
  poison(between_, bytes_);
  copyPlainly(between_.at, input_.at, bytes_, device_.stream());
  same("the copy");
  for (const bool relu : {false, true}) {
    for (const bool counted : {false, true})
      for (const bool from_seed : {false, true}) requireRight({relu, counted, from_seed});
  }
}

}  // namespace gpu_bench

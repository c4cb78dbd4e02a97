// The C API on a device (jumpout.h), executed by the emulator: every function with arguments of any kind.
#include <memory>
#include <vector>

#include "../device/conform.hpp"
#include "calls.hpp"
#include "core/raw_number.hpp"

namespace {

using device_tests::Case;
using device_tests::Device;
using device_tests::Observed;
using device_tests::Report;
using fuzz::Bytes;
using fuzz::layoutOf, fuzz::lengthOf, fuzz::modeOf, fuzz::numbered, fuzz::optionsOf, fuzz::rowsOf;
using fuzz::require;

const Device& device() {
  static const Device& one = *new Device(0);
  return one;
}

using Content = std::vector<unsigned char>;

// Device memory of one call: each array an allocation, whose ends the emulator's sanitizers watch.
class Memory {
 public:
  static constexpr size_t kMostBytes = size_t{64} << 10;

  Memory() = default;
  ~Memory() {
    void* stream = device().stream();
    for (const Array& array : arrays_) jumpout_cuda_free(device().number(), array.base, &stream, 1);
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // `bytes` from `lead` bytes behind a boundary of 256 on; where that is too much, as much as there may be.
  template <class T>
  T* array(size_t bytes, size_t lead) {
    Array array{nullptr, lead + std::min(bytes, kMostBytes), {}};
    device_tests::require(jumpout_cuda_allocate(device().number(), std::max<size_t>(array.bytes, 1),
                                                device().stream(), 1, &array.base),
                          "device memory");
    arrays_.push_back(array);
    write(array.base, Content(array.bytes, 0xA5));
    return reinterpret_cast<T*>(static_cast<char*>(array.base) + lead);
  }

  void write(void* to, const Content& content) const {
    if (!content.empty())
      device_tests::require(
          jumpout_cuda_copy(device().number(), to, content.data(), content.size(), device().stream()),
          "a copy");
  }

  bool holds(const jumpout::Span& span) const {
    return !span.address || !span.bytes || find(span.address, span.bytes);
  }
  template <class Spans>
  bool holds(const Spans& spans) const {
    return std::ranges::all_of(spans, [&](const jumpout::Span& span) { return holds(span); });
  }

  template <class Spans, class Call>
  auto watched(const Spans&, const Call& call) {
    for (Array& array : arrays_) array.before = read(array.base, array.bytes);
    const auto result = call();
    device().synchronize();
    return result;
  }

  bool unchanged() const { return unchangedBeside(std::array<jumpout::Span, 0>{}); }

  // Whether the last call wrote at most what it may write.
  template <class Spans>
  bool unchangedBeside(const Spans& spans) const {
    for (const Array& array : arrays_) {
      Content allowed = array.before;
      const Content now = read(array.base, array.bytes);
      for (const jumpout::Span& span : spans)
        if (span.access.written && span.bytes && find(span.address, span.bytes) == &array) {
          const size_t first = array.offsetOf(span.address);
          std::copy_n(now.begin() + static_cast<ptrdiff_t>(first), span.bytes,
                      allowed.begin() + static_cast<ptrdiff_t>(first));
        }
      if (now != allowed) return false;
    }
    return true;
  }

  // What was at `address` before the last call, and what is there now.
  Content before(const void* address, size_t bytes) const {
    const Array* const array = bytes ? find(address, bytes) : nullptr;
    if (!array) return {};
    const auto first = array->before.begin() + static_cast<ptrdiff_t>(array->offsetOf(address));
    return {first, first + static_cast<ptrdiff_t>(bytes)};
  }
  static Content read(const void* from, size_t bytes) {
    Content content(bytes);
    if (bytes && from)
      device_tests::require(
          jumpout_cuda_copy(device().number(), content.data(), from, bytes, device().stream()), "a copy");
    device().synchronize();
    return content;
  }

 private:
  struct Array {
    void* base;
    size_t bytes;
    Content before;
    size_t offsetOf(const void* address) const {
      return reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(base);
    }
  };

  const Array* find(const void* address, size_t bytes) const {
    for (const Array& array : arrays_)
      if (array.offsetOf(address) <= array.bytes && bytes <= array.bytes - array.offsetOf(address))
        return &array;
    return nullptr;
  }

  std::vector<Array> arrays_;
};

template <class T>
std::vector<T> numbersOf(const Content& content) {
  std::vector<T> numbers(content.size() / sizeof(T));
  if (!numbers.empty()) std::memcpy(numbers.data(), content.data(), content.size());
  return numbers;
}

template <class T>
Content contentOf(const std::vector<T>& numbers) {
  const auto* const first = reinterpret_cast<const unsigned char*>(numbers.data());
  return {first, first + numbers.size() * sizeof(T)};
}

size_t bytesOf(jumpout_dtype dtype) {  // of any number: an enum that C passes
  return jumpout::rawNumber(dtype) == JUMPOUT_FLOAT32 ? 4 : 2;
}

// One call in the making.
struct Call {
  explicit Call(Bytes& bytes) : in(bytes) {}

  template <class T>
  T* arrayOf(size_t count) {
    return memory.array<T>(jumpout::extentOf(count, sizeof(T)), in.below(17) * sizeof(T));
  }
  void* arrayOf(jumpout_dtype dtype, size_t length) {
    return memory.array<void>(jumpout::extentOf(length, bytesOf(dtype)), in.below(17) * bytesOf(dtype));
  }
  void* tensorOf(jumpout_dtype dtype, size_t length) {
    void* const first = arrayOf(dtype, length);
    const uint8_t seed = in.take<uint8_t>();
    if (length > fuzz::kMostElements || jumpout::rawNumber(dtype) >= jumpout::kFloatingDtypes) return first;
    std::vector<float> values(length);
    fuzz::fillTensor(seed, values.data(), length);
    std::vector<uint32_t> bits;
    for (const float value : values) bits.push_back(device_tests::narrow(dtype, value));
    memory.write(first, device_tests::packed(dtype, bits));
    return first;
  }
  template <class T, class Make>
  T* numbers(size_t count, const Make& make) {
    T* const first = arrayOf<T>(count);
    std::vector<T> values;
    while (values.size() < std::min(count, fuzz::kMostElements / sizeof(T))) values.push_back(make());
    memory.write(first, contentOf(values));
    return first;
  }
  jumpout_dtype dtypeOf() {
    return in.oneIn(16) ? numbered<jumpout_dtype>(in, 0) : device_tests::kDtypes[in.below(3)];
  }
  int32_t deviceOf() { return in.oneIn(16) ? static_cast<int32_t>(in.integer(1)) : -in.oneIn(2); }

  // All but its arrays and options.
  template <class Args>
  void describe(Args& args) {
    args.dtype = dtypeOf();
    args.device = deviceOf();
    args.length = lengthOf(in);
    args.stream = device().stream();
    if constexpr (requires { args.layout; }) {
      args.layout = layoutOf(in, args.length);
      args.group_count = rowsOf(in, args.length, args.layout);
    }
  }

  // Whether it was accepted and its arrays are still those that were made for it.
  template <class Args, class Run>
  bool made(Args args, const Run& run) {
    const Args right = args;
    const int mode = modeOf(in);
    fuzz::spoil(in, args);
    const bool spoilt = std::memcmp(&args, &right, offsetof(Args, length)) != 0;
    // Only a workspace of zeros serves, and no check can see that.
    if constexpr (requires { args.workspace; })
      if (args.workspace != right.workspace && jumpout::check(args) == JUMPOUT_OK) return false;
    return fuzz::made(memory, args, mode, run) && !spoilt;
  }

  Bytes& in;
  Memory memory;
};

void verified(const Report& report) { require(report.failed() == 0, report.firstFailure()); }

Case caseOf(const jumpout_device_forward_args& args) {
  Case c;
  c.dtype = args.dtype;
  c.length = args.length;
  c.layout = args.layout;
  c.options = args.options;
  c.seed = args.seed;
  c.call = args.call;
  c.total = args.total;
  c.all_active = args.all_active != 0;
  return c;
}

// What forward wrote, and what both ways backward make of it.
void verifyForward(Call& call, const jumpout_device_forward_args& args) {
  Report report;
  report.begin("fuzz");
  const size_t bytes = args.length * bytesOf(args.dtype);
  const auto bitsAt = [&](const Content& content) { return device_tests::unpacked(args.dtype, content); };
  Case c = caseOf(args);
  if (args.active) c.active = numbersOf<uint64_t>(call.memory.before(args.active, args.group_count * 8));
  if (args.call_counter) {
    c.call = numbersOf<uint64_t>(call.memory.before(args.call_counter, 8))[0];
    require(numbersOf<uint64_t>(Memory::read(args.call_counter, 8))[0] == c.call + 1, "the counter advances");
  }
  Observed observed;
  observed.output = bitsAt(Memory::read(args.output, bytes));
  observed.records =
      numbersOf<jumpout_record>(Memory::read(args.records, args.group_count * sizeof(jumpout_record)));
  if (args.mask)
    observed.mask = numbersOf<uint32_t>(Memory::read(args.mask, jumpout_mask_words(args.length) * 4));
  const std::vector<uint32_t> input = bitsAt(call.memory.before(args.input, bytes));
  verifyForward(report, c, input, observed, args.mask != nullptr, "forward");
  verified(report);

  const std::vector<uint32_t> mask = maskOf(c, input, observed.records);
  for (const bool from_mask : {false, true}) {
    Memory memory;
    jumpout_device_backward_args backward = {};
    const auto copied = [&](const Content& content) {
      void* const first = memory.array<void>(content.size(), 0);
      memory.write(first, content);
      return first;
    };
    const auto same = copied(device_tests::packed(args.dtype, input));
    backward.grad_output = backward.grad_input = same;
    if (from_mask) backward.mask = static_cast<uint32_t*>(copied(contentOf(mask)));
    backward.output = copied(device_tests::packed(args.dtype, observed.output));
    backward.records = args.records;
    backward.stream = args.stream;
    backward.length = args.length;
    backward.group_count = args.group_count;
    backward.layout = args.layout;
    backward.dtype = args.dtype;
    backward.device = args.device;
    backward.relu = args.options.relu;
    require(jumpout_device_backward(&backward) == JUMPOUT_OK, "backward takes what forward gives");
    verifyElements(report, args.dtype, bitsAt(Memory::read(same, bytes)),
                   maskedBy(c, input, mask, observed.records), from_mask ? "from the mask" : "drawn again");
    verified(report);
  }
}

void forward(Bytes& in) {
  Call call(in);
  jumpout_device_forward_args args = {};
  call.describe(args);
  args.options = optionsOf(in);
  args.seed = in.integer(1);
  args.call = in.integer(2);
  args.workspace = call.memory.array<void>(JUMPOUT_WORKSPACE_BYTES, 0);
  call.memory.write(args.workspace, Content(JUMPOUT_WORKSPACE_BYTES, 0));
  args.input = call.tensorOf(args.dtype, args.length);
  args.output = in.oneIn(4) ? const_cast<void*>(args.input) : call.arrayOf(args.dtype, args.length);
  args.mask = in.oneIn(3) ? nullptr : call.arrayOf<uint32_t>(jumpout_mask_words(args.length));
  args.records = call.memory.array<jumpout_record>(
      jumpout::extentOf(args.group_count, sizeof(jumpout_record)), in.below(5) * 16);
  const uint64_t size = args.layout.group_size ? args.layout.group_size : args.length;
  if (in.oneIn(3))
    args.active = call.numbers<uint64_t>(args.group_count, [&] { return size ? in.below(size) : 0; });
  if (in.oneIn(4)) args.call_counter = call.numbers<uint64_t>(1, [&] { return in.integer(3) >> 1; });
  if (in.oneIn(4)) args.total = in.integer(size);
  if (in.oneIn(4)) args.all_active = in.take<int32_t>();
  if (call.made(args, jumpout_device_forward)) verifyForward(call, args);
}

void backward(Bytes& in) {
  Call call(in);
  jumpout_device_backward_args args = {};
  call.describe(args);
  args.relu = in.oneIn(2);
  args.grad_output = call.tensorOf(args.dtype, args.length);
  args.grad_input = in.oneIn(4) ? const_cast<void*>(args.grad_output) : call.arrayOf(args.dtype, args.length);
  args.mask = in.oneIn(2) ? nullptr : call.arrayOf<uint32_t>(jumpout_mask_words(args.length));
  args.output = in.oneIn(2) ? nullptr : call.tensorOf(args.dtype, args.length);
  // No check can see what they hold: any numbers.
  args.records = call.memory.array<jumpout_record>(
      jumpout::extentOf(args.group_count, sizeof(jumpout_record)), in.below(5) * 16);
  call.made(args, jumpout_device_backward);
}

void count(Bytes& in) {
  Call call(in);
  jumpout_device_count_args args = {};
  call.describe(args);
  args.input = call.tensorOf(args.dtype, args.length);
  args.active = call.arrayOf<uint64_t>(args.group_count);
  if (!call.made(args, jumpout_device_count_active)) return;
  Case c;
  c.dtype = args.dtype;
  c.length = args.length;
  c.layout = args.layout;
  const Content input = call.memory.before(args.input, args.length * bytesOf(args.dtype));
  require(numbersOf<uint64_t>(Memory::read(args.active, args.group_count * 8)) ==
              countsOf(c, device_tests::unpacked(args.dtype, input)),
          "counts");
}

void identity(Bytes& in) {
  Call call(in);
  jumpout_device_identity_args args = {};
  call.describe(args);
  args.input = call.tensorOf(args.dtype, args.length);
  args.output = in.oneIn(4) ? const_cast<void*>(args.input) : call.arrayOf(args.dtype, args.length);
  if (!call.made(args, jumpout_device_identity)) return;
  const size_t bytes = args.length * bytesOf(args.dtype);
  require(Memory::read(args.output, bytes) == call.memory.before(args.input, bytes), "identity copies");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr void (*kCalls[])(Bytes&) = {forward, backward, count, identity};
  Bytes in(data, size);
  kCalls[in.below(std::size(kCalls))](in);
  return 0;
}

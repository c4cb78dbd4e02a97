// Wrong arguments of the device's entry points: the status, the argument that it names, and that nothing is enqueued.
#include <cmath>

#include "device_runtime.hpp"
#include "spans.hpp"

namespace device_runtime {
namespace {

constexpr size_t kBytes = 8192;

template <class T>
T* shifted(T* pointer, intptr_t bytes) {
  return reinterpret_cast<T*>(reinterpret_cast<intptr_t>(pointer) + bytes);
}

// One allocation, cut into all arrays of a call.
struct Memory {
  Memory() : base(static_cast<char*>(allocated(0, kBytes))) {
    ok(jumpout_cuda_fill(0, base, 0xA5, kBytes, nullptr), "poison");
  }
  ~Memory() { freed(0, base, {nullptr}); }

  bool isUntouched() const {
    for (const uint64_t number : numbersOf(0, base, kBytes / 8))
      if (number != 0xA5A5A5A5A5A5A5A5) return false;
    return true;
  }
  template <class T>
  T* at(size_t offset) const {
    return reinterpret_cast<T*>(base + offset);
  }

  char* base;
};

jumpout_device_forward_args forwardArgs(const Memory& memory) {
  jumpout_device_forward_args args = {};
  args.input = memory.at<void>(0);
  args.output = memory.at<void>(1024);
  args.mask = memory.at<uint32_t>(2048);
  args.records = memory.at<jumpout_record>(3072);
  args.workspace = memory.at<void>(4096);
  args.length = 64;
  args.group_count = 1;
  args.layout = {0, 0, 1, 0};
  args.options = jumpout_default_options();
  return args;
}

void forwardArguments(const Memory& memory) {
  const auto expect = [&](jumpout_status status, const char* field, auto&& change) {
    jumpout_device_forward_args args = forwardArgs(memory);
    change(args);
    refused(jumpout_device_forward(&args), status, field, std::string("forward, ") + field);
  };
  using Args = jumpout_device_forward_args;
  refused(jumpout_device_forward(nullptr), JUMPOUT_NULL_POINTER, "args", "forward of nothing");
  expect(JUMPOUT_BAD_OPTION, "dtype", [](Args& a) { a.dtype = static_cast<jumpout_dtype>(3); });
  expect(JUMPOUT_NULL_POINTER, "input", [](Args& a) { a.input = nullptr; });
  expect(JUMPOUT_NULL_POINTER, "output", [](Args& a) { a.output = nullptr; });
  expect(JUMPOUT_NULL_POINTER, "records", [](Args& a) { a.records = nullptr; });
  expect(JUMPOUT_NULL_POINTER, "workspace", [](Args& a) { a.workspace = nullptr; });
  expect(JUMPOUT_MISALIGNED, "input", [](Args& a) { a.input = shifted(a.input, 2); });
  expect(JUMPOUT_MISALIGNED, "output", [](Args& a) { a.output = shifted(a.output, 2); });
  expect(JUMPOUT_MISALIGNED, "output",
         [](Args& a) { a.dtype = JUMPOUT_FLOAT16, a.output = shifted(a.output, 1); });
  expect(JUMPOUT_MISALIGNED, "mask", [](Args& a) { a.mask = shifted(a.mask, 2); });
  expect(JUMPOUT_MISALIGNED, "records", [](Args& a) { a.records = shifted(a.records, 8); });
  expect(JUMPOUT_MISALIGNED, "workspace", [](Args& a) { a.workspace = shifted(a.workspace, 8); });
  expect(JUMPOUT_MISALIGNED, "active", [&](Args& a) { a.active = memory.at<uint64_t>(5004); });
  expect(JUMPOUT_MISALIGNED, "call_counter", [&](Args& a) { a.call_counter = memory.at<uint64_t>(5004); });
  expect(JUMPOUT_BAD_LENGTH, "group_count", [](Args& a) { a.group_count = 2; });
  expect(JUMPOUT_BAD_LENGTH, "length", [](Args& a) { a.length = SIZE_MAX / 3; });
  expect(JUMPOUT_BAD_LENGTH, "length", [](Args& a) { a.layout.group_size = 48, a.group_count = 2; });
  expect(JUMPOUT_BAD_LENGTH, "layout.element_offset", [](Args& a) { a.layout.element_offset = 64; });
  expect(JUMPOUT_BAD_LENGTH, "layout.unit_size", [](Args& a) { a.layout.unit_size = 0; });
  expect(JUMPOUT_BAD_LENGTH, "layout.group_size", [](Args& a) { a.layout.group_size = UINT64_MAX; });
  expect(JUMPOUT_BAD_OPTION, "options.sigma", [](Args& a) { a.options.sigma = NAN; });
  expect(JUMPOUT_BAD_OPTION, "options.rate", [](Args& a) { a.options.rate = 1.0; });
  expect(JUMPOUT_BAD_OPTION, "options.p_min", [](Args& a) { a.options.p_min = 0.7; });
  expect(JUMPOUT_BAD_OPTION, "call", [](Args& a) { a.call = uint64_t{INT64_MAX}; });
  expect(JUMPOUT_BAD_OPTION, "all_active",
         [&](Args& a) { a.all_active = 1, a.active = memory.at<uint64_t>(5000); });
  expect(JUMPOUT_BAD_LENGTH, "total", [](Args& a) { a.total = 65; });
  expect(JUMPOUT_BAD_LENGTH, "total", [&](Args& a) { a.total = 63, a.active = memory.at<uint64_t>(5000); });
  expect(JUMPOUT_BAD_LENGTH, "total",
         [](Args& a) { a.layout.group_size = 32, a.group_count = 2, a.total = 64; });
  expect(JUMPOUT_BAD_OPTION, "total",
         [&](Args& a) { a.total = (uint64_t{1} << 53) + 1, a.active = memory.at<uint64_t>(5000); });
  expect(JUMPOUT_OVERLAP, "output", [](Args& a) { a.output = const_cast<void*>(shifted(a.input, 4)); });
  expect(JUMPOUT_OVERLAP, "mask", [](Args& a) { a.mask = static_cast<uint32_t*>(shifted(a.output, 252)); });
  expect(JUMPOUT_OVERLAP, "records",
         [](Args& a) { a.records = static_cast<jumpout_record*>(const_cast<void*>(a.input)); });
  expect(JUMPOUT_OVERLAP, "active", [](Args& a) { a.active = reinterpret_cast<const uint64_t*>(a.records); });
  expect(JUMPOUT_OVERLAP, "call_counter", [](Args& a) { a.call_counter = static_cast<uint64_t*>(a.output); });
  expect(JUMPOUT_OVERLAP, "workspace", [](Args& a) { a.workspace = a.records; });
  expect(JUMPOUT_BAD_DEVICE, "device", [](Args& a) { a.device = jumpout_cuda_device_count(); });
  expect(JUMPOUT_BAD_DEVICE, "device", [](Args& a) { a.device = -2; });
}

void otherArguments(const Memory& memory) {
  const jumpout_device_backward_args backward = {memory.at<void>(0),
                                                 memory.at<void>(1024),
                                                 memory.at<uint32_t>(2048),
                                                 nullptr,
                                                 memory.at<jumpout_record>(3072),
                                                 nullptr,
                                                 64,
                                                 1,
                                                 {0, 0, 1, 0},
                                                 JUMPOUT_FLOAT32,
                                                 0,
                                                 0};
  const auto expect = [&](jumpout_status status, const char* field, auto&& change) {
    jumpout_device_backward_args args = backward;
    change(args);
    refused(jumpout_device_backward(&args), status, field, std::string("backward, ") + field);
  };
  using Args = jumpout_device_backward_args;
  expect(JUMPOUT_NULL_POINTER, "grad_output", [](Args& a) { a.grad_output = nullptr; });
  expect(JUMPOUT_NULL_POINTER, "grad_input", [](Args& a) { a.grad_input = nullptr; });
  expect(JUMPOUT_NULL_POINTER, "records", [](Args& a) { a.records = nullptr; });
  expect(JUMPOUT_NULL_POINTER, "output", [](Args& a) { a.mask = nullptr, a.relu = 1; });
  expect(JUMPOUT_MISALIGNED, "output", [](Args& a) { a.output = shifted(a.grad_output, 2); });
  expect(JUMPOUT_OVERLAP, "grad_input", [](Args& a) { a.grad_output = shifted(a.grad_input, 8); });
  expect(JUMPOUT_OVERLAP, "mask", [](Args& a) { a.mask = static_cast<const uint32_t*>(a.grad_input); });
  expect(JUMPOUT_OVERLAP, "records",
         [](Args& a) { a.records = static_cast<const jumpout_record*>(a.grad_input); });
  expect(JUMPOUT_BAD_LENGTH, "group_count", [](Args& a) { a.group_count = 3; });
  expect(JUMPOUT_BAD_OPTION, "dtype", [](Args& a) { a.dtype = static_cast<jumpout_dtype>(-1); });
  expect(JUMPOUT_BAD_DEVICE, "device", [](Args& a) { a.device = INT32_MIN; });

  const jumpout_device_count_args count = {memory.at<void>(0), memory.at<uint64_t>(1024), nullptr, 64, 1,
                                           {0, 0, 1, 0},       JUMPOUT_BFLOAT16,          0};
  const auto refuse = [&](jumpout_status status, const char* field, auto&& change) {
    jumpout_device_count_args args = count;
    change(args);
    refused(jumpout_device_count_active(&args), status, field, std::string("count, ") + field);
  };
  using Count = jumpout_device_count_args;
  refuse(JUMPOUT_NULL_POINTER, "input", [](Count& a) { a.input = nullptr; });
  refuse(JUMPOUT_NULL_POINTER, "active", [](Count& a) { a.active = nullptr; });
  refuse(JUMPOUT_MISALIGNED, "input", [](Count& a) { a.input = shifted(a.input, 1); });
  refuse(JUMPOUT_MISALIGNED, "active", [](Count& a) { a.active = shifted(a.active, 4); });
  refuse(JUMPOUT_OVERLAP, "active",
         [](Count& a) { a.active = static_cast<uint64_t*>(const_cast<void*>(a.input)); });
  refuse(JUMPOUT_BAD_LENGTH, "layout.unit_size", [](Count& a) { a.layout.unit_size = 0; });
  refuse(JUMPOUT_BAD_DEVICE, "device", [](Count& a) { a.device = -7; });
}

void foreignStreams(const Memory& memory) {
  const int32_t last = jumpout_cuda_device_count() - 1;
  if (last == 0) return;
  const Stream other(last);
  jumpout_device_forward_args args = forwardArgs(memory);
  args.stream = other.handle;
  for (const int32_t device : {0, -1}) {
    args.device = device;
    refused(jumpout_device_forward(&args), JUMPOUT_BAD_DEVICE, "stream",
            "forward on a stream of another device");
  }
  const jumpout_device_identity_args same = {
      memory.at<void>(0), memory.at<void>(1024), other.handle, 64, JUMPOUT_FLOAT32, 0};
  refused(jumpout_device_identity(&same), JUMPOUT_BAD_DEVICE, "stream",
          "identity on a stream of another device");
}

void identity(const Memory& memory) {
  const jumpout_device_identity_args good = {
      memory.at<void>(0), memory.at<void>(1024), nullptr, 64, JUMPOUT_FLOAT32, 0};
  const auto refuse = [&](jumpout_status status, const char* field, auto&& change) {
    jumpout_device_identity_args args = good;
    change(args);
    refused(jumpout_device_identity(&args), status, field, std::string("identity, ") + field);
  };
  using Args = jumpout_device_identity_args;
  refused(jumpout_device_identity(nullptr), JUMPOUT_NULL_POINTER, "args", "identity of nothing");
  refuse(JUMPOUT_NULL_POINTER, "input", [](Args& a) { a.input = nullptr; });
  refuse(JUMPOUT_NULL_POINTER, "output", [](Args& a) { a.output = nullptr; });
  refuse(JUMPOUT_MISALIGNED, "input", [](Args& a) { a.input = shifted(a.input, 2); });
  refuse(JUMPOUT_BAD_LENGTH, "length", [](Args& a) { a.length = SIZE_MAX; });
  refuse(JUMPOUT_BAD_OPTION, "dtype", [](Args& a) { a.dtype = static_cast<jumpout_dtype>(9); });
  refuse(JUMPOUT_OVERLAP, "output", [](Args& a) { a.output = const_cast<void*>(shifted(a.input, 8)); });
  refuse(JUMPOUT_BAD_DEVICE, "device", [](Args& a) { a.device = 1000; });
  check::that(memory.isUntouched(), "refused calls write nothing");

  const Stream stream(0);
  for (const jumpout_dtype dtype : {JUMPOUT_FLOAT32, JUMPOUT_FLOAT16, JUMPOUT_BFLOAT16}) {
    const size_t bytes = dtype == JUMPOUT_FLOAT32 ? 256 : 128;
    std::vector<uint64_t> values(32, uint64_t{0x7FC0DEAD80000000} + dtype),
        before = numbersOf(0, memory.base, 160);
    ok(jumpout_cuda_copy(0, memory.base, values.data(), 256, stream.handle), "values");
    const jumpout_device_identity_args args = {
        memory.at<void>(0), memory.at<void>(1024), stream.handle, 64, dtype, 0};
    ok(jumpout_device_identity(&args), "identity");
    const std::vector<uint64_t> after = numbersOf(0, memory.base, 160, stream.handle);
    bool right = true;
    for (size_t i = 0; i < 160; ++i) {
      const bool copied = i >= 128 && i < 128 + bytes / 8;
      right &= after[i] == (i < 32 || copied ? values[0] : before[i]);
    }
    check::that(right, "identity copies " + std::to_string(bytes) + " bytes");
    jumpout_device_identity_args place = args;
    place.output = memory.at<void>(0);
    ok(jumpout_device_identity(&place), "identity in place");
    place = {nullptr, nullptr, stream.handle, 0, dtype, 0};
    ok(jumpout_device_identity(&place), "identity of nothing");
  }
}

void everyArray() {
  constexpr size_t kAll = spans::kRoom * spans::kMostArrays;
  void* const memory = allocated(0, kAll);
  ok(jumpout_cuda_fill(0, memory, 0, kAll, nullptr), "zeros");
  spans::checksFire<jumpout_device_forward_args>(
      "forward", {spans::given<jumpout_device_forward_args>(memory)},
      [](const auto& args) { return jumpout_device_forward(&args); });
  spans::checksFire("backward", spans::backwards<jumpout_device_backward_args>(memory),
                    [](const auto& args) { return jumpout_device_backward(&args); });
  spans::checksFire<jumpout_device_count_args>(
      "count", {spans::given<jumpout_device_count_args>(memory)},
      [](const auto& args) { return jumpout_device_count_active(&args); });
  spans::checksFire<jumpout_device_identity_args>(
      "identity", {spans::given<jumpout_device_identity_args>(memory)},
      [](const auto& args) { return jumpout_device_identity(&args); });
  ok(jumpout_cuda_stream_synchronize(0, nullptr), "all done");
  freed(0, memory, {nullptr});
}

// Calls just within the limits, which succeed. The memory is poison, but the workspace is zeroed.
void accepted(const Memory& memory) {
  ok(jumpout_cuda_fill(0, memory.at<void>(4096), 0, JUMPOUT_WORKSPACE_BYTES, nullptr), "a zeroed workspace");
  ok(jumpout_cuda_fill(0, memory.at<void>(5000), 0, 16, nullptr), "counts");
  const auto accept = [&](const char* what, auto&& change) {
    jumpout_device_forward_args args = forwardArgs(memory);
    change(args);
    ok(jumpout_device_forward(&args), std::string("forward, ") + what);
  };
  using Args = jumpout_device_forward_args;
  accept("as it is", [](Args&) {});
  accept("in place", [](Args& a) { a.output = const_cast<void*>(a.input); });
  accept("without a mask", [](Args& a) { a.mask = nullptr; });
  accept("a mask right behind the output",
         [](Args& a) { a.mask = static_cast<uint32_t*>(shifted(a.output, 256)); });
  accept("on the current device", [](Args& a) { a.device = -1; });
  accept("all active, cut out of a tensor", [](Args& a) { a.all_active = 1, a.layout.element_offset = 7; });
  accept("a larger tensor's count", [&](Args& a) { a.active = memory.at<uint64_t>(5000), a.total = 1000; });
  accept("a call number on the device", [&](Args& a) {
    a.call_counter = memory.at<uint64_t>(5008);
    a.call = UINT64_MAX;
  });
  accept("of nothing", [](Args& a) { a.length = 0, a.input = a.output = nullptr; });
  ok(jumpout_cuda_stream_synchronize(0, nullptr), "all done");
  check::that(numbersOf(0, memory.at<void>(5008), 1)[0] == 1, "the call number was advanced");
}

}  // namespace

void arguments() {
  const Memory memory;
  forwardArguments(memory);
  otherArguments(memory);
  foreignStreams(memory);
  identity(memory);
  everyArray();
  accepted(memory);
}

}  // namespace device_runtime

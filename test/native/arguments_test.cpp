// Wrong arguments of the C API on the host: the status, the argument that it names, and that nothing is written. Without
// CUDA, every call of its API returns that status.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "check.hpp"
#include "jumpout.h"
#include "jumpout_cuda.h"
#include "spans.hpp"

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

void refused(jumpout_status got, jumpout_status want, const std::string& field, const std::string& what) {
  check::that(got == want && jumpout_status_field() == field,
              what + ": status " + std::to_string(got) + " for '" + jumpout_status_field() + "', expected " +
                  std::to_string(want) + " for '" + field + "'");
}

struct Arrays {
  alignas(64) float input[128] = {}, output[128] = {};
  uint32_t mask[8] = {};
  jumpout_group groups[4] = {};
};

jumpout_forward_args forwardArgs(Arrays& arrays) {
  jumpout_forward_args args = {};
  args.input = arrays.input;
  args.output = arrays.output;
  args.mask = arrays.mask;
  args.groups = arrays.groups;
  args.length = 64;
  args.group_count = 1;
  args.layout = {0, 0, 1, 0};
  args.options = jumpout_default_options();
  return args;
}

template <class T>
T* shifted(T* pointer, int bytes) {
  return reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(pointer) + static_cast<uintptr_t>(bytes));
}

void forwardArguments() {
  Arrays arrays;
  for (float& value : arrays.output) value = 7.0f;
  const auto expect = [&](jumpout_status status, const char* field, auto&& change) {
    jumpout_forward_args args = forwardArgs(arrays);
    change(args);
    refused(jumpout_forward(&args), status, field, std::string("forward, ") + field);
  };
  using Args = jumpout_forward_args;
  expect(JUMPOUT_NULL_POINTER, "input", [](Args& a) { a.input = nullptr; });
  expect(JUMPOUT_NULL_POINTER, "output", [](Args& a) { a.output = nullptr; });
  expect(JUMPOUT_NULL_POINTER, "groups", [](Args& a) { a.groups = nullptr; });
  expect(JUMPOUT_MISALIGNED, "input", [](Args& a) { a.input = shifted(a.input, 2); });
  expect(JUMPOUT_MISALIGNED, "output", [](Args& a) { a.output = shifted(a.output, 1); });
  expect(JUMPOUT_MISALIGNED, "mask", [](Args& a) { a.mask = shifted(a.mask, 2); });
  expect(JUMPOUT_MISALIGNED, "groups", [](Args& a) { a.groups = shifted(a.groups, 4); });
  expect(JUMPOUT_BAD_LENGTH, "group_count", [](Args& a) { a.group_count = 2; });
  expect(JUMPOUT_BAD_LENGTH, "length", [](Args& a) { a.length = SIZE_MAX / 2; });
  expect(JUMPOUT_BAD_LENGTH, "length", [](Args& a) { a.layout.group_size = 48, a.group_count = 2; });
  expect(JUMPOUT_BAD_LENGTH, "groups", [](Args& a) {  // as many bytes as wrap to 0
    a.length = a.group_count = SIZE_MAX / 8 + 1;
    a.layout.group_size = 1;
    a.output = const_cast<float*>(a.input);
    a.mask = nullptr;
  });
  expect(JUMPOUT_BAD_LENGTH, "layout.unit_size", [](Args& a) { a.layout.unit_size = 0; });
  expect(JUMPOUT_BAD_LENGTH, "layout.element_offset", [](Args& a) { a.layout.element_offset = 8; });
  expect(JUMPOUT_BAD_LENGTH, "layout.element_offset", [](Args& a) { a.layout.element_offset = UINT64_MAX; });
  expect(JUMPOUT_BAD_LENGTH, "layout.group_size", [](Args& a) { a.layout.group_size = UINT64_MAX; });
  expect(JUMPOUT_BAD_LENGTH, "layout.channels",
         [](Args& a) { a.layout.unit_size = 2, a.layout.channels = uint64_t{1} << 63; });
  for (const double bad : {-0.1, kNan, kInfinity}) {
    expect(JUMPOUT_BAD_OPTION, "options.sigma", [=](Args& a) { a.options.sigma = bad; });
    expect(JUMPOUT_BAD_OPTION, "options.p_max", [=](Args& a) { a.options.p_max = bad; });
    expect(JUMPOUT_BAD_OPTION, "options.p_min", [=](Args& a) { a.options.p_min = bad; });
    expect(JUMPOUT_BAD_OPTION, "options.max_rate", [=](Args& a) { a.options.max_rate = bad; });
    expect(JUMPOUT_BAD_OPTION, "options.exponent", [=](Args& a) { a.options.exponent = bad; });
  }
  for (const double bad : {-0.1, 1.0, kInfinity})
    expect(JUMPOUT_BAD_OPTION, "options.rate", [=](Args& a) { a.options.rate = bad; });
  expect(JUMPOUT_BAD_OPTION, "options.p_min", [](Args& a) { a.options.p_min = 0.61; });
  expect(JUMPOUT_BAD_OPTION, "call", [](Args& a) { a.call = uint64_t{INT64_MAX}; });
  for (const double bad : {-1.0, 0.5, kNan, kInfinity, 65.0}) {
    expect(JUMPOUT_BAD_OPTION, "groups", [=](Args& a) {
      a.counted = 1;
      a.groups[0].total = 64;
      a.groups[0].active = bad;
    });
  }
  for (const double total : {0.0, 1.0, 63.0})
    expect(JUMPOUT_BAD_LENGTH, "groups",
           [=](Args& a) { a.counted = 1, a.groups[0].active = 0, a.groups[0].total = total; });
  expect(JUMPOUT_BAD_LENGTH, "groups", [](Args& a) {
    a.counted = 1, a.layout.group_size = 32, a.group_count = 2;
    a.groups[0].total = 32, a.groups[1].total = 33;
  });
  expect(JUMPOUT_OVERLAP, "output", [](Args& a) { a.output = const_cast<float*>(a.input) + 1; });
  expect(JUMPOUT_OVERLAP, "output", [](Args& a) { a.input = a.output + 63; });
  expect(JUMPOUT_OVERLAP, "mask", [](Args& a) { a.mask = reinterpret_cast<uint32_t*>(a.output + 63); });
  expect(JUMPOUT_OVERLAP, "mask", [&](Args& a) { a.mask = reinterpret_cast<uint32_t*>(arrays.input); });
  expect(JUMPOUT_OVERLAP, "groups", [](Args& a) { a.groups = reinterpret_cast<jumpout_group*>(a.output); });
  refused(jumpout_forward(nullptr), JUMPOUT_NULL_POINTER, "args", "forward of nothing");
  bool untouched = true;
  for (const float value : arrays.output) untouched &= value == 7.0f;
  check::that(untouched, "refused calls wrote nothing");

  jumpout_forward_args args = forwardArgs(arrays);
  args.output = arrays.input;
  check::that(jumpout_forward(&args) == JUMPOUT_OK, "in place is fine");
  args = forwardArgs(arrays);
  args.mask = reinterpret_cast<uint32_t*>(arrays.output + 64);
  check::that(jumpout_forward(&args) == JUMPOUT_OK, "a mask right behind the output is fine");
  args = forwardArgs(arrays);
  args.input = args.output = nullptr;
  args.length = 0;
  check::that(jumpout_forward(&args) == JUMPOUT_OK, "nothing needs no memory");
}

// Nor does a call that reads its arguments once mind where they are.
void argumentsInAnOutput() {
  const auto run = [](Arrays& arrays, void* place) {
    for (float& value : arrays.input) value = 1.0f;
    const jumpout_forward_args args = forwardArgs(arrays);
    if (!place) return jumpout_forward(&args);
    return jumpout_forward(static_cast<const jumpout_forward_args*>(std::memcpy(place, &args, sizeof args)));
  };
  Arrays apart, in_output, in_groups;
  check::that(run(apart, nullptr) == JUMPOUT_OK, "arguments apart");
  check::that(run(in_output, in_output.output) == JUMPOUT_OK, "arguments in the output");
  check::that(run(in_groups, in_groups.groups) == JUMPOUT_OK, "arguments in the groups");
  for (const Arrays* arrays : {&in_output, &in_groups})
    check::that(std::memcmp(arrays->output, apart.output, 64 * sizeof(float)) == 0 &&
                    std::memcmp(arrays->groups, apart.groups, sizeof apart.groups[0]) == 0,
                "the same results");
}

void backwardAndCountArguments() {
  Arrays arrays;
  jumpout_backward_args good = {};
  good.grad_output = arrays.input;
  good.grad_input = arrays.output;
  good.mask = arrays.mask;
  good.groups = arrays.groups;
  good.length = 64;
  good.group_count = 1;
  good.layout = {0, 0, 1, 0};
  const auto expect = [&](jumpout_status status, const char* field, auto&& change) {
    jumpout_backward_args args = good;
    change(args);
    refused(jumpout_backward(&args), status, field, std::string("backward, ") + field);
  };
  using Args = jumpout_backward_args;
  expect(JUMPOUT_NULL_POINTER, "grad_output", [](Args& a) { a.grad_output = nullptr; });
  expect(JUMPOUT_NULL_POINTER, "grad_input", [](Args& a) { a.grad_input = nullptr; });
  expect(JUMPOUT_NULL_POINTER, "groups", [](Args& a) { a.groups = nullptr; });
  expect(JUMPOUT_NULL_POINTER, "output", [](Args& a) { a.mask = nullptr, a.relu = 1; });
  expect(JUMPOUT_MISALIGNED, "output", [](Args& a) { a.output = shifted(a.grad_output, 3); });
  expect(JUMPOUT_BAD_OPTION, "call", [](Args& a) { a.call = UINT64_MAX; });
  expect(JUMPOUT_BAD_LENGTH, "group_count", [](Args& a) { a.group_count = 0; });
  expect(JUMPOUT_OVERLAP, "grad_input", [](Args& a) { a.grad_output = a.grad_input + 8; });
  expect(JUMPOUT_OVERLAP, "mask", [](Args& a) { a.mask = reinterpret_cast<uint32_t*>(a.grad_input); });
  expect(JUMPOUT_OVERLAP, "output",
         [](Args& a) { a.mask = nullptr, a.relu = 1, a.output = a.grad_input + 8; });
  expect(JUMPOUT_BAD_OPTION, "groups", [&](Args&) { arrays.groups[0].effective_rate = 1.0; });
  refused(jumpout_backward(nullptr), JUMPOUT_NULL_POINTER, "args", "backward of nothing");

  const jumpout_count_args count = {arrays.input, arrays.groups, 64, 1, {0, 0, 1, 0}};
  jumpout_count_args args = count;
  args.input = nullptr;
  refused(jumpout_count_active(&args), JUMPOUT_NULL_POINTER, "input", "count");
  args = count;
  args.groups = reinterpret_cast<jumpout_group*>(arrays.input + 2);
  refused(jumpout_count_active(&args), JUMPOUT_OVERLAP, "groups", "count");
  check::that(jumpout_count_active(&count) == JUMPOUT_OK, "count");
}

void identity() {
  float values[64];
  for (int i = 0; i < 64; ++i) values[i] = i % 7 ? static_cast<float>(i) : NAN;
  float output[64] = {};
  check::that(jumpout_identity(values, output, 64) == JUMPOUT_OK, "identity");
  check::that(std::memcmp(values, output, sizeof values) == 0, "identity copies to the bit");
  check::that(jumpout_identity(values, values, 64) == JUMPOUT_OK, "identity in place");
  check::that(jumpout_identity(nullptr, nullptr, 0) == JUMPOUT_OK, "identity of nothing");
  refused(jumpout_identity(values, values + 1, 63), JUMPOUT_OVERLAP, "output", "identity upwards");
  refused(jumpout_identity(values + 1, values, 63), JUMPOUT_OVERLAP, "output", "identity downwards");
  refused(jumpout_identity(nullptr, output, 1), JUMPOUT_NULL_POINTER, "input", "identity");
  refused(jumpout_identity(values, nullptr, 1), JUMPOUT_NULL_POINTER, "output", "identity");
  refused(jumpout_identity(shifted(values, 1), output, 1), JUMPOUT_MISALIGNED, "input", "identity");
  refused(jumpout_identity(values, output, SIZE_MAX), JUMPOUT_BAD_LENGTH, "length", "identity");
  check::that(std::memcmp(values, output, sizeof values) == 0, "refused copies write nothing");
}

void conversions() {
  alignas(8) uint16_t narrow[64];
  alignas(8) float wide[64] = {};
  for (uint16_t& bits : narrow) bits = 0x3C00;  // 1 as a float16
  const jumpout_dtype dtype = JUMPOUT_FLOAT16;
  check::that(jumpout_widen(dtype, narrow, wide, 64) == JUMPOUT_OK && wide[63] == 1.0f, "widen");
  check::that(jumpout_narrow(dtype, wide, narrow, 64) == JUMPOUT_OK && narrow[0] == 0x3C00, "narrow");
  check::that(jumpout_widen(dtype, nullptr, nullptr, 0) == JUMPOUT_OK, "widen of nothing");
  wide[0] = 7.0f;
  refused(jumpout_widen(JUMPOUT_FLOAT32, narrow, wide, 64), JUMPOUT_BAD_OPTION, "dtype", "widen a float32");
  refused(jumpout_widen(dtype, nullptr, wide, 64), JUMPOUT_NULL_POINTER, "from", "widen");
  refused(jumpout_narrow(dtype, wide, nullptr, 64), JUMPOUT_NULL_POINTER, "to", "narrow");
  refused(jumpout_widen(dtype, shifted(narrow, 1), wide, 63), JUMPOUT_MISALIGNED, "from", "widen");
  refused(jumpout_widen(dtype, narrow, shifted(wide, 2), 63), JUMPOUT_MISALIGNED, "to", "widen");
  refused(jumpout_narrow(dtype, wide, shifted(narrow, 1), 63), JUMPOUT_MISALIGNED, "to", "narrow");
  refused(jumpout_widen(dtype, narrow, wide, SIZE_MAX), JUMPOUT_BAD_LENGTH, "length", "widen");
  refused(jumpout_widen(dtype, narrow, wide, SIZE_MAX / 4), JUMPOUT_BAD_LENGTH, "to", "widen");
  auto* const inside = reinterpret_cast<uint16_t*>(wide);  // never read as such
  refused(jumpout_widen(dtype, inside + 2, wide, 8), JUMPOUT_OVERLAP, "to", "widen onto itself");
  refused(jumpout_narrow(dtype, wide, inside, 8), JUMPOUT_OVERLAP, "to", "narrow onto itself");
  check::that(wide[0] == 7.0f, "refused conversions write nothing");
}

void everyArray() {
  alignas(64) static char memory[spans::kRoom * spans::kMostArrays];
  spans::checksFire<jumpout_forward_args>("forward", {spans::given<jumpout_forward_args>(memory)},
                                          [](const auto& args) { return jumpout_forward(&args); });
  spans::checksFire("backward", spans::backwards<jumpout_backward_args>(memory),
                    [](const auto& args) { return jumpout_backward(&args); });
  spans::checksFire<jumpout_count_args>("count", {spans::given<jumpout_count_args>(memory)},
                                        [](const auto& args) { return jumpout_count_active(&args); });
  spans::checksFire<jumpout::IdentityArgs>(
      "identity", {spans::given<jumpout::IdentityArgs>(memory)},
      [](const auto& args) { return jumpout_identity(args.input, args.output, args.length); });
}

void texts() {
  std::vector<std::string> seen;
  for (int status = JUMPOUT_OK; status <= JUMPOUT_CAPTURING; ++status) {
    const std::string text = jumpout_status_text(static_cast<jumpout_status>(status));
    bool fresh = text != "unknown status" && !text.empty();
    for (const std::string& other : seen) fresh &= text != other || status == JUMPOUT_BAD_ENVIRONMENT;
    check::that(fresh, "the text of status " + std::to_string(status) + ": " + text);
    seen.push_back(text);
  }
  check::that(std::string(jumpout_status_text(static_cast<jumpout_status>(JUMPOUT_CAPTURING + 1))) ==
                  "unknown status",
              "no status");
  const jumpout_record record = {3, 4, 0.25, 32768, 1.5f, 9, 8};
  const jumpout_group row = jumpout_group_of_record(&record);
  check::that(
      row.active == 3 && row.total == 4 && row.rate == 0.25 && row.effective_rate == 0.5 && row.scale == 1.5,
      "a record as a row of statistics");
}

void withoutCuda() {
  jumpout_runtime runtime = {};
  check::that(jumpout_get_runtime(&runtime) == JUMPOUT_OK, "the runtime");
  jumpout_host host = {};
  check::that(jumpout_get_host(&host) == JUMPOUT_OK && host.version == runtime.version &&
                  host.cpu_isa == runtime.cpu_isa && host.cpu_threads == runtime.cpu_threads,
              "the host's part of it");
  refused(jumpout_get_host(nullptr), JUMPOUT_NULL_POINTER, "host", "no place for the host's part");
  check::that(runtime.cuda_available || runtime.cuda_reason, "a reason, or none is needed");
  check::that(runtime.cuda_available == (jumpout_cuda_device_count() > 0), "devices, if CUDA is available");
  if (runtime.cuda_available) return;
  const auto none = [](jumpout_status status, const char* what) {
    refused(status, JUMPOUT_NO_CUDA, "", what);
  };
  check::that(std::string(runtime.cuda_reason) == jumpout_status_text(JUMPOUT_NO_CUDA),
              "the reason is the text");
  int target = 0;
  void *memory = &target, *kept = &target;
  jumpout_cuda_device device;
  jumpout_memory kind;
  int32_t number;
  float elapsed;
  uint64_t value = 0;
  none(jumpout_cuda_device_of(0, &device), "device_of");
  none(jumpout_cuda_allocate(0, 8, nullptr, 1, &memory), "allocate");
  check::that(memory == nullptr, "no memory");
  none(jumpout_cuda_free(0, kept, nullptr, 0), "free");
  check::that(jumpout_cuda_free(0, nullptr, nullptr, 0) == JUMPOUT_OK, "freeing nothing");
  none(jumpout_cuda_allocate_pinned(8, &memory), "allocate_pinned");
  none(jumpout_cuda_free_pinned(kept), "free_pinned");
  none(jumpout_cuda_memory_of(kept, &kind), "memory_of");
  none(jumpout_cuda_copy(0, &value, kept, 4, nullptr), "copy");
  none(jumpout_cuda_fill(0, &value, 1, 4, nullptr), "fill");
  none(jumpout_cuda_store(0, &value, &value, 1, nullptr), "store");
  none(jumpout_cuda_stream_create(0, &memory), "stream_create");
  none(jumpout_cuda_stream_destroy(0, kept), "stream_destroy");
  none(jumpout_cuda_stream_device(nullptr, &number), "stream_device");
  none(jumpout_cuda_stream_synchronize(0, nullptr), "stream_synchronize");
  none(jumpout_cuda_stream_capturing(0, nullptr, &number), "stream_capturing");
  none(jumpout_cuda_stream_wait(0, nullptr, nullptr), "stream_wait");
  none(jumpout_cuda_event_create(0, &memory), "event_create");
  none(jumpout_cuda_event_destroy(0, kept), "event_destroy");
  none(jumpout_cuda_event_record(0, kept, nullptr), "event_record");
  none(jumpout_cuda_event_elapsed(kept, kept, &elapsed), "event_elapsed");
  none(jumpout_cuda_capture_begin(0, nullptr), "capture_begin");
  none(jumpout_cuda_capture_end(0, nullptr, &memory), "capture_end");
  none(jumpout_cuda_graph_launch(0, kept, nullptr), "graph_launch");
  none(jumpout_cuda_graph_destroy(0, kept), "graph_destroy");
  none(jumpout_cuda_stream_create(0, nullptr), "no place for a stream");
  none(jumpout_cuda_stream_device(nullptr, nullptr), "no place for its device");
  none(jumpout_cuda_memory_of(kept, nullptr), "no place for the kind of memory");
  for (const auto freed : {jumpout_cuda_free_pinned(nullptr), jumpout_cuda_graph_destroy(0, nullptr)})
    check::that(freed == JUMPOUT_OK, "destroying nothing");
  const jumpout_device_forward_args forward = {};
  const jumpout_device_backward_args backward = {};
  const jumpout_device_count_args count = {};
  const jumpout_device_identity_args same = {};
  none(jumpout_device_forward(&forward), "forward");
  none(jumpout_device_backward(&backward), "backward");
  none(jumpout_device_count_active(&count), "count_active");
  none(jumpout_device_identity(&same), "identity");
  check::that(value == 0 && target == 0, "nothing was written");
  check::that(jumpout_last_cuda_error().number == 0, "no call of CUDA has failed");
}

}  // namespace

int main() {
  forwardArguments();
  argumentsInAnOutput();
  backwardAndCountArguments();
  identity();
  conversions();
  everyArray();
  texts();
  withoutCuda();
  return check::report();
}

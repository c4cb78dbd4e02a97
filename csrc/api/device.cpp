// The C API on a device: what can be checked of an argument without looking at device memory is checked here, then the
// backend enqueues. Nothing is enqueued before all checks have passed.
#include <cstring>

#include "api/call.hpp"
#include "api/checks.hpp"
#include "cuda/backend.hpp"
#include "cuda/cuda_support.hpp"
#include "jumpout_cuda.h"

namespace jumpout {
namespace {

constexpr size_t kWord = sizeof(uint32_t), kCount = sizeof(uint64_t), kRecord = sizeof(jumpout_record);
constexpr size_t kRecordAlignment = 16, kWorkspaceAlignment = 16;

size_t bytesOf(jumpout_dtype dtype) { return dtype == JUMPOUT_FLOAT32 ? 4 : 2; }

// First of all checks: without a device there is nothing to say of arguments, and the others need the element's size.
jumpout_status checkKind(const jumpout_dtype& dtype) {
  if (!cuda::support().available) return failing(JUMPOUT_NO_CUDA);
  uint32_t number = 0;  // C lets an enum hold any number, C++ does not let it be looked at
  static_assert(sizeof number == sizeof dtype);
  std::memcpy(&number, &dtype, sizeof number);
  return number <= JUMPOUT_BFLOAT16 ? JUMPOUT_OK : failing(JUMPOUT_BAD_OPTION, "dtype");
}

// Without groups a shard's total is at least its length; counted here, there is nothing beyond it.
jumpout_status checkTotal(const jumpout_device_forward_args& args) {
  if (args.total == 0) return JUMPOUT_OK;
  if (args.total > static_cast<uint64_t>(kMostElements)) return failing(JUMPOUT_BAD_OPTION, "total");
  const bool fits = args.layout.group_size                ? args.total == args.layout.group_size
                    : args.active || args.all_active != 0 ? args.total >= args.length
                                                          : args.total == args.length;
  return fits ? JUMPOUT_OK : failing(JUMPOUT_BAD_LENGTH, "total");
}

jumpout_status checkForward(const jumpout_device_forward_args& args) {
  if (const auto status = checkKind(args.dtype)) return status;
  const size_t element = bytesOf(args.dtype);
  const bool filled = args.length != 0;
  if (const auto status = checkPointers({{"input", args.input, element, filled},
                                         {"output", args.output, element, filled},
                                         {"mask", args.mask, kWord, false},
                                         {"records", args.records, kRecordAlignment, true},
                                         {"active", args.active, kCount, false},
                                         {"call_counter", args.call_counter, kCount, false},
                                         {"workspace", args.workspace, kWorkspaceAlignment, true}}))
    return status;
  if (const auto status = checkLayout(args.layout, args.length, element, args.group_count)) return status;
  if (const auto status = checkOptions(args.options)) return status;
  if (!args.call_counter)
    if (const auto status = checkCall(args.call)) return status;
  if (args.active && args.all_active) return failing(JUMPOUT_BAD_OPTION, "all_active");
  if (!args.active && !args.all_active)
    if (const auto status = checkWholeGroups(args.layout, args.length)) return status;
  if (const auto status = checkTotal(args)) return status;
  if (const auto status =
          checkApart({{"input", args.input, args.length * element, Access::kElementsRead},
                      {"output", args.output, args.length * element, Access::kElementsWritten},
                      {"mask", args.mask, maskWords(args.length) * kWord, Access::kWritten},
                      {"records", args.records, args.group_count * kRecord, Access::kWritten},
                      {"active", args.active, args.group_count * kCount, Access::kRead},
                      {"call_counter", args.call_counter, kCount, Access::kWritten},
                      {"workspace", args.workspace, JUMPOUT_WORKSPACE_BYTES, Access::kWritten}}))
    return status;
  return cuda::checkPlace(args.device, args.stream);
}

jumpout_status checkBackward(const jumpout_device_backward_args& args) {
  if (const auto status = checkKind(args.dtype)) return status;
  const size_t element = bytesOf(args.dtype);
  const bool filled = args.length != 0, needs_output = args.relu && !args.mask;
  if (const auto status = checkPointers({{"grad_output", args.grad_output, element, filled},
                                         {"grad_input", args.grad_input, element, filled},
                                         {"mask", args.mask, kWord, false},
                                         {"output", args.output, element, filled && needs_output},
                                         {"records", args.records, kRecordAlignment, true}}))
    return status;
  if (const auto status = checkLayout(args.layout, args.length, element, args.group_count)) return status;
  const size_t output_bytes = needs_output ? args.length * element : 0;
  if (const auto status =
          checkApart({{"grad_output", args.grad_output, args.length * element, Access::kElementsRead},
                      {"grad_input", args.grad_input, args.length * element, Access::kElementsWritten},
                      {"output", args.output, output_bytes, Access::kElementsRead},
                      {"mask", args.mask, maskWords(args.length) * kWord, Access::kRead},
                      {"records", args.records, args.group_count * kRecord, Access::kRead}}))
    return status;
  return cuda::checkPlace(args.device, args.stream);
}

jumpout_status checkCount(const jumpout_device_count_args& args) {
  if (const auto status = checkKind(args.dtype)) return status;
  const size_t element = bytesOf(args.dtype);
  if (const auto status = checkPointers(
          {{"input", args.input, element, args.length != 0}, {"active", args.active, kCount, true}}))
    return status;
  if (const auto status = checkLayout(args.layout, args.length, element, args.group_count)) return status;
  if (const auto status = checkApart({{"input", args.input, args.length * element, Access::kRead},
                                      {"active", args.active, args.group_count * kCount, Access::kWritten}}))
    return status;
  return cuda::checkPlace(args.device, args.stream);
}

jumpout_status checkIdentity(const jumpout_device_identity_args& args) {
  if (const auto status = checkKind(args.dtype)) return status;
  const size_t element = bytesOf(args.dtype);
  if (args.length > SIZE_MAX / element) return failing(JUMPOUT_BAD_LENGTH, "length");
  if (const auto status = checkPointers({{"input", args.input, element, args.length != 0},
                                         {"output", args.output, element, args.length != 0}}))
    return status;
  if (const auto status =
          checkApart({{"input", args.input, args.length * element, Access::kElementsRead},
                      {"output", args.output, args.length * element, Access::kElementsWritten}}))
    return status;
  return cuda::checkPlace(args.device, args.stream);
}

}  // namespace
}  // namespace jumpout

using namespace jumpout;

jumpout_status jumpout_device_forward(const jumpout_device_forward_args* args) {
  return guarded(args, checkForward, [&](cpu::Backend&) { return cuda::forward(*args); });
}

jumpout_status jumpout_device_backward(const jumpout_device_backward_args* args) {
  return guarded(args, checkBackward, [&](cpu::Backend&) { return cuda::backward(*args); });
}

jumpout_status jumpout_device_count_active(const jumpout_device_count_args* args) {
  return guarded(args, checkCount, [&](cpu::Backend&) { return cuda::countActive(*args); });
}

jumpout_status jumpout_device_identity(const jumpout_device_identity_args* args) {
  return guarded(args, checkIdentity, [&](cpu::Backend&) {
    if (args->input == args->output) return JUMPOUT_OK;
    return jumpout_cuda_copy(args->device, args->output, args->input, args->length * bytesOf(args->dtype),
                             args->stream);
  });
}

jumpout_group jumpout_group_of_record(const jumpout_record* record) {
  if (!record) return {};
  return {static_cast<double>(record->active), static_cast<double>(record->total), record->rate,
          rateOfThreshold(record->threshold), static_cast<double>(record->scale)};
}

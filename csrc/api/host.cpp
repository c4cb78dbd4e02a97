// The C API on the host: every argument is checked here, then the backend runs. Nothing is written before all checks have
// passed.
#include <cmath>
#include <cstring>

#include "api/call.hpp"
#include "api/checks.hpp"
#include "core/philox.hpp"

namespace jumpout {
namespace {

constexpr size_t kFloat = sizeof(float), kWord = sizeof(uint32_t);

Pointer floatsAt(const char* field, const float* first, bool needed) {
  return {field, first, kFloat, needed};
}
Pointer wordsAt(const char* field, const uint32_t* first) { return {field, first, kWord, false}; }
Pointer groupsAt(const jumpout_group* first) { return {"groups", first, alignof(jumpout_group), true}; }

bool isCount(double value) { return within(value, 0.0, kMostElements) && std::floor(value) == value; }

jumpout_status checkCounts(const jumpout_group* groups, size_t group_count, size_t length) {
  for (size_t row = 0; row < group_count; ++row) {
    const double active = groups[row].active, total = groups[row].total;
    if (!isCount(active) || !isCount(total) || active > total || (length && total == 0.0))
      return failing(JUMPOUT_BAD_OPTION, "groups");
  }
  return JUMPOUT_OK;
}

jumpout_status checkForward(const jumpout_forward_args& args) {
  const bool filled = args.length != 0;
  if (const auto status =
          checkPointers({floatsAt("input", args.input, filled), floatsAt("output", args.output, filled),
                         wordsAt("mask", args.mask), groupsAt(args.groups)}))
    return status;
  if (const auto status = checkLayout(args.layout, args.length, kFloat, args.group_count)) return status;
  if (const auto status = checkOptions(args.options)) return status;
  if (const auto status = checkCall(args.call)) return status;
  if (const auto status = args.counted ? checkCounts(args.groups, args.group_count, args.length)
                                       : checkWholeGroups(args.layout, args.length))
    return status;
  return checkApart({{"input", args.input, args.length * kFloat, Access::kElementsRead},
                     {"output", args.output, args.length * kFloat, Access::kElementsWritten},
                     {"mask", args.mask, maskWords(args.length) * kWord, Access::kWritten},
                     {"groups", args.groups, args.group_count * sizeof(jumpout_group), Access::kWritten}});
}

jumpout_status checkBackward(const jumpout_backward_args& args) {
  const bool filled = args.length != 0, needs_output = args.relu && !args.mask;
  if (const auto status =
          checkPointers({floatsAt("grad_output", args.grad_output, filled),
                         floatsAt("grad_input", args.grad_input, filled), wordsAt("mask", args.mask),
                         floatsAt("output", args.output, filled && needs_output), groupsAt(args.groups)}))
    return status;
  if (const auto status = checkLayout(args.layout, args.length, kFloat, args.group_count)) return status;
  if (const auto status = checkCall(args.call)) return status;
  for (size_t row = 0; row < args.group_count; ++row)
    if (!within(args.groups[row].effective_rate, 0.0, kLargestRate))
      return failing(JUMPOUT_BAD_OPTION, "groups");
  const size_t output_bytes = needs_output ? args.length * kFloat : 0;
  return checkApart({{"grad_output", args.grad_output, args.length * kFloat, Access::kElementsRead},
                     {"grad_input", args.grad_input, args.length * kFloat, Access::kElementsWritten},
                     {"output", args.output, output_bytes, Access::kElementsRead},
                     {"mask", args.mask, maskWords(args.length) * kWord, Access::kRead},
                     {"groups", args.groups, args.group_count * sizeof(jumpout_group), Access::kRead}});
}

jumpout_status checkCount(const jumpout_count_args& args) {
  if (const auto status =
          checkPointers({floatsAt("input", args.input, args.length != 0), groupsAt(args.groups)}))
    return status;
  if (const auto status = checkLayout(args.layout, args.length, kFloat, args.group_count)) return status;
  return checkApart({{"input", args.input, args.length * kFloat, Access::kRead},
                     {"groups", args.groups, args.group_count * sizeof(jumpout_group), Access::kWritten}});
}

}  // namespace
}  // namespace jumpout

using namespace jumpout;

jumpout_options jumpout_default_options(void) {
  jumpout_options options = {};
  options.sigma = 0.1;
  options.p_min = 0.01;
  options.p_max = 0.6;
  options.rate = NAN;
  options.max_rate = 0.6;
  options.exponent = 0.75;
  options.normalize = 1;
  return options;
}

size_t jumpout_group_count(size_t length, const jumpout_layout* layout) {
  return layout ? groupCount(length, *layout) : 0;
}

size_t jumpout_mask_words(size_t length) { return maskWords(length); }

jumpout_status jumpout_forward(const jumpout_forward_args* args) {
  return guarded(args, checkForward, [&](cpu::Backend& backend) {
    backend.forward(*args);
    return JUMPOUT_OK;
  });
}

jumpout_status jumpout_backward(const jumpout_backward_args* args) {
  return guarded(args, checkBackward, [&](cpu::Backend& backend) {
    backend.backward(*args);
    return JUMPOUT_OK;
  });
}

jumpout_status jumpout_count_active(const jumpout_count_args* args) {
  return guarded(args, checkCount, [&](cpu::Backend& backend) {
    backend.countActive(*args);
    return JUMPOUT_OK;
  });
}

jumpout_status jumpout_identity(const float* input, float* output, size_t length) {
  if (length > SIZE_MAX / kFloat) return failing(JUMPOUT_BAD_LENGTH, "length");
  if (const auto status =
          checkPointers({floatsAt("input", input, length != 0), floatsAt("output", output, length != 0)}))
    return status;
  if (const auto status = checkApart({{"input", input, length * kFloat, Access::kElementsRead},
                                      {"output", output, length * kFloat, Access::kElementsWritten}}))
    return status;
  if (length && input != output) std::memcpy(output, input, length * kFloat);
  return JUMPOUT_OK;
}

uint64_t jumpout_fold_in(uint64_t seed, uint64_t data) { return foldIn(seed, data); }

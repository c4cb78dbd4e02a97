// The C API on the host.
#include <cmath>
#include <cstring>

#include "api/call.hpp"
#include "core/philox.hpp"

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
  return call(args, [](const auto& own, cpu::Backend& backend) { return backend.forward(own), JUMPOUT_OK; });
}

jumpout_status jumpout_backward(const jumpout_backward_args* args) {
  return call(args, [](const auto& own, cpu::Backend& backend) { return backend.backward(own), JUMPOUT_OK; });
}

jumpout_status jumpout_count_active(const jumpout_count_args* args) {
  return call(args,
              [](const auto& own, cpu::Backend& backend) { return backend.countActive(own), JUMPOUT_OK; });
}

jumpout_status jumpout_identity(const float* input, float* output, size_t length) {
  if (const auto status = check(IdentityArgs{input, output, length})) return status;
  if (length && input != output) std::memcpy(output, input, length * sizeof(float));
  return JUMPOUT_OK;
}

uint64_t jumpout_fold_in(uint64_t seed, uint64_t data) { return foldIn(seed, data); }

#include "cpu/simd_scalar.hpp"

namespace jumpout::cpu {

const Kernels kScalarKernels = kKernels<Scalar>;

}  // namespace jumpout::cpu

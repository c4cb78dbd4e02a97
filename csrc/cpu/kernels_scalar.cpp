#include "cpu/simd_scalar.hpp"

namespace jumpout::cpu {

const Kernels kScalarKernels = kernelsOf<Scalar>();

}  // namespace jumpout::cpu

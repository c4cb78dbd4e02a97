#if defined(__aarch64__) || defined(_M_ARM64)
#include "cpu/simd_neon.hpp"

namespace jumpout::cpu {

const Kernels kNeonKernels = kKernels<Neon>;

}  // namespace jumpout::cpu
#endif

#if defined(__x86_64__) || defined(_M_X64)
#include "cpu/simd_avx2.hpp"

namespace jumpout::cpu {

const Kernels kAvx2Kernels = kKernels<Avx2>;

}  // namespace jumpout::cpu
#endif

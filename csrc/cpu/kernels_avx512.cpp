#if defined(__x86_64__) || defined(_M_X64) || defined(JUMPOUT_SIMDE)
#include "cpu/simd_avx512.hpp"

namespace jumpout::cpu {

const Kernels kAvx512Kernels = kKernels<Avx512>;

}  // namespace jumpout::cpu
#endif

#include "cuda/kernels/kernels_impl.cuh"

namespace jumpout::cuda {

const Kernels kBFloat16Kernels = Launchers<BFloat16>::table();

}  // namespace jumpout::cuda

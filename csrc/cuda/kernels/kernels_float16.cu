#include "cuda/kernels/kernels_impl.cuh"

namespace jumpout::cuda {

const Kernels kFloat16Kernels = Launchers<Float16>::table();

}  // namespace jumpout::cuda

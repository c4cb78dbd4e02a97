#include "cuda/kernels/kernels_impl.cuh"

namespace jumpout::cuda {

const Kernels kFloat32Kernels = Launchers<Float32>::table();

}  // namespace jumpout::cuda

#include "cuda/cuda_support.hpp"

namespace jumpout::cuda {

Support support() { return {false, false, JUMPOUT_CUDA_REASON}; }

}  // namespace jumpout::cuda

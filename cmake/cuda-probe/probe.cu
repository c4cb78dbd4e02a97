#include <cooperative_groups.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#if CUDART_VERSION < 12000
#error "the CUDA headers are older than those of CUDA 12.0"
#endif

__global__ void probe(const __grid_constant__ uint64_t number, __half* half, __nv_bfloat16* bfloat) {
  cooperative_groups::this_thread_block().sync();
  *half = __float2half_rn(static_cast<float>(number));
  *bfloat = __float2bfloat16_rn(static_cast<float>(number));
}

int main() {
  cudaLaunchConfig_t config = {};
  config.gridDim = config.blockDim = dim3(1);
  return cudaLaunchKernelEx(&config, probe, uint64_t{1}, static_cast<__half*>(nullptr),
                            static_cast<__nv_bfloat16*>(nullptr));
}

#include "node/cuda/stream.hpp"

namespace jumpout::node {

DeviceStream::~DeviceStream() {
  jumpout_cuda_free(device, workspace, &handle, 1);
  if (owned) jumpout_cuda_stream_destroy(device, handle);
}

bool DeviceStream::capturing() const {
  if (handle == nullptr) return false;  // the legacy default stream cannot be
  int32_t result = 0;
  return jumpout_cuda_stream_capturing(device, handle, &result) == JUMPOUT_OK && result != 0;
}

}  // namespace jumpout::node

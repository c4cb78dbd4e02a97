// What tf.load_op_library loads: registers the operations while it is loaded. Does nothing where no TensorFlow is loaded, or
// where another copy was here before.
#include <cstddef>

#include "core/descriptor.hpp"
#include "tensorflow/ops.hpp"

struct TF_Buffer {
  const void* data;
  size_t length;
  void (*deallocator)(void* data, size_t length);
};

namespace jumpout::tensorflow {

namespace {

bool isTaken(const Api& api, const char* name) {
  TF_Status* const status = api.NewStatus();
  TF_Buffer* const kernels = api.GetRegisteredKernelsForOp(name, status);
  const bool taken = api.GetCode(status) != kOk || kernels->length != 0;
  if (kernels != nullptr) api.DeleteBuffer(kernels);
  api.DeleteStatus(status);
  return taken;
}

const bool registered = [] {
  try {
    const Names names{"Jumpout", "JumpoutGrad"};
    const Api api = findTensorFlow();
    if (api.GetRegisteredKernelsForOp == nullptr || api.DeleteBuffer == nullptr) return false;
    if (isTaken(api, names.forward.c_str())) return false;
    registerOps(api, names);
    return true;
  } catch (...) {
    return false;  // who loads it finds no operations in it
  }
}();

}  // namespace

}  // namespace jumpout::tensorflow

// The names of the fields of a descriptor, in order and parted by spaces.
#if defined(_WIN32)
#define JUMPOUT_SHOWN __declspec(dllexport)
#else
#define JUMPOUT_SHOWN __attribute__((visibility("default")))
#endif
#define JUMPOUT_WORD(name, ...) #name " "
extern "C" JUMPOUT_SHOWN const char jumpout_tensorflow_fields[];
const char jumpout_tensorflow_fields[] = JUMPOUT_DESCRIPTOR_FIELDS(JUMPOUT_WORD);

// Instead of cuDNN on the emulated device, whose memory is the host's: a dropout of one element in five, as slow as it likes.
// It shows that the benchmark calls what it must; its times mean nothing and are never published.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

struct Tensor {
  size_t length = 1, bytes = 4;
};

constexpr int kSuccess = 0, kNotSupported = 9;

// JUMPOUT_STAND_IN_CUDNN=refuse: no dropout; all: it drops everything, which is wrong.
bool asked(const char* what) {
  const char* value = std::getenv("JUMPOUT_STAND_IN_CUDNN");
  return value && std::strcmp(value, what) == 0;
}

void drop(const Tensor& tensor, const void* from, void* to) {
  for (size_t i = 0; i < tensor.length; ++i) {
    char* const element = static_cast<char*>(to) + i * tensor.bytes;
    if (i % 5 == 0 || asked("all"))
      std::memset(element, 0, tensor.bytes);
    else
      std::memmove(element, static_cast<const char*>(from) + i * tensor.bytes, tensor.bytes);
  }
}

}  // namespace

extern "C" {

size_t cudnnGetVersion() { return 0; }
int cudnnCreate(void** handle) { return *handle = new char, kSuccess; }
int cudnnDestroy(void* handle) { return delete static_cast<char*>(handle), kSuccess; }
int cudnnSetStream(void*, void*) { return kSuccess; }
int cudnnCreateTensorDescriptor(void** tensor) { return *tensor = new Tensor, kSuccess; }
int cudnnDestroyTensorDescriptor(void* tensor) { return delete static_cast<Tensor*>(tensor), kSuccess; }
int cudnnSetTensorNdDescriptor(void* tensor, int type, int dimensions, const int* sizes, const int*) {
  Tensor& described = *static_cast<Tensor*>(tensor);
  described = {1, type == 0 ? size_t{4} : size_t{2}};
  for (int i = 0; i < dimensions; ++i) described.length *= static_cast<size_t>(sizes[i]);
  return kSuccess;
}
int cudnnCreateDropoutDescriptor(void** dropout) { return *dropout = new char, kSuccess; }
int cudnnDestroyDropoutDescriptor(void* dropout) { return delete static_cast<char*>(dropout), kSuccess; }
int cudnnDropoutGetStatesSize(void*, size_t* bytes) { return *bytes = 64, kSuccess; }
int cudnnDropoutGetReserveSpaceSize(void* tensor, size_t* bytes) {
  return *bytes = static_cast<Tensor*>(tensor)->length / 8 + 1, kSuccess;
}
int cudnnSetDropoutDescriptor(void*, void*, float, void*, size_t, unsigned long long) { return kSuccess; }
int cudnnDropoutForward(void*, void*, void* tensor, const void* x, void*, void* y, void*, size_t) {
  if (asked("refuse")) return kNotSupported;
  return drop(*static_cast<Tensor*>(tensor), x, y), kSuccess;
}
int cudnnDropoutBackward(void*, void*, void* tensor, const void* dy, void*, void* dx, void*, size_t) {
  return drop(*static_cast<Tensor*>(tensor), dy, dx), kSuccess;
}

}  // extern "C"

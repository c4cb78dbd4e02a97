#include "cudnn.hpp"

#include <cstdint>
#include <vector>

#include "device_memory.hpp"

#include <dlfcn.h>

namespace gpu_bench {
namespace {

// The functions of cuDNN that are used, declared after its documentation; they are the same in versions 8 and 9.
using Handle = void*;
using Descriptor = void*;
constexpr int kSuccess = 0;

struct Functions {
  size_t (*getVersion)();
  int (*create)(Handle*);
  int (*destroy)(Handle);
  int (*setStream)(Handle, void*);
  int (*createTensor)(Descriptor*);
  int (*destroyTensor)(Descriptor);
  int (*setTensor)(Descriptor, int type, int dimensions, const int* sizes, const int* strides);
  int (*createDropout)(Descriptor*);
  int (*destroyDropout)(Descriptor);
  int (*statesSize)(Handle, size_t*);
  int (*reserveSize)(Descriptor tensor, size_t*);
  int (*setDropout)(Descriptor, Handle, float rate, void* states, size_t bytes, unsigned long long seed);
  int (*forward)(Handle, Descriptor, Descriptor, const void*, Descriptor, void*, void* reserve, size_t bytes);
  int (*backward)(Handle, Descriptor, Descriptor, const void*, Descriptor, void*, void* reserve,
                  size_t bytes);
};

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

bool findAll(void* library, Functions& f) {
  return find(library, "cudnnGetVersion", f.getVersion) && find(library, "cudnnCreate", f.create) &&
         find(library, "cudnnDestroy", f.destroy) && find(library, "cudnnSetStream", f.setStream) &&
         find(library, "cudnnCreateTensorDescriptor", f.createTensor) &&
         find(library, "cudnnDestroyTensorDescriptor", f.destroyTensor) &&
         find(library, "cudnnSetTensorNdDescriptor", f.setTensor) &&
         find(library, "cudnnCreateDropoutDescriptor", f.createDropout) &&
         find(library, "cudnnDestroyDropoutDescriptor", f.destroyDropout) &&
         find(library, "cudnnDropoutGetStatesSize", f.statesSize) &&
         find(library, "cudnnDropoutGetReserveSpaceSize", f.reserveSize) &&
         find(library, "cudnnSetDropoutDescriptor", f.setDropout) &&
         find(library, "cudnnDropoutForward", f.forward) && find(library, "cudnnDropoutBackward", f.backward);
}

int typeOf(jumpout_dtype dtype) { return dtype == JUMPOUT_FLOAT32 ? 0 : dtype == JUMPOUT_FLOAT16 ? 2 : 9; }

class Memory {
 public:
  explicit Memory(size_t bytes) {
    device_tests::require(jumpout_cuda_allocate(-1, bytes ? bytes : 1, nullptr, 1, &at_), "cuDNN's memory");
  }
  ~Memory() { jumpout_cuda_free(-1, at_, nullptr, 0); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  void* at() const { return at_; }

 private:
  void* at_ = nullptr;
};

class Loaded : public Cudnn {
 public:
  Loaded(const Functions& functions, Handle handle) : f_(functions), handle_(handle) {}
  ~Loaded() override {
    release();
    f_.destroy(handle_);
  }

  std::string version() const override { return std::to_string(f_.getVersion()); }

  bool prepare(jumpout_dtype dtype, size_t length, float rate) override {
    release();
    // Dimensions are ints, so a long tensor has two.
    const size_t inner = length % 65536 == 0 ? 65536 : length;
    const int sizes[] = {1, 1, static_cast<int>(length / inner), static_cast<int>(inner)};
    const int strides[] = {static_cast<int>(length), static_cast<int>(length), static_cast<int>(inner), 1};
    size_t states = 0;
    if (f_.createTensor(&tensor_) || f_.setTensor(tensor_, typeOf(dtype), 4, sizes, strides) ||
        f_.statesSize(handle_, &states) || f_.reserveSize(tensor_, &reserve_bytes_) ||
        f_.createDropout(&dropout_))
      return false;
    states_ = std::make_unique<Memory>(states);
    reserve_ = std::make_unique<Memory>(reserve_bytes_);
    return f_.setDropout(dropout_, handle_, rate, states_->at(), states, 1) == kSuccess;
  }

  bool forward(const void* input, void* output) override {
    return f_.forward(handle_, dropout_, tensor_, input, tensor_, output, reserve_->at(), reserve_bytes_) ==
           kSuccess;
  }

  bool backward(const void* grad_output, void* grad_input) override {
    return f_.backward(handle_, dropout_, tensor_, grad_output, tensor_, grad_input, reserve_->at(),
                       reserve_bytes_) == kSuccess;
  }

 private:
  void release() {
    if (dropout_) f_.destroyDropout(dropout_);
    if (tensor_) f_.destroyTensor(tensor_);
    dropout_ = tensor_ = nullptr;
    states_.reset();
    reserve_.reset();
  }

  Functions f_;
  Handle handle_;
  Descriptor tensor_ = nullptr, dropout_ = nullptr;
  size_t reserve_bytes_ = 0;
  std::unique_ptr<Memory> states_, reserve_;
};

}  // namespace

std::unique_ptr<Cudnn> Cudnn::load(const std::string& file, void* stream, std::string& reason) {
#if defined(JUMPOUT_CUDA_ON_CPU)
  // cuDNN itself does not run on the emulator; a test may name a stand-in.
  const std::vector<const char*> names{file.c_str()};
#else
  const std::vector<const char*> names{file.c_str(), "libcudnn.so.9", "libcudnn.so.8", "libcudnn.so"};
#endif
  void* library = nullptr;
  for (const char* name : names)
    if (!library && *name) library = dlopen(name, RTLD_NOW | RTLD_GLOBAL);
  if (!library) {
    const char* why = dlerror();
    reason = why ? why : "it was not found";
    return nullptr;
  }
  Functions functions = {};
  Handle handle = nullptr;
  if (!findAll(library, functions)) {
    reason = "it lacks a function";
  } else if (functions.create(&handle) != kSuccess) {
    reason = "it could not start on this device";
  } else if (functions.setStream(handle, stream) != kSuccess) {
    reason = "it refused the stream";
  } else {
    return std::make_unique<Loaded>(functions, handle);
  }
  return nullptr;
}

}  // namespace gpu_bench

// cuDNN's dropout, loaded while the program runs: neither its headers nor its library are needed to build.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "jumpout.h"

namespace gpu_bench {

class Cudnn {
 public:
  // NULL, and why, where there is no cuDNN. `library` may name a file.
  static std::unique_ptr<Cudnn> load(const std::string& library, void* stream, std::string& reason);
  virtual ~Cudnn() = default;

  virtual std::string version() const = 0;
  // Tensors of `length` elements from now on; false where cuDNN refuses the type.
  virtual bool prepare(jumpout_dtype dtype, size_t length, float rate) = 0;
  virtual bool forward(const void* input, void* output) = 0;
  virtual bool backward(const void* grad_output, void* grad_input) = 0;
};

}  // namespace gpu_bench

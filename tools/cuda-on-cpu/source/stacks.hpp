// Stacks for fibers, each with a guard page.
#pragma once

#include <cstddef>

namespace cuda_on_cpu {

class Stacks {
 public:
  Stacks() = default;
  ~Stacks() { unmap(); }
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;

  void makeRoomFor(size_t count);
  void unmap();
  // Its lowest address; `bytes` of it can be used. Nothing of an earlier use is left that a sanitizer could remember.
  void* fresh(size_t number, size_t* bytes);

 private:
  char* memory_ = nullptr;
  size_t count_ = 0;
};

}  // namespace cuda_on_cpu

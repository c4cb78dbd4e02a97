// The CPU backend: arguments that csrc/api has checked, results to the bit of docs/numerics.md.
#pragma once

#include "cpu/isa.hpp"
#include "cpu/thread_pool.hpp"
#include "jumpout.h"

namespace jumpout::cpu {

class Backend {
 public:
  // Outputs of at least `streaming_bytes` are written past the caches.
  Backend(const Isa& isa, unsigned threads, size_t streaming_bytes = lastLevelCacheBytes() / 2);

  const Isa& isa() const { return isa_; }
  unsigned threads() const { return pool_.threads(); }

  void countActive(const jumpout_count_args& args);
  void forward(const jumpout_forward_args& args);
  void backward(const jumpout_backward_args& args);

 private:
  void count(ThreadPool::Call& call, const jumpout_count_args& args) const;

  const Isa& isa_;
  const Kernels& kernels_;
  const size_t streaming_bytes_;
  ThreadPool pool_;
};

}  // namespace jumpout::cpu

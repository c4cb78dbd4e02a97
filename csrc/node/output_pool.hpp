// Memory for large fresh outputs, used again and again: a new block costs more in page faults than the kernel
// that fills it. One pool serves all threads of the process.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

namespace jumpout::node {

class OutputPool {
 public:
  struct Block {
    void* data = nullptr;
    size_t capacity = 0;
  };

  // Never destroyed: finalizers may run while the process ends.
  static OutputPool& instance();

  // At least `bytes`, 64-byte aligned; no data where the cap or the system stands against it.
  Block take(size_t bytes);
  // From any thread.
  void give(Block block);

 private:
  Block takeFree(size_t capacity);
  Block allocate(size_t capacity);
  void release(Block block);

  std::mutex mutex_;
  std::vector<Block> free_;  // oldest first
  size_t owned_ = 0;         // bytes handed out and free
};

}  // namespace jumpout::node

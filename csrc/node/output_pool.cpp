#include "node/output_pool.hpp"

#include <cstdint>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace jumpout::node {

namespace {

// Finalizers run on the event loop alone: without a cap, a loop that never returns to it would take all
// memory.
constexpr size_t kCap = size_t{96} << 20;
// Sizes that nearly agree share blocks.
constexpr size_t kGranule = size_t{64} << 10;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kCacheLine = 64;

constexpr size_t roundUp(size_t bytes) { return (bytes + kGranule - 1) / kGranule * kGranule; }

constexpr std::align_val_t alignmentFor(size_t capacity) {
  return std::align_val_t{capacity >= kHugePage ? kHugePage : kCacheLine};
}

void adviseHugePages([[maybe_unused]] void* data, [[maybe_unused]] size_t capacity) {
#if defined(__linux__)
  if (capacity >= kHugePage) madvise(data, capacity / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
}

}  // namespace

OutputPool& OutputPool::instance() {
  static auto* pool = new OutputPool;
  return *pool;
}

OutputPool::Block OutputPool::take(size_t bytes) {
  if (bytes > kCap) return {};
  const size_t capacity = roundUp(bytes);
  const std::lock_guard lock(mutex_);
  const Block block = takeFree(capacity);
  return block.data != nullptr ? block : allocate(capacity);
}

// The tightest fit, the warmest of equals; a block half empty serves nobody well.
OutputPool::Block OutputPool::takeFree(size_t capacity) {
  auto best = free_.end();
  for (auto block = free_.begin(); block != free_.end(); ++block) {
    if (block->capacity < capacity || block->capacity / 2 > capacity) continue;
    if (best == free_.end() || block->capacity <= best->capacity) best = block;
  }
  if (best == free_.end()) return {};
  const Block block = *best;
  free_.erase(best);
  return block;
}

OutputPool::Block OutputPool::allocate(size_t capacity) {
  while (owned_ + capacity > kCap) {
    if (free_.empty()) return {};
    const Block oldest = free_.front();
    free_.erase(free_.begin());
    release(oldest);
  }
  void* data = ::operator new(capacity, alignmentFor(capacity), std::nothrow);
  if (data == nullptr) return {};
  adviseHugePages(data, capacity);
  owned_ += capacity;
  return {data, capacity};
}

void OutputPool::release(Block block) {
  ::operator delete(block.data, alignmentFor(block.capacity));
  owned_ -= block.capacity;
}

void OutputPool::give(Block block) {
  const std::lock_guard lock(mutex_);
  try {
    free_.push_back(block);
  } catch (const std::bad_alloc&) {
    release(block);
  }
}

}  // namespace jumpout::node

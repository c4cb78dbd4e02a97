// Alignment and page reuse of new outputs; lib makes the arrays.
#include <cstdint>
#include <cstdlib>

#include "node/exports.hpp"

namespace jumpout::node {

namespace {

// padding(array): elements to skip until the next boundary of a cache line.
double padding(const Call& call) {
  constexpr uintptr_t kCacheLine = 64;
  const auto address = reinterpret_cast<uintptr_t>(call.array<float>(0, "array").data);
  const uintptr_t bytes = (kCacheLine - address % kCacheLine) % kCacheLine;
  return static_cast<double>(bytes / sizeof(float));
}

// keepPages(): glibc returns freed memory to the system, and then each page of the next output costs a fault. Once a block
// of the largest mapped size was freed, glibc keeps up to twice that size. Nothing changes where malloc was tuned or
// replaced.
void keepPages(const Call&) {
#if defined(__GLIBC__)
  constexpr size_t kLargestMapped = (size_t{32} << 20) - (size_t{64} << 10);
  void* volatile block = std::malloc(kLargestMapped);  // volatile: compilers leave unused blocks out
  std::free(block);
#endif
}

}  // namespace

void exportOutputs(const Exports& exports) {
  exports.add<padding>("padding");
  exports.add<keepPages>("keepPages");
}

}  // namespace jumpout::node

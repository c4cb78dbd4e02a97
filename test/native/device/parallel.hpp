// Loops over many elements, spread over the cores of the host: checking must not take longer than the device does.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace device_tests {

inline constexpr size_t kPiece = size_t{1} << 16;  // elements; a multiple of the 32 of a mask word

// body(first, last) for every piece of [0, count), each once and in no particular order. It must not throw.
template <class Body>
void forPieces(size_t count, const Body& body) {
  const size_t pieces = count / kPiece + (count % kPiece != 0);
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t piece; (piece = next++) < pieces;)
      body(piece * kPiece, std::min(count, (piece + 1) * kPiece));
  };
  const size_t cores = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> helpers;
  for (size_t i = 1; i < std::min(pieces, cores); ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
}

// The first index for which `differs(index)` holds, or `count`.
template <class Differs>
size_t firstWhere(size_t count, const Differs& differs) {
  std::atomic<size_t> found{count};
  forPieces(count, [&](size_t first, size_t last) {
    if (first > found) return;
    while (first < last && !differs(first)) ++first;
    size_t known = found;
    while (first < last && first < known && !found.compare_exchange_weak(known, first)) {
    }
  });
  return found;
}

}  // namespace device_tests

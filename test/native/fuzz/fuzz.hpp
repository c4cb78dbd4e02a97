// What all fuzz targets share: numbers out of the fuzzer's bytes, memory that shows what a call touches, and how one fails.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <span>
#include <string>

#include "api/spans.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define JUMPOUT_FUZZ_POISONS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(JUMPOUT_FUZZ_POISONS)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace fuzz {

inline void require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "not ok: %s\n", what.c_str());
  std::abort();
}

// Numbers out of bytes. Bytes that are missing are 0, and 0 always means the usual value.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : next_(data), left_(size) {}

  template <class T>
  T take() {
    T value{};
    const size_t size = std::min(sizeof value, left_);
    if (size) std::memcpy(&value, next_, size);
    next_ += size;
    left_ -= size;
    return value;
  }

  size_t below(size_t bound) {
    return bound <= 256     ? take<uint8_t>() % bound
           : bound <= 65536 ? take<uint16_t>() % bound
                            : take<uint64_t>() % bound;
  }
  bool oneIn(unsigned count) { return take<uint8_t>() % count == count - 1; }

  double real(double usual) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    static const double kSpecial[] = {0.0,       -0.0,       0.5,    0.75,   1.0,        65535.0 / 65536,
                                      0.9999999, -1.0,       kNan,   2.0,    -kInfinity, 1e308,
                                      kInfinity, 5e-324,     -0.5,   0x1p32, 1e-9,       0x1p53,
                                      1e300,     0x1p53 - 1, 0x1p64, 3.0,    0x1p-126};
    switch (take<uint8_t>() % 4) {
      case 0: return usual;
      case 1: return kSpecial[below(std::size(kSpecial))];
      case 2: return take<uint16_t>() / 65536.0;
      default: return take<double>();
    }
  }

  uint64_t integer(uint64_t usual) {
    switch (take<uint8_t>() % 4) {
      case 0: return usual;
      case 1: return take<uint8_t>();
      case 2: return (uint64_t{1} << below(64)) + below(3) - 1;  // 2^n and what is beside it
      default: return take<uint64_t>();
    }
  }

 private:
  const uint8_t* next_;
  size_t left_;
};

using Spans = std::span<const jumpout::Span>;

// All memory of a call, of which there is one. Sanitizers see what is read outside of its arrays, a copy shows what is written there.
class Arena {
 public:
  static constexpr size_t kBytes = size_t{128} << 10;

  void clear() {
    std::memset(bytes_, 0xA5, kBytes);
    used_ = 0;
  }

  // `count` elements, `shift` elements behind a boundary of 64 bytes; where there is not as much room, what there is.
  template <class T>
  T* array(size_t count, size_t shift) {
    const size_t wanted = jumpout::extentOf(count, sizeof(T));
    const size_t begin = std::min((used_ + 64 + 63) / 64 * 64 + shift * sizeof(T), kBytes - 64);
    used_ = begin + std::min(wanted, kBytes - begin);
    return reinterpret_cast<T*>(bytes_ + begin);
  }

  bool holds(const jumpout::Span& span) const {
    if (!span.address || !span.bytes) return true;
    const auto begin = reinterpret_cast<uintptr_t>(span.address), first = reinterpret_cast<uintptr_t>(bytes_);
    return begin >= first && begin - first <= kBytes && span.bytes <= kBytes - (begin - first);
  }
  bool holds(Spans spans) const {
    for (const jumpout::Span& span : spans)
      if (!holds(span)) return false;
    return true;
  }

  // Runs `call`, which may read the spans alone.
  template <class Call>
  auto watched(Spans spans, const Call& call) {
    std::memcpy(before_, bytes_, kBytes);
    ASAN_POISON_MEMORY_REGION(bytes_, kBytes);
    for (const jumpout::Span& span : spans)
      if (span.address && holds(span)) ASAN_UNPOISON_MEMORY_REGION(span.address, span.bytes);
    const auto result = call();
    ASAN_UNPOISON_MEMORY_REGION(bytes_, kBytes);
    return result;
  }

  bool unchanged() const { return std::memcmp(before_, bytes_, kBytes) == 0; }

  // What was at `address` before the last call; nullptr for an address elsewhere, as calls without elements may have.
  template <class T>
  const T* before(const T* address) const {
    const uintptr_t at = reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(bytes_);
    return at < kBytes ? reinterpret_cast<const T*>(before_ + at) : nullptr;
  }

  // Whether the last call wrote at most what it may write.
  bool unchangedBeside(Spans spans) {
    std::memcpy(allowed_, before_, kBytes);
    for (const jumpout::Span& span : spans)
      if (span.access.written && span.address && span.bytes) {
        const auto* const place = static_cast<const unsigned char*>(span.address);
        std::memcpy(allowed_ + (place - bytes_), place, span.bytes);
      }
    return std::memcmp(allowed_, bytes_, kBytes) == 0;
  }

 private:
  alignas(4096) unsigned char bytes_[kBytes];
  alignas(64) unsigned char before_[kBytes];
  unsigned char allowed_[kBytes];
  size_t used_ = 0;
};

}  // namespace fuzz

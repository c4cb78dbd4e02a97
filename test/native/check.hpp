// Assertions that count and have a name.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace check {

inline int passed = 0;
inline int failed = 0;

// Whether the first failure ends the program: `npm run mutants` only asks whether there is one.
inline bool stopsAtFirst() { return std::getenv("CHECK_STOP") != nullptr; }

inline void that(bool condition, const std::string& what) {
  ++(condition ? passed : failed);
  if (condition) return;
  if (failed <= 20) std::printf("not ok: %s\n", what.c_str());
  if (!stopsAtFirst()) return;
  std::fflush(stdout);
  std::_Exit(1);
}

inline uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Equality by bits, except that all NaNs are equal.
inline bool sameFloat(float a, float b) { return a != a ? b != b : bitsOf(a) == bitsOf(b); }

template <class Floats>
void sameFloats(const Floats& got, const Floats& want, const std::string& what) {
  for (size_t i = 0; i < want.size(); ++i) {
    if (sameFloat(got[i], want[i])) continue;
    return that(false, what + ": element " + std::to_string(i) + " is " + std::to_string(got[i]) +
                           ", expected " + std::to_string(want[i]));
  }
  that(got.size() == want.size(), what);
}

inline int report() {
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace check

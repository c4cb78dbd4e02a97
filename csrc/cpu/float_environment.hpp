// The floating-point environment that docs/numerics.md counts on: rounding to nearest, subnormals kept, nothing trapped.
#pragma once

#include <atomic>
#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#elif defined(_M_ARM64)
#include <intrin.h>
#elif !defined(__aarch64__)
#include <cfenv>
#endif

namespace jumpout::cpu {

#if defined(__x86_64__) || defined(_M_X64)

// MXCSR. The x87 unit computes nothing here.
struct FloatState {
  unsigned mxcsr = _mm_getcsr();

  static constexpr unsigned kStandard = 0x1F80, kRaised = 0x3F;
  bool isStandard() const { return (mxcsr & ~kRaised) == kStandard; }
  bool operator==(const FloatState&) const = default;
  void set() const { _mm_setcsr(mxcsr); }
  static void setStandard() { _mm_setcsr(kStandard); }
};

#elif defined(__aarch64__) || defined(_M_ARM64)

// FPCR has the modes, FPSR the raised exceptions.
struct FloatState {
  uint64_t fpcr, fpsr;

#if defined(_M_ARM64)
  FloatState()
      : fpcr(static_cast<uint64_t>(_ReadStatusReg(ARM64_FPCR))),
        fpsr(static_cast<uint64_t>(_ReadStatusReg(ARM64_FPSR))) {}
  static void setModes(uint64_t value) { _WriteStatusReg(ARM64_FPCR, static_cast<__int64>(value)); }
  static void setRaised(uint64_t value) { _WriteStatusReg(ARM64_FPSR, static_cast<__int64>(value)); }
#else
  FloatState() {
    asm volatile("mrs %0, fpcr" : "=r"(fpcr));
    asm volatile("mrs %0, fpsr" : "=r"(fpsr));
  }
  static void setModes(uint64_t value) { asm volatile("msr fpcr, %0" : : "r"(value)); }
  static void setRaised(uint64_t value) { asm volatile("msr fpsr, %0" : : "r"(value)); }
#endif

  bool isStandard() const { return fpcr == 0; }
  bool operator==(const FloatState&) const = default;
  void set() const {
    setModes(fpcr);
    setRaised(fpsr);
  }
  static void setStandard() { setModes(0); }
};

#else

struct FloatState {
  std::fenv_t state;

  FloatState() { std::fegetenv(&state); }
  bool isStandard() const { return false; }
  bool operator==(const FloatState&) const { return false; }
  void set() const { std::fesetenv(&state); }
  static void setStandard() { std::fesetenv(FE_DFL_ENV); }
};

#endif

// Sets it while it lives and then restores the thread's own, raised exceptions included: a caller, or another
// library in its process, may flush subnormals, round otherwise or trap. Registers are written only where they differ.
class StandardFloats {
 public:
  StandardFloats() {
    if (!before_.isStandard()) FloatState::setStandard();
    std::atomic_signal_fence(std::memory_order_seq_cst);  // nothing is computed before, or after the end
  }
  ~StandardFloats() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (!(FloatState() == before_)) before_.set();
  }
  StandardFloats(const StandardFloats&) = delete;
  StandardFloats& operator=(const StandardFloats&) = delete;

 private:
  const FloatState before_;
};

}  // namespace jumpout::cpu

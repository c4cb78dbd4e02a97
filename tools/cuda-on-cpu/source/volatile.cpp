// What g++ calls for volatile accesses with --param=tsan-distinguish-volatile: they count as relaxed atomics, so that they
// race with plain accesses and not with atomics. The access itself follows the call.
#include <cstdint>

#include "cuda_on_cpu/memory_access.h"
#include "machine.hpp"

extern "C" {
uint8_t __tsan_atomic8_load(const volatile uint8_t* address, int order);
uint16_t __tsan_atomic16_load(const volatile uint16_t* address, int order);
uint32_t __tsan_atomic32_load(const volatile uint32_t* address, int order);
uint64_t __tsan_atomic64_load(const volatile uint64_t* address, int order);
uint8_t __tsan_atomic8_fetch_or(volatile uint8_t* address, uint8_t bits, int order);
uint16_t __tsan_atomic16_fetch_or(volatile uint16_t* address, uint16_t bits, int order);
uint32_t __tsan_atomic32_fetch_or(volatile uint32_t* address, uint32_t bits, int order);
uint64_t __tsan_atomic64_fetch_or(volatile uint64_t* address, uint64_t bits, int order);
}

namespace {

template <class Word>
void read(void* address, Word (*load)(const volatile Word*, int)) {
  if (cuda_on_cpu::Machine::isRunning()) cuda_on_cpu::turnToRead(address);
  load(static_cast<Word*>(address), __ATOMIC_RELAXED);
}

// An atomic update that changes nothing stands for the store that is still to come.
template <class Word>
void write(void* address, Word (*update)(volatile Word*, Word, int)) {
  if (cuda_on_cpu::Machine::isRunning()) cuda_on_cpu::turnToWrite(address);
  update(static_cast<Word*>(address), 0, __ATOMIC_RELAXED);
}

}  // namespace

extern "C" {
void __tsan_volatile_read1(void* address) { read(address, __tsan_atomic8_load); }
void __tsan_volatile_read2(void* address) { read(address, __tsan_atomic16_load); }
void __tsan_volatile_read4(void* address) { read(address, __tsan_atomic32_load); }
void __tsan_volatile_read8(void* address) { read(address, __tsan_atomic64_load); }
void __tsan_volatile_read16(void* address) {
  __tsan_volatile_read8(address);
  __tsan_volatile_read8(static_cast<char*>(address) + 8);
}
void __tsan_volatile_write1(void* address) { write(address, __tsan_atomic8_fetch_or); }
void __tsan_volatile_write2(void* address) { write(address, __tsan_atomic16_fetch_or); }
void __tsan_volatile_write4(void* address) { write(address, __tsan_atomic32_fetch_or); }
void __tsan_volatile_write8(void* address) { write(address, __tsan_atomic64_fetch_or); }
void __tsan_volatile_write16(void* address) {
  __tsan_volatile_write8(address);
  __tsan_volatile_write8(static_cast<char*>(address) + 8);
}
}

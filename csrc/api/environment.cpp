#include "api/environment.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "core/published.hpp"
#include "cpu/processors.hpp"

namespace jumpout {
namespace {

constexpr unsigned kMostThreads = 256;
// Memory is saturated long before: more threads only help when asked for.
constexpr unsigned kMostThreadsByDefault = 16;

Environment refused(std::string complaint) {
  return {JUMPOUT_BAD_ENVIRONMENT, std::move(complaint), nullptr};
}

Environment readEnvironment() {
  const cpu::Isa* isa = &cpu::bestIsa();
  if (const char* asked = std::getenv("JUMPOUT_CPU_ISA"); asked && *asked) {
    isa = cpu::findIsa(asked);
    if (!isa)
      return refused(std::string("JUMPOUT_CPU_ISA is '") + asked +
                     "', which this processor or this build does not have; the best here is '" +
                     cpu::bestIsa().name + "'");
  }
  unsigned threads = std::min(cpu::availableProcessors(), kMostThreadsByDefault);
  if (const char* asked = std::getenv("JUMPOUT_NUM_THREADS"); asked && *asked) {
    const std::string_view text(asked);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), threads);
    if (error != std::errc() || end != text.data() + text.size() || threads < 1 || threads > kMostThreads)
      return refused(std::string("JUMPOUT_NUM_THREADS is '") + asked +
                     "', expected a whole number from 1 to " + std::to_string(kMostThreads));
  }
  return {JUMPOUT_OK, "", std::make_unique<cpu::Backend>(*isa, threads)};
}

}  // namespace

const Environment& environment() {
  static std::atomic<const Environment*> read{nullptr};
  return published(read, readEnvironment);
}

}  // namespace jumpout

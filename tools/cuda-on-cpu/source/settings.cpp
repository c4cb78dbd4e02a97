#include "settings.hpp"

#include "cuda_on_cpu/calls.h"
#include "cuda_runtime_api.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace cuda_on_cpu {
namespace {

[[noreturn]] void refuse(const char* name, const char* value, const char* expected) {
  std::fprintf(stderr, "CUDA on CPU: expected %s for %s, got \"%s\"\n", expected, name, value);
  std::exit(2);
}

// The number that `text` is, at the end of the whole value.
uint64_t number(const char* name, const char* value, const char* text, const char* expected) {
  char* end = nullptr;
  errno = 0;
  const unsigned long long parsed = std::strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0' || errno != 0) refuse(name, value, expected);
  return parsed;
}

uint64_t fromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : number(name, text, text, "a whole number");
}

std::vector<int> numbers(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  if (value == nullptr) value = otherwise;
  std::vector<int> found;
  std::istringstream parts(std::string(value) + ",");
  for (std::string part; std::getline(parts, part, ',');)
    found.push_back(static_cast<int>(number(name, value, part.c_str(), "whole numbers with commas")));
  return found;
}

NthCall callFromEnvironment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return {};
  const char* colon = std::strchr(text, ':');
  if (colon == nullptr) refuse(name, text, "NAME:N");
  return {std::string(text, colon), number(name, text, colon + 1, "NAME:N")};
}

Settings read() {
  Settings found{};
  found.devices = static_cast<int>(fromEnvironment("CUDA_ON_CPU_DEVICES", 2));
  found.multiprocessors = static_cast<int>(fromEnvironment("CUDA_ON_CPU_SMS", 3));
  found.sharedBytes = fromEnvironment("CUDA_ON_CPU_SHARED", 232448);
  found.architectures = numbers("CUDA_ON_CPU_ARCH", "90");
  found.ptx =
      static_cast<int>(fromEnvironment("CUDA_ON_CPU_PTX", static_cast<uint64_t>(found.architecture(0))));
  found.driver = static_cast<int>(fromEnvironment("CUDA_ON_CPU_DRIVER", CUDART_VERSION));
  found.memoryBytes = fromEnvironment("CUDA_ON_CPU_MEMORY", uint64_t{1} << 30);
  found.overlaps = fromEnvironment("CUDA_ON_CPU_OVERLAPS", 1) != 0;
  found.pools = fromEnvironment("CUDA_ON_CPU_POOLS", 1) != 0;

  const char* cooperative = std::getenv("CUDA_ON_CPU_COOPERATIVE");
  if (cooperative == nullptr || std::strcmp(cooperative, "1") == 0) {
    found.cooperative = Settings::kOffered;
  } else if (std::strcmp(cooperative, "0") == 0) {
    found.cooperative = Settings::kNone;
  } else if (std::strcmp(cooperative, "refuse") == 0) {
    found.cooperative = Settings::kRefused;
  } else {
    refuse("CUDA_ON_CPU_COOPERATIVE", cooperative, "0, 1 or refuse");
  }

  found.failing = callFromEnvironment("CUDA_ON_CPU_FAIL");
  found.refused = callFromEnvironment("CUDA_ON_CPU_REFUSE");
  return found;
}

}  // namespace

const Settings& settings() {
  const CallInProgress inside;
  static const Settings& found = *new Settings(read());
  return found;
}

Order orderOfNow() {
  const char* text = std::getenv("CUDA_ON_CPU_ORDER");
  if (text == nullptr || std::strcmp(text, "forward") == 0) return {};
  if (std::strcmp(text, "reverse") == 0) return {Order::kReverse, 0};
  constexpr const char* expected = "forward, reverse or random:SEED";
  if (std::strncmp(text, "random:", 7) != 0) refuse("CUDA_ON_CPU_ORDER", text, expected);
  return {Order::kRandom, number("CUDA_ON_CPU_ORDER", text, text + 7, expected)};
}

}  // namespace cuda_on_cpu

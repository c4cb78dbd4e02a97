#include "cpu/processors.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#elif defined(_WIN32)
#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <bit>
#endif

namespace jumpout::cpu {
namespace {

constexpr long long kDefaultPeriod = 100000;  // microseconds

using Words = std::vector<std::string_view>;

Words split(std::string_view text, char at) {
  Words parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(at), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool contains(const Words& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// mountinfo writes a blank as \040.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(digits, digits + 3, code, 8).ptr == digits + 3) {
      plain += static_cast<char>(code);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool parse(std::string_view text, long long& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// Empty where it cannot be read. The C library's streams: those of C++ take a lock that a child of fork() may inherit.
std::string textOf(const std::string& path) {
  std::string text;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "r"), std::fclose);
  if (!file) return text;
  char piece[4096];
  while (const size_t count = std::fread(piece, 1, sizeof piece, file.get())) text.append(piece, count);
  return text;
}

std::string firstLine(const std::string& path) {
  const std::string text = textOf(path);
  return text.substr(0, text.find('\n'));
}

// The hierarchy that limits processors, in either version, and where the process stands in it.
struct Hierarchy {
  bool unified;  // version 2
  std::string path;
};

std::vector<Hierarchy> hierarchiesOf(const std::string& root) {
  std::vector<Hierarchy> found;
  const std::string text = textOf(root + "/proc/self/cgroup");
  for (const std::string_view line : split(text, '\n')) {  // ID:CONTROLLERS:PATH
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (controllers.empty() || contains(split(controllers, ','), "cpu"))
      found.push_back({controllers.empty(), std::string(line.substr(second + 1))});
  }
  return found;
}

unsigned quotaOfGroup(const std::string& folder, bool unified) {
  std::string line;  // QUOTA PERIOD
  if (unified)
    line = firstLine(folder + "/cpu.max");
  else
    line = firstLine(folder + "/cpu.cfs_quota_us") + " " + firstLine(folder + "/cpu.cfs_period_us");
  const Words words = split(line, ' ');
  long long quota = 0, period = kDefaultPeriod;
  if (words.empty() || !parse(words[0], quota) || quota < 0) return kNoQuota;  // "max", -1, or no such file
  if (words.size() > 1 && (!parse(words[1], period) || period <= 0)) return kNoQuota;
  return static_cast<unsigned>(std::clamp(quota / period, 1ll, static_cast<long long>(kNoQuota)));
}

// `path` as seen from `top`, both from the root of the hierarchy; false where it does not lie below.
bool below(const std::string& top, const std::string& path, std::string& relative) {
  const std::string prefix = top == "/" ? "" : top;
  if (!path.starts_with(prefix)) return false;
  relative = path.substr(prefix.size());
  if (!relative.empty() && relative.front() != '/') return false;
  return !contains(split(relative, '/'), "..");  // outside of a control group namespace
}

unsigned leastQuota(const std::string& mount_point, std::string relative, bool unified) {
  unsigned least = kNoQuota;
  for (;;) {
    least = std::min(least, quotaOfGroup(mount_point + relative, unified));
    const size_t parent = relative.rfind('/');
    if (parent == std::string::npos) return least;
    relative.resize(parent);
  }
}

unsigned processorsOfThread() {
#if defined(__linux__)
  for (int most = 1024; most <= 1 << 20; most *= 2) {
    cpu_set_t* const set = CPU_ALLOC(most);
    if (!set) break;
    const size_t bytes = CPU_ALLOC_SIZE(most);
    const int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return static_cast<unsigned>(count);
  }
#elif defined(_WIN32)
  DWORD_PTR process = 0, system = 0;  // 0 for a process of several processor groups
  if (GetProcessAffinityMask(GetCurrentProcess(), &process, &system) && process)
    return static_cast<unsigned>(std::popcount(static_cast<unsigned long long>(process)));
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

unsigned cgroupQuota(const std::string& root) {
  const std::vector<Hierarchy> hierarchies = hierarchiesOf(root);
  unsigned least = kNoQuota;
  const std::string mounts = textOf(root + "/proc/self/mountinfo");
  for (const std::string_view line : split(mounts, '\n')) {
    // ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE OPTIONS
    const Words words = split(line, ' ');
    const auto dash = std::find(words.begin() + std::min<ptrdiff_t>(6, std::ssize(words)), words.end(), "-");
    if (words.end() - dash < 4) continue;
    const bool unified = dash[1] == "cgroup2";
    if (!unified && (dash[1] != "cgroup" || !contains(split(dash[3], ','), "cpu"))) continue;
    for (const Hierarchy& hierarchy : hierarchies) {
      std::string relative;
      if (hierarchy.unified == unified && below(unescaped(words[3]), hierarchy.path, relative))
        least = std::min(least, leastQuota(root + unescaped(words[4]), relative, unified));
    }
  }
  return least;
}

unsigned availableProcessors() { return std::min(processorsOfThread(), cgroupQuota()); }

}  // namespace jumpout::cpu

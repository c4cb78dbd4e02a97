/* Compares the device's passes with docs/numerics.md and with the CPU backend, bit for bit. Needs no Node. Runs on a GPU, or
 * on the CPU with JUMPOUT_CUDA=EMULATED.
 *
 *   jumpout_device_tests [--tiny | --quick] [--only SECTION,...] [--cases N] [--seed S] [--device D] [--json FILE]
 *                        [--multiprocessors M] [--missing WAY,...] [--may-refuse] [--curand [DRAWS]] [--list]
 *
 * Without --cases a few hundred random cases are run with the rest; with --cases N, N of them and nothing else, unless
 * --only names more. With --multiprocessors every kernel is launched as if the device had so few, so that loops iterate and
 * shared memory is used at sizes that a checker of memory can bear. --missing names the ways (csrc/cuda/borders.hpp) that
 * the device lacks: each of the others must be taken when it is forced, or with --may-refuse be refused at its launch, as by
 * a checker whose code needs more registers. A call that fails ends its section, or all if the device is lost. The exit
 * status is 0 if all checks hold, 1 if one fails, 2 without a device.
 */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "curand_twin.hpp"
#include "sections.hpp"

namespace {

using namespace device_tests;

struct NamedSection {
  const char* name;
  void (*run)(Context&);
};

// What a GPU alone can show comes first: a run on one may be cut short.
const NamedSection kSections[] = {
    {"self-test", selfTest},    {"golden", goldenVectors},  {"refusals", refusals},
    {"ways", forcedWays},       {"large", largeTensors},    {"huge", hugeTensors},
    {"counters", callCounters}, {"graphs", graphs},         {"streams", streams},
    {"lengths", lengths},       {"alignments", alignments}, {"options", optionsAtTheirEnds},
    {"samples", samples},       {"channels", channels},     {"interleaved", interleaved},
    {"shards", shards},         {"counts", givenCounts},    {"draws", draws},
    {"devices", otherDevices},  {"random", randomCases},
};

struct Settings {
  Effort effort = Effort::kFull;
  std::vector<std::string> only, missing;
  uint64_t cases = 0, seed = 1, curand = 0;
  int32_t device = 0, multiprocessors = 0;
  std::string json;
  bool list = false, may_refuse = false;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  size_t from = 0;
  while (from <= text.size()) {
    const size_t to = std::min(text.find(',', from), text.size());
    parts.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

bool parse(int count, char** arguments, Settings& settings) {
  for (int i = 1; i < count; ++i) {
    const std::string flag = arguments[i];
    const bool last = i + 1 == count;
    if (flag == "--tiny")
      settings.effort = Effort::kTiny;
    else if (flag == "--quick")
      settings.effort = Effort::kQuick;
    else if (flag == "--list")
      settings.list = true;
    else if (flag == "--may-refuse")
      settings.may_refuse = true;
    else if (flag == "--curand")
      settings.curand =
          !last && arguments[i + 1][0] != '-' ? std::strtoull(arguments[++i], nullptr, 0) : 2000000;
    else if (last)
      return false;
    else if (flag == "--only")
      settings.only = split(arguments[++i]);
    else if (flag == "--cases")
      settings.cases = std::strtoull(arguments[++i], nullptr, 0);
    else if (flag == "--seed")
      settings.seed = std::strtoull(arguments[++i], nullptr, 0);
    else if (flag == "--device")
      settings.device = std::atoi(arguments[++i]);
    else if (flag == "--multiprocessors")
      settings.multiprocessors = std::atoi(arguments[++i]);
    else if (flag == "--missing")
      settings.missing = split(arguments[++i]);
    else if (flag == "--json")
      settings.json = arguments[++i];
    else
      return false;
  }
  for (const std::string& name : settings.only) {
    const bool known = std::any_of(std::begin(kSections), std::end(kSections),
                                   [&](const NamedSection& section) { return name == section.name; });
    if (!known) {
      std::fprintf(stderr, "there is no section '%s'\n", name.c_str());
      return false;
    }
  }
  return true;
}

bool wanted(const Settings& settings, const std::string& name) {
  if (!settings.only.empty())
    return std::find(settings.only.begin(), settings.only.end(), name) != settings.only.end();
  return settings.cases == 0 || name == "random";
}

// With a stream of its own: one that a failed call left in a capture serves nobody.
void runSection(const NamedSection& section, const Settings& settings, Report& report) {
  std::optional<Policy> policy;
  if (settings.multiprocessors > 0) policy = Policy{{}, settings.multiprocessors};
  const Device device(settings.device, policy);
  Context context{report,         device,           settings.effort,    settings.seed,
                  settings.cases, settings.missing, settings.may_refuse};
  if (settings.cases == 0) context.cases = context.pick<uint64_t>(20, 300, 1000);
  section.run(context);
}

template <class Done>
void runSections(const Settings& settings, Report& report, const Done& sectionDone) {
  for (const NamedSection& section : kSections) {
    if (!wanted(settings, section.name)) continue;
    const auto begin = std::chrono::steady_clock::now();
    report.begin(section.name);
    try {
      runSection(section, settings, report);
    } catch (const DeviceFailure& failure) {
      if (failure.sticky) throw;
      report.fail(failure.what());
    }
    report.end(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    const Section& done = report.sections().back();
    std::printf("  %-12s %7llu cases %9llu checks %5llu failed %8.1f s\n", section.name,
                static_cast<unsigned long long>(done.cases), static_cast<unsigned long long>(done.checks),
                static_cast<unsigned long long>(done.failed), done.seconds);
    std::fflush(stdout);
    sectionDone();
  }
}

const char* nameOf(Effort effort) {
  return effort == Effort::kTiny ? "tiny" : effort == Effort::kQuick ? "quick" : "full";
}

std::vector<Fact> factsOf(const Settings& settings, const jumpout_cuda_device& device) {
  jumpout_runtime runtime;
  require(jumpout_get_runtime(&runtime), "the runtime");
  return {
      {"program", quoted("jumpout_device_tests")},
      {"version", quoted(runtime.version)},
      {"device", quoted(device.name)},
      {"compute", quoted(std::to_string(device.compute_major) + "." + std::to_string(device.compute_minor))},
      {"multiprocessors", std::to_string(device.multiprocessors)},
      {"multiprocessorsUsed",
       std::to_string(settings.multiprocessors ? settings.multiprocessors : device.multiprocessors)},
      {"effort", quoted(nameOf(settings.effort))},
      {"seed", std::to_string(settings.seed)}};
}

int run(const Settings& settings) {
  jumpout_cuda_device found{};
  if (jumpout_cuda_device_of(settings.device, &found) != JUMPOUT_OK) {
    jumpout_runtime runtime{};
    jumpout_get_runtime(&runtime);
    std::fprintf(stderr, "no CUDA device %d: %s\n", settings.device,
                 runtime.cuda_reason ? runtime.cuda_reason : "there is no such number");
    return 2;
  }
  std::printf("%s, compute capability %d.%d, %s, seed %llu\n", found.name, found.compute_major,
              found.compute_minor, nameOf(settings.effort), static_cast<unsigned long long>(settings.seed));
  Report report;
  std::string stopped;
  bool finished = false;
  const auto passed = [&] { return finished && report.failed() == 0 && report.checks() > 0; };
  // Complete at any time, so that a run that is killed leaves its results so far.
  const auto write = [&] {
    if (settings.json.empty()) return true;
    std::vector<Fact> facts = factsOf(settings, found);
    facts.push_back({"finished", finished ? "true" : "false"});
    facts.push_back({"passed", passed() ? "true" : "false"});
    if (!stopped.empty()) facts.push_back({"stopped", quoted(stopped)});
    const std::string unfinished = settings.json + ".new";
    std::ofstream file(unfinished);
    file << jsonOf(report, facts);
    file.close();
    if (file && std::rename(unfinished.c_str(), settings.json.c_str()) == 0) return true;
    std::fprintf(stderr, "%s could not be written\n", settings.json.c_str());
    return false;
  };
  try {
    runSections(settings, report, write);
    finished = true;
  } catch (const DeviceFailure& failure) {
    stopped = failure.what();
    report.fail(stopped);
  }
  const Differences& d = report.differences;
  std::printf(
      "%llu checks, %llu failed; of %llu groups that may differ from the CPU's library, %llu rates do, "
      "%llu thresholds, %llu scales\n",
      static_cast<unsigned long long>(report.checks()), static_cast<unsigned long long>(report.failed()),
      static_cast<unsigned long long>(d.groups), static_cast<unsigned long long>(d.rates),
      static_cast<unsigned long long>(d.thresholds), static_cast<unsigned long long>(d.scales));
  return write() && passed() ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  Settings settings;
  if (!parse(count, arguments, settings)) {
    std::fprintf(stderr, "see the head of test/native/device/main.cpp for the arguments\n");
    return 1;
  }
  if (settings.list) {
    for (const NamedSection& section : kSections) std::printf("%s\n", section.name);
    return 0;
  }
  if (settings.curand) return device_tests::compareCurand(settings.curand, settings.seed, settings.json);
  return run(settings);
}

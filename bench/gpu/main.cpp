/* Times forward and backward on the device by size, dtype and layout against a copy and cuDNN, all in turns in one process,
 * each checked first, and writes one JSON row for each as it comes: median seconds of one call, and the way that ran.
 *
 *   jumpout_gpu_bench [--ways] [--seconds N] [--quick] [--device D] [--json FILE] [--cudnn LIBRARY] [--fact NAME=VALUE]...
 *   jumpout_gpu_bench --once PASS,DTYPE,ELEMENTS,ROW [--device D]
 *
 * --ways times forward by each way that can hold a shape instead, to find the borders between them (csrc/cuda/borders.hpp).
 * --seconds is the time that all of it may take; --quick tries the program, with small sizes. --once makes one call of one
 * pass between the marks that a profiler waits for, and says which way it took.
 *
 * A pass that is wrong, not taken, fails, crashes or hangs becomes a row with `error` instead of `seconds`. The others still
 * run, and the exit status is 1. It is 2 without a device.
 */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <map>
#include <optional>

#include "baselines.hpp"
#include "supervisor.hpp"
#include "workload.hpp"

namespace {

using namespace gpu_bench;
using device_tests::Device;
using device_tests::quoted;
using device_tests::require;
using jumpout::cuda::Way;

struct Settings {
  double seconds = 400.0;
  bool quick = false, ways = false;
  int32_t device = 0;
  std::string json, cudnn, once;
  std::vector<device_tests::Fact> facts;
};

struct Row {
  std::string pass;
  double seconds = 0.0;
  Taken taken;
  std::string error;  // instead of the time
};

// The most seconds for one shape: checks and two comparisons.
constexpr double kSecondsPerShape = 60.0;

constexpr size_t kKi = 1024, kMi = kKi * kKi;

// The most important first, since the time may run out.
std::vector<Shape> shapesOf(bool quick) {
  std::vector<size_t> sizes{kKi,     4 * kKi,  16 * kKi, 64 * kKi, 256 * kKi, kMi,       2 * kMi,  4 * kMi,
                            8 * kMi, 11 * kMi, 16 * kMi, 32 * kMi, 64 * kMi,  128 * kMi, 256 * kMi};
  std::vector<uint64_t> rows{512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};
  size_t sampled = 32 * kMi;
  if (quick) {
    sizes = {kKi, 12 * kKi};
    rows = {512, 2048};
    sampled = 8 * kKi;
  }
  std::vector<Shape> shapes;
  for (const jumpout_dtype dtype : {JUMPOUT_FLOAT32, JUMPOUT_BFLOAT16}) {
    for (const size_t size : sizes) shapes.push_back({dtype, size, 0});
    for (const uint64_t row : rows) shapes.push_back({dtype, sampled, row});
  }
  for (const size_t size : sizes) shapes.push_back({JUMPOUT_FLOAT16, size, 0});
  return shapes;
}

// Every power of two: what a warp, a block and a cluster just hold is one. The largest do not fit the chip, emulated ones
// neither.
std::vector<Shape> shapesForWays(bool quick) {
  const size_t largest = quick ? 512 * kKi : 64 * kMi, sampled = quick ? 16 * kKi : 16 * kMi;
  std::vector<Shape> shapes;
  for (const jumpout_dtype dtype : {JUMPOUT_FLOAT32, JUMPOUT_BFLOAT16}) {
    for (size_t size = kKi; size <= largest; size *= quick ? 8 : 2) shapes.push_back({dtype, size, 0});
    for (uint64_t row = 64; row < sampled && row <= 64 * kKi; row *= quick ? 16 : 2)
      shapes.push_back({dtype, sampled, row});
  }
  return shapes;
}

const char* nameOf(Caches caches) { return caches == Caches::kCold ? "cold" : "warm"; }

std::string formatted(const char* format, auto... values) {
  char text[512];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

std::string jsonOf(const Shape& shape, Caches caches, const Row& row) {
  std::string json = formatted("{ \"elements\": %zu, \"dtype\": \"%s\", \"row\": %llu, \"caches\": \"%s\", ",
                               shape.length, device_tests::nameOf(shape.dtype),
                               static_cast<unsigned long long>(shape.row), nameOf(caches)) +
                     "\"pass\": " + quoted(row.pass);
  if (row.taken.way != Way::kNothing) json += ", \"way\": " + quoted(jumpout::cuda::nameOf(row.taken.way));
  return json + (row.error.empty() ? formatted(", \"seconds\": %.9g }", row.seconds)
                                   : ", \"error\": " + quoted(row.error) + " }");
}

// Replaces the file at once, so that it is complete at any time, also when this program is killed.
class Results {
 public:
  explicit Results(const Settings& settings) : settings_(settings) {}

  void describe(std::string device) { device_ = std::move(device); }
  void add(std::string row, bool failed) {
    rows_.push_back(std::move(row));
    failed_ |= failed;
  }
  bool failed() const { return failed_; }

  bool write() const {
    if (settings_.json.empty()) return true;
    const std::string unfinished = settings_.json + ".new";
    std::ofstream file(unfinished);
    file << "{\n  \"suite\": \"gpu\",\n";
    for (const device_tests::Fact& fact : settings_.facts)
      file << "  " << quoted(fact.name) << ": " << quoted(fact.value) << ",\n";
    file << device_ << "  \"quick\": " << (settings_.quick ? "true" : "false") << ",\n  \"rows\": [";
    for (size_t i = 0; i < rows_.size(); ++i) file << (i ? ",\n    " : "\n    ") << rows_[i];
    file << "\n  ]\n}\n";
    file.close();
    if (file && std::rename(unfinished.c_str(), settings_.json.c_str()) == 0) return true;
    std::fprintf(stderr, "%s could not be written\n", settings_.json.c_str());
    return false;
  }

 private:
  const Settings& settings_;
  std::string device_;
  std::vector<std::string> rows_;
  bool failed_ = false;
};

// Share of the speed of the best copy, for a pass that has to move `bytes` per element.
double efficiency(const std::map<std::string, double>& times, const char* pass, double bytes,
                  double element) {
  const double copy = std::min(times.at("memcpy"), times.at("copy"));
  return bytes / times.at(pass) / (2.0 * element / copy);
}

void printHead(bool ways) {
  if (ways) {
    std::printf("\nForward by each way, microseconds\n");
    return;
  }
  std::printf(
      "\nShares of the copy's speed (1: at the floor), times of cuDNN over ours (more than 1: ours is "
      "faster)\n");
  std::printf("%-9s %9s %6s %-5s %9s %8s %8s %8s %8s %8s %8s %8s\n", "dtype", "elements", "row", "cache",
              "copy GB/s", "forward", "counted", "backward", "/cudnn", "relu/", "bwd/", "bwdrelu/");
}

void printShape(const Shape& shape, Caches caches) {
  std::printf("%-9s %9zu %6llu %-5s", device_tests::nameOf(shape.dtype), shape.length,
              static_cast<unsigned long long>(shape.row), nameOf(caches));
}

void printFailures(const Shape& shape, Caches caches, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    if (row.error.empty()) continue;
    printShape(shape, caches);
    std::printf(" not ok: %s: %s\n", row.pass.c_str(), row.error.c_str());
  }
}

void printTimes(const jumpout_cuda_device& device, const Shape& shape, Caches caches,
                const std::vector<Row>& rows) {
  std::map<std::string, double> times;
  for (const Row& row : rows)
    if (row.error.empty()) times[row.pass] = row.seconds;
  const double element = static_cast<double>(device_tests::bytesOf(shape.dtype));
  const double length = static_cast<double>(shape.length);
  const bool one_read = shape.row || length * element <= static_cast<double>(device.l2_bytes);
  const double once = 2.0 * element + 0.125, floor = one_read ? once : once + element;
  const auto share = [&](const char* pass, double bytes) {
    const bool known = times.count(pass) && times.count("memcpy") && times.count("copy");
    return known ? formatted("%8.2f", efficiency(times, pass, bytes, element)) : std::string("       -");
  };
  const auto against = [&](const char* theirs, const char* ours) {
    const bool known = times.count(theirs) && times.count(ours);
    return known ? formatted("%8.2f", times[theirs] / times[ours]) : std::string("       -");
  };
  const double copy =
      times.count("memcpy") && times.count("copy") ? std::min(times["memcpy"], times["copy"]) : 0.0;
  printShape(shape, caches);
  std::printf(" %9.0f %s %s %s %s %s %s %s\n", copy > 0.0 ? 2e-9 * element * length / copy : 0.0,
              share("forward", floor).c_str(), share("forward counted", once).c_str(),
              share("backward", once).c_str(), against("cudnn forward", "forward").c_str(),
              against("relu + cudnn forward", "forward relu").c_str(),
              against("cudnn backward", "backward").c_str(),
              against("cudnn + relu backward", "backward").c_str());
}

void printWays(const Shape& shape, Caches caches, const std::vector<Row>& rows) {
  const Row *fastest = nullptr, *now = nullptr;
  printShape(shape, caches);
  for (const Row& row : rows) {
    if (!row.error.empty()) continue;
    std::printf("  %s %.2f", row.pass.c_str(), 1e6 * row.seconds);
    if (row.pass == kAsNow)
      now = &row;
    else if (!fastest || row.seconds < fastest->seconds)
      fastest = &row;
  }
  if (now && fastest)
    std::printf("; fastest: %s, now (%s) %.2f of its time", fastest->pass.c_str(),
                jumpout::cuda::nameOf(now->taken.way), now->seconds / fastest->seconds);
  std::printf("\n");
}

// The times of all contenders that can be timed; the others become faults.
std::vector<Row> timed(Timer& timer, std::vector<Contender> contenders, Caches caches, const Effort& effort,
                       Workload::Faults& faults) {
  std::vector<Row> rows;
  for (;;) {
    std::erase_if(contenders, [&](const Contender& contender) { return faults.count(contender.name) > 0; });
    try {
      const std::vector<Measured> measured = timer.compare(contenders, caches, effort);
      for (size_t i = 0; i < contenders.size(); ++i)
        rows.push_back({contenders[i].name, measured[i].seconds, measured[i].taken, {}});
      break;
    } catch (const ContenderFailure& failure) {
      if (jumpout_last_cuda_error().sticky) throw;
      faults.emplace(contenders[failure.which].name, failure.what());
    }
  }
  for (const auto& [pass, error] : faults) rows.push_back({pass, 0.0, {}, error});
  return rows;
}

// In a process of its own (supervisor.hpp): shapes from `first` on.
int measure(const Settings& settings, const std::vector<Shape>& shapes, size_t first, Sink& sink,
            std::chrono::steady_clock::time_point begin) {
  jumpout_cuda_device found{};
  if (jumpout_cuda_device_of(settings.device, &found) != JUMPOUT_OK) {
    jumpout_runtime runtime{};
    jumpout_get_runtime(&runtime);
    std::fprintf(stderr, "no CUDA device %d: %s\n", settings.device,
                 runtime.cuda_reason ? runtime.cuda_reason : "there is no such number");
    return 2;
  }
  const Device device(settings.device);
  std::string reason = "not asked for";
  const std::unique_ptr<Cudnn> cudnn =
      settings.ways ? nullptr : Cudnn::load(settings.cudnn, device.stream(), reason);
  const std::string version = cudnn ? cudnn->version() : "none: " + reason;
  std::printf("%s, compute capability %d.%d, %d multiprocessors, L2 %llu MiB; cuDNN %s\n", found.name,
              found.compute_major, found.compute_minor, found.multiprocessors,
              static_cast<unsigned long long>(found.l2_bytes >> 20), version.c_str());
  sink.put("device  \"device\": { \"name\": " + quoted(found.name) +
           formatted(", \"compute\": \"%d.%d\", \"multiprocessors\": %d, \"memory\": %llu, \"l2\": %llu }, ",
                     found.compute_major, found.compute_minor, found.multiprocessors,
                     static_cast<unsigned long long>(found.memory_bytes),
                     static_cast<unsigned long long>(found.l2_bytes)) +
           "\"cudnn\": " + quoted(version) + ", ");
  printHead(settings.ways);
  std::fflush(stdout);
  Timer timer(device, settings.quick ? size_t{64} << 10 : std::max<size_t>(1024 * kMi, 8 * found.l2_bytes));
  for (size_t i = first; i < shapes.size(); ++i) {
    const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (spent > settings.seconds) {
      std::printf("the time is up: %zu of %zu shapes were measured\n", i, shapes.size());
      break;
    }
    const Shape& shape = shapes[i];
    sink.begin(i);
    try {
      Workload workload(device, shape);
      Workload::Faults faults = settings.ways ? workload.checkWays() : workload.check();
      const std::vector<Contender> contenders =
          settings.ways ? workload.ways() : workload.contenders(cudnn.get(), faults);
      for (const Caches caches : {Caches::kCold, Caches::kWarm}) {
        Effort effort;
        // Half of an equal share, since checking and allocating takes time too.
        effort.seconds =
            std::max(0.05, (settings.seconds - spent) / static_cast<double>(shapes.size() - i) / 4.0);
        if (settings.quick) effort = {0.02, 2, 3, 2};
        const std::vector<Row> rows = timed(timer, contenders, caches, effort, faults);
        for (const Row& row : rows)
          sink.put((row.error.empty() ? "row " : "bad ") + jsonOf(shape, caches, row));
        if (settings.ways)
          printWays(shape, caches, rows);
        else
          printTimes(found, shape, caches, rows);
        printFailures(shape, caches, rows);
        std::fflush(stdout);
      }
    } catch (const std::exception& error) {
      if (jumpout_last_cuda_error().sticky) {
        std::fprintf(stderr, "%s\n", error.what());
        return kDeviceLost;
      }
      const std::vector<Row> rows{{"all", 0.0, {}, error.what()}};
      sink.put("bad " + jsonOf(shape, Caches::kCold, rows[0]));
      printFailures(shape, Caches::kCold, rows);
    }
  }
  return 0;
}

int measureAll(const Settings& settings) {
  const std::vector<Shape> shapes = settings.ways ? shapesForWays(settings.quick) : shapesOf(settings.quick);
  Results results(settings);
  const auto begin = std::chrono::steady_clock::now();
  Supervision supervision;
  supervision.seconds_per_item = kSecondsPerShape;
  supervision.work = [&](size_t first, Sink& sink) { return measure(settings, shapes, first, sink, begin); };
  supervision.take = [&](const std::string& line) {
    if (line.rfind("device", 0) == 0)
      results.describe(line.substr(6) + "\n");
    else
      results.add(line.substr(4), line.rfind("bad ", 0) == 0);
    results.write();
  };
  supervision.giveUp = [&](size_t item, const std::string& why) {
    std::printf("not ok: shape %zu of %zu: %s\n", item + 1, shapes.size(), why.c_str());
    results.add(jsonOf(shapes[item], Caches::kCold, {"all", 0.0, {}, why}), true);
    results.write();
  };
  int status = 0;
  if (!supervise(supervision, status)) return status == 2 ? 2 : 1;
  return results.write() && !results.failed() ? 0 : 1;
}

// PASS,DTYPE,ELEMENTS,ROW
int callOnce(const Settings& settings) {
  std::vector<std::string> parts;
  for (size_t from = 0, to; from <= settings.once.size(); from = to + 1) {
    to = std::min(settings.once.find(',', from), settings.once.size());
    parts.push_back(settings.once.substr(from, to - from));
  }
  std::optional<jumpout_dtype> dtype;
  for (const jumpout_dtype known : device_tests::kDtypes)
    if (parts.size() == 4 && parts[1] == device_tests::nameOf(known)) dtype = known;
  if (!dtype) {
    std::fprintf(stderr, "--once takes PASS,DTYPE,ELEMENTS,ROW\n");
    return 1;
  }
  const Device device(settings.device);
  Workload workload(device, {*dtype, std::strtoull(parts[2].c_str(), nullptr, 10),
                             std::strtoull(parts[3].c_str(), nullptr, 10)});
  Workload::Faults faults = workload.check();
  for (const Contender& contender : workload.contenders(nullptr, faults)) {
    if (contender.name != parts[0]) continue;
    if (faults.count(contender.name)) {
      std::fprintf(stderr, "%s: %s\n", contender.name.c_str(), faults[contender.name].c_str());
      return 1;
    }
    device.synchronize();
    beginProfile();
    const Taken taken = contender.enqueue();
    device.synchronize();
    endProfile();
    std::printf("way: %s\n", jumpout::cuda::nameOf(taken.way));
    return 0;
  }
  std::fprintf(stderr, "there is no pass '%s'\n", parts[0].c_str());
  return 1;
}

bool parse(int count, char** arguments, Settings& settings) {
  for (int i = 1; i < count; ++i) {
    const std::string flag = arguments[i];
    if (flag == "--quick") {
      settings.quick = true;
      continue;
    }
    if (flag == "--ways") {
      settings.ways = true;
      continue;
    }
    if (i + 1 == count) return false;
    const std::string value = arguments[++i];
    if (flag == "--seconds")
      settings.seconds = std::atof(value.c_str());
    else if (flag == "--device")
      settings.device = std::atoi(value.c_str());
    else if (flag == "--json")
      settings.json = value;
    else if (flag == "--once")
      settings.once = value;
    else if (flag == "--cudnn")
      settings.cudnn = value;
    else if (flag == "--fact" && value.find('=') != std::string::npos)
      settings.facts.push_back({value.substr(0, value.find('=')), value.substr(value.find('=') + 1)});
    else
      return false;
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  Settings settings;
  if (!parse(count, arguments, settings)) {
    std::fprintf(stderr, "see the head of bench/gpu/main.cpp for the arguments\n");
    return 1;
  }
  try {
    return settings.once.empty() ? measureAll(settings) : callOnce(settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

/* Times forward and backward on the device by size, dtype and layout against a copy and cuDNN, all in turns in one process,
 * each checked first, and writes one JSON row for each: median seconds of one call.
 *
 *   jumpout_gpu_bench [--ways] [--seconds N] [--quick] [--device D] [--json FILE] [--cudnn LIBRARY] [--fact NAME=VALUE]...
 *
 * --ways times forward by each way that can take a shape instead, to find the borders between them (csrc/cuda/borders.hpp).
 * --seconds is the time that all of it may take; --quick tries the program, with small sizes. The exit status is 2 where
 * there is no device.
 */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <map>

#include "workload.hpp"

namespace {

using namespace gpu_bench;
using device_tests::Device;
using device_tests::require;

struct Settings {
  double seconds = 400.0;
  bool quick = false, ways = false;
  int32_t device = 0;
  std::string json, cudnn;
  std::vector<device_tests::Fact> facts;
};

struct Row {
  Shape shape;
  Caches caches;
  std::string pass;
  double seconds;
};

constexpr size_t kKi = 1024, kMi = kKi * kKi;

// In the order in which they matter, should the time run out.
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

// Every power of two: what a warp, a block and a cluster just hold is one.
std::vector<Shape> shapesForWays(bool quick) {
  const size_t largest = quick ? 16 * kKi : 32 * kMi, sampled = quick ? 16 * kKi : 16 * kMi;
  std::vector<Shape> shapes;
  for (const jumpout_dtype dtype : {JUMPOUT_FLOAT32, JUMPOUT_BFLOAT16}) {
    for (size_t size = kKi; size <= largest; size *= quick ? 4 : 2) shapes.push_back({dtype, size, 0});
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

std::string jsonOf(const Settings& settings, const jumpout_cuda_device& device, const std::string& cudnn,
                   const std::vector<Row>& rows) {
  using device_tests::quoted;
  std::string json = "{\n  \"suite\": \"gpu\",\n";
  for (const device_tests::Fact& fact : settings.facts)
    json += "  " + quoted(fact.name) + ": " + quoted(fact.value) + ",\n";
  json += "  \"device\": { \"name\": " + quoted(device.name) +
          formatted(", \"compute\": \"%d.%d\", \"multiprocessors\": %d, \"memory\": %llu, \"l2\": %llu },\n",
                    device.compute_major, device.compute_minor, device.multiprocessors,
                    static_cast<unsigned long long>(device.memory_bytes),
                    static_cast<unsigned long long>(device.l2_bytes));
  json += "  \"cudnn\": " + quoted(cudnn) + ",\n  \"quick\": " + (settings.quick ? "true" : "false") + ",\n";
  json += "  \"rows\": [\n";
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    json += formatted("    { \"elements\": %zu, \"dtype\": \"%s\", \"row\": %llu, \"caches\": \"%s\", ",
                      row.shape.length, device_tests::nameOf(row.shape.dtype),
                      static_cast<unsigned long long>(row.shape.row), nameOf(row.caches)) +
            "\"pass\": " + quoted(row.pass) + formatted(", \"seconds\": %.9g }", row.seconds);
    json += i + 1 < rows.size() ? ",\n" : "\n";
  }
  return json + "  ]\n}\n";
}

// Share of the speed of the best copy, for a pass that has to move `bytes` an element.
double efficiency(const std::map<std::string, double>& times, const char* pass, double bytes,
                  double element) {
  const double copy = std::min(times.at("memcpy"), times.at("copy"));
  return bytes / times.at(pass) / (2.0 * element / copy);
}

void printTable(const jumpout_cuda_device& device, const std::vector<Row>& rows) {
  std::printf(
      "\nShares of the copy's speed (1: at the floor), times of cuDNN over ours (more than 1: ours is "
      "faster)\n");
  std::printf("%-9s %9s %6s %-5s %9s %8s %8s %8s %8s %8s %8s %8s\n", "dtype", "elements", "row", "cache",
              "copy GB/s", "forward", "counted", "backward", "/cudnn", "relu/", "bwd/", "bwdrelu/");
  for (size_t from = 0; from < rows.size();) {
    const Row& first = rows[from];
    std::map<std::string, double> times;
    size_t to = from;
    while (to < rows.size() && rows[to].shape.length == first.shape.length &&
           rows[to].shape.row == first.shape.row && rows[to].shape.dtype == first.shape.dtype &&
           rows[to].caches == first.caches) {
      times[rows[to].pass] = rows[to].seconds;
      ++to;
    }
    from = to;
    const double element = static_cast<double>(device_tests::bytesOf(first.shape.dtype));
    const double length = static_cast<double>(first.shape.length);
    const bool one_read = first.shape.row || length * element <= static_cast<double>(device.l2_bytes);
    const double once = 2.0 * element + 0.125, floor = one_read ? once : once + element;
    const auto against = [&](const char* theirs, const char* ours) {
      return times.count(theirs) ? formatted("%8.2f", times[theirs] / times[ours]) : std::string("       -");
    };
    std::printf(
        "%-9s %9zu %6llu %-5s %9.0f %8.2f %8.2f %8.2f %s %s %s %s\n", device_tests::nameOf(first.shape.dtype),
        first.shape.length, static_cast<unsigned long long>(first.shape.row), nameOf(first.caches),
        2e-9 * element * length / std::min(times["memcpy"], times["copy"]),
        efficiency(times, "forward", floor, element), efficiency(times, "forward counted", once, element),
        efficiency(times, "backward", once, element), against("cudnn forward", "forward").c_str(),
        against("relu + cudnn forward", "forward relu").c_str(),
        against("cudnn backward", "backward").c_str(), against("cudnn + relu backward", "backward").c_str());
  }
}

void printWays(const std::vector<Row>& rows) {
  std::printf("\nForward by each way, microseconds\n");
  for (size_t from = 0; from < rows.size();) {
    const Row& first = rows[from];
    std::string times;
    const Row* fastest = nullptr;
    size_t at = from;
    for (; at < rows.size() && rows[at].pass != "as now"; ++at) {
      times += formatted("  %s %.2f", rows[at].pass.c_str(), 1e6 * rows[at].seconds);
      if (!fastest || rows[at].seconds < fastest->seconds) fastest = &rows[at];
    }
    const double now = rows[at].seconds;
    std::printf("%-9s %9zu %6llu %-5s%s; fastest: %s, now %.2f of its time\n",
                device_tests::nameOf(first.shape.dtype), first.shape.length,
                static_cast<unsigned long long>(first.shape.row), nameOf(first.caches), times.c_str(),
                fastest ? fastest->pass.c_str() : "none", fastest ? now / fastest->seconds : 1.0);
    from = at + 1;
  }
}

int measure(const Settings& settings) {
  jumpout_cuda_device found{};
  if (jumpout_cuda_device_of(settings.device, &found) != JUMPOUT_OK) {
    jumpout_runtime runtime{};
    jumpout_get_runtime(&runtime);
    std::fprintf(stderr, "no CUDA device %d: %s\n", settings.device,
                 runtime.cuda_reason ? runtime.cuda_reason : "there is no such number");
    return 2;
  }
  const Device device(settings.device);
  std::string reason;
  const std::unique_ptr<Cudnn> cudnn = Cudnn::load(settings.cudnn, device.stream(), reason);
  const std::string version = cudnn ? cudnn->version() : "none: " + reason;
  std::printf("%s, compute capability %d.%d, %d multiprocessors, L2 %llu MiB; cuDNN %s\n", found.name,
              found.compute_major, found.compute_minor, found.multiprocessors,
              static_cast<unsigned long long>(found.l2_bytes >> 20), version.c_str());
  std::fflush(stdout);
  Timer timer(device, settings.quick ? size_t{64} << 10 : std::max<size_t>(1024 * kMi, 8 * found.l2_bytes));
  const std::vector<Shape> shapes = settings.ways ? shapesForWays(settings.quick) : shapesOf(settings.quick);
  std::vector<Row> rows;
  const auto begin = std::chrono::steady_clock::now();
  for (size_t i = 0; i < shapes.size(); ++i) {
    const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (spent > settings.seconds) {
      std::printf("the time is up: %zu of %zu shapes were measured\n", i, shapes.size());
      break;
    }
    Workload workload(device, shapes[i]);
    if (!settings.ways) workload.check();
    const std::vector<Contender> contenders =
        settings.ways ? workload.ways() : workload.contenders(cudnn.get());
    for (const Caches caches : {Caches::kCold, Caches::kWarm}) {
      Effort effort;
      // Half of an equal share, since checking and allocating takes time too.
      effort.seconds =
          std::max(0.05, (settings.seconds - spent) / static_cast<double>(shapes.size() - i) / 4.0);
      if (settings.quick) effort = {0.02, 2, 3, 2};
      const std::vector<double> medians = timer.compare(contenders, caches, effort);
      for (size_t which = 0; which < contenders.size(); ++which)
        rows.push_back({shapes[i], caches, contenders[which].name, medians[which]});
    }
  }
  if (!settings.json.empty()) {
    std::ofstream file(settings.json);
    file << jsonOf(settings, found, version, rows);
    if (!file.flush()) {
      std::fprintf(stderr, "%s could not be written\n", settings.json.c_str());
      return 1;
    }
  }
  if (settings.ways)
    printWays(rows);
  else
    printTable(found, rows);
  return 0;
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
    return measure(settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

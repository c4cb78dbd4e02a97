#include "timing.hpp"

#include <algorithm>
#include <chrono>

#include "baselines.hpp"

namespace gpu_bench {
namespace {

using device_tests::require;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace

Timer::Timer(const device_tests::Device& device, size_t flush_bytes)
    : device_(device), flush_bytes_(flush_bytes) {
  require(jumpout_cuda_allocate(device.number(), flush_bytes, device.stream(), 1, &flush_),
          "memory to flush with");
  require(jumpout_cuda_fill(device.number(), flush_, 0, flush_bytes, device.stream()), "zeros to flush with");
}

Timer::~Timer() {
  for (const Events& events : events_) {
    jumpout_cuda_event_destroy(device_.number(), events.begin);
    jumpout_cuda_event_destroy(device_.number(), events.end);
  }
  void* stream = device_.stream();
  jumpout_cuda_free(device_.number(), flush_, &stream, 1);
}

Taken Timer::trial(const Contender& contender, const Events& events, Caches caches, int repeats) {
  readAll(flush_, flush_bytes_, device_.stream());
  if (caches == Caches::kWarm) {
    contender.enqueue();
    contender.enqueue();
  }
  require(jumpout_cuda_event_record(device_.number(), events.begin, device_.stream()), "an event");
  Taken taken;
  for (int i = 0; i < repeats; ++i) taken = contender.enqueue();
  require(jumpout_cuda_event_record(device_.number(), events.end, device_.stream()), "an event");
  return taken;
}

std::vector<Measured> Timer::compare(const std::vector<Contender>& contenders, Caches caches,
                                     const Effort& effort) {
  const size_t count = contenders.size();
  while (events_.size() < count) {
    Events events{};
    require(jumpout_cuda_event_create(device_.number(), &events.begin), "an event");
    require(jumpout_cuda_event_create(device_.number(), &events.end), "an event");
    events_.push_back(events);
  }
  const int repeats = caches == Caches::kWarm ? effort.repeats : 1;
  std::vector<std::vector<double>> trials(count);
  const auto begin = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  std::vector<Taken> taken(count);
  for (size_t which = 0; which < count; ++which) {
    try {
      taken[which] = contenders[which].enqueue();  // whatever is done at a first call only
      device_.synchronize();
    } catch (const std::exception& error) {
      throw ContenderFailure(which, error.what());
    }
  }
  for (int round = 0; round < effort.most_rounds; ++round) {
    if (round >= effort.least_rounds && elapsed() > effort.seconds) break;
    // Each round begins with another contender, so that none always follows the same one.
    for (size_t k = 0; k < count; ++k) {
      const size_t which = (k + static_cast<size_t>(round)) % count;
      const Taken now = trial(contenders[which], events_[which], caches, repeats);
      if (now.way != taken[which].way) throw ContenderFailure(which, "calls took different ways");
    }
    device_.synchronize();
    for (size_t which = 0; which < count; ++which) {
      float milliseconds = 0.0f;
      require(jumpout_cuda_event_elapsed(events_[which].begin, events_[which].end, &milliseconds),
              "elapsed time");
      trials[which].push_back(1e-3 * static_cast<double>(milliseconds) / repeats);
    }
  }
  std::vector<Measured> measured;
  for (size_t which = 0; which < count; ++which)
    measured.push_back({median(std::move(trials[which])), taken[which]});
  return measured;
}

}  // namespace gpu_bench

// A child that crashes, hangs, stops or throws away its device costs the item it was at, and nothing that it said before.
#include "supervisor.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

#include "check.hpp"

namespace {

using gpu_bench::Sink;

struct Heard {
  std::vector<std::string> lines, lost;
  int status = -1;
  bool complete = false;
};

Heard listen(const std::function<int(size_t, Sink&)>& work, double seconds_per_item = 20.0) {
  Heard heard;
  gpu_bench::Supervision supervision;
  supervision.work = work;
  supervision.take = [&](const std::string& line) { heard.lines.push_back(line); };
  supervision.giveUp = [&](size_t item, const std::string& why) {
    heard.lost.push_back(std::to_string(item) + ": " + why);
  };
  supervision.seconds_per_item = seconds_per_item;
  heard.complete = gpu_bench::supervise(supervision, heard.status);
  return heard;
}

// Items 0 to 4; at the third `misbehave` is called between its two lines.
Heard listenTo(const std::function<int()>& misbehave, double seconds_per_item = 20.0) {
  return listen(
      [&](size_t first, Sink& sink) {
        for (size_t item = first; item < 5; ++item) {
          sink.begin(item);
          sink.put(std::to_string(item) + "a");
          if (item == 2)
            if (const int status = misbehave()) return status;
          sink.put(std::to_string(item) + "b");
        }
        return 0;
      },
      seconds_per_item);
}

using Lines = std::vector<std::string>;
const Lines kAll{"0a", "0b", "1a", "1b", "2a", "2b", "3a", "3b", "4a", "4b"},
    kWithoutEnd{"0a", "0b", "1a", "1b", "2a", "3a", "3b", "4a", "4b"};

void expect(const Heard& heard, const Lines& lines, const std::string& lost, const char* what) {
  check::that(heard.complete, std::string(what) + ": it comes to its end");
  check::that(heard.lines == lines, std::string(what) + ": every line, in order");
  const Lines wanted = lost.empty() ? Lines{} : Lines{lost};
  check::that(heard.lost == wanted,
              std::string(what) + ": " + (heard.lost.empty() ? "nothing lost" : heard.lost[0]));
}

}  // namespace

int main() {
  expect(listenTo([] { return 0; }), kAll, "", "a child that does well");
  expect(listenTo([]() -> int { return raise(SIGKILL); }), kWithoutEnd, "2: the program crashed: Killed",
         "a crash");
  expect(listenTo([] { return gpu_bench::kDeviceLost; }), kWithoutEnd, "2: the device was lost", "a loss");
  expect(listenTo([] { return 5; }), kWithoutEnd, "2: the program ended with status 5", "an end");
  expect(listenTo(
             []() -> int {
               for (;;) pause();
             },
             1.0),
         kWithoutEnd, "2: no end after 1 s", "a hang");

  const Heard none = listen([](size_t, Sink&) { return 2; });
  check::that(!none.complete && none.status == 2 && none.lost.empty(),
              "no device is not an item that was lost");
  const Heard hopeless = listen([&](size_t first, Sink& sink) {
    sink.begin(first);
    return gpu_bench::kDeviceLost;
  });
  check::that(!hopeless.complete && hopeless.lost.size() > 1, "where all is lost it ends");
  const std::string large(1 << 20, 'x');
  const Heard long_line = listen([&](size_t, Sink& sink) {
    sink.begin(0);
    sink.put(large);
    return 0;
  });
  check::that(long_line.complete && long_line.lines == Lines{large}, "a line longer than a pipe");
  return check::report();
}

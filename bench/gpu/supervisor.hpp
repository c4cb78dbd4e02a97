// Measures in a child process, so that an item that hangs, crashes or loses the device costs that item and no other.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace gpu_bench {

// The child's side. The parent gets every line, however the child ends.
class Sink {
 public:
  explicit Sink(int pipe) : pipe_(pipe) {}
  void begin(size_t item);            // what follows is of this item
  void put(const std::string& line);  // without a line break

 private:
  void write(char kind, const std::string& text);
  int pipe_;
};

// The exit status of a child that lost the device: its item is given up, and another child continues with the next.
inline constexpr int kDeviceLost = 70;

struct Supervision {
  std::function<int(size_t first, Sink& sink)> work;                // items from `first` on; 0 at the end
  std::function<void(const std::string& line)> take;                // in the parent, as it comes
  std::function<void(size_t item, const std::string& why)> giveUp;  // after a child that did not end well
  double seconds_per_item;                                          // the longest silence of a child
};

// False where the child could not be started or gave up before its first item; what it returned is in `status`.
bool supervise(const Supervision& supervision, int& status);

}  // namespace gpu_bench

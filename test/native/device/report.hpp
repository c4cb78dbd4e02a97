// The results of all checks: counts per section, the first failures in words, allowed differences, and JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace device_tests {

struct Section {
  std::string name;
  uint64_t cases = 0, checks = 0, failed = 0;
  double seconds = 0.0;
};

// Where the device and this host's C library may round a logarithm, a sine or a power differently.
struct Differences {
  uint64_t groups = 0;              // with a drawn rate or an inexact exponent: those that could differ
  uint64_t rates = 0;               // rates that differ from the CPU backend's at all
  uint64_t thresholds = 0;          // thresholds that do
  uint64_t scales = 0;              // scales of exponents that are not exact
  double largest_rate_error = 0.0;  // relative
};

class Report {
 public:
  void begin(const std::string& name);
  void end(double seconds) { sections_.back().seconds = seconds; }
  void countCase() { ++sections_.back().cases; }

  // The description is made only if it is needed.
  template <class Describe>
  bool check(bool holds, const Describe& describe) {
    ++sections_.back().checks;
    if (!holds) fail(describe());
    return holds;
  }
  void fail(const std::string& what);

  uint64_t failed() const;
  const std::string& firstFailure() const { return first_failure_; }
  uint64_t checks() const;
  const std::vector<Section>& sections() const { return sections_; }

  // How often a forced way of computing was the one that ran.
  void countWay(const std::string& name, uint64_t taken) { ways_.push_back({name, taken}); }
  struct Taken {
    std::string name;
    uint64_t cases;
  };
  const std::vector<Taken>& ways() const { return ways_; }

  Differences differences;
  bool quiet = false;  // the self-test provokes failures and says nothing of them

 private:
  std::vector<Section> sections_;
  std::vector<Taken> ways_;
  std::string first_failure_;
};

// One line per field, numbers or strings as they are: enough JSON for a flat record.
struct Fact {
  std::string name, value;
};
std::string quoted(const std::string& text);
std::string jsonOf(const Report& report, const std::vector<Fact>& facts);

}  // namespace device_tests

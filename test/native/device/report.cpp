#include "report.hpp"

#include <cstdio>
#include <cstdlib>

namespace device_tests {

void Report::begin(const std::string& name) { sections_.push_back({name}); }

void Report::fail(const std::string& what) {
  constexpr uint64_t kShown = 20;
  if (failed() == 0) first_failure_ = what;
  ++sections_.back().failed;
  if (quiet) return;
  if (failed() <= kShown) std::printf("not ok: %s: %s\n", sections_.back().name.c_str(), what.c_str());
  if (!std::getenv("CHECK_STOP")) return;  // as in check.hpp
  std::fflush(stdout);
  std::_Exit(1);
}

uint64_t Report::failed() const {
  uint64_t sum = 0;
  for (const Section& section : sections_) sum += section.failed;
  return sum;
}

uint64_t Report::checks() const {
  uint64_t sum = 0;
  for (const Section& section : sections_) sum += section.checks;
  return sum;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (static_cast<unsigned char>(c) < ' ') continue;
    result += c;
  }
  return result + '"';
}

std::string jsonOf(const Report& report, const std::vector<Fact>& facts) {
  char line[256];
  std::string json = "{\n";
  for (const Fact& fact : facts) json += "  " + quoted(fact.name) + ": " + fact.value + ",\n";
  json += "  \"sections\": [\n";
  for (size_t i = 0; i < report.sections().size(); ++i) {
    const Section& section = report.sections()[i];
    std::snprintf(
        line, sizeof line, "\"cases\": %llu, \"checks\": %llu, \"failed\": %llu, \"seconds\": %.3f }",
        static_cast<unsigned long long>(section.cases), static_cast<unsigned long long>(section.checks),
        static_cast<unsigned long long>(section.failed), section.seconds);
    json += "    { \"name\": " + quoted(section.name) + ", " + line;
    json += i + 1 < report.sections().size() ? ",\n" : "\n";
  }
  json += "  ],\n  \"ways\": {";
  for (size_t i = 0; i < report.ways().size(); ++i) {
    const Report::Taken& way = report.ways()[i];
    json += (i ? ", " : " ") + quoted(way.name) + ": " + std::to_string(way.cases);
  }
  const Differences& d = report.differences;
  std::snprintf(line, sizeof line,
                " },\n  \"differences\": { \"groups\": %llu, \"rates\": %llu, \"thresholds\": %llu, "
                "\"scales\": %llu, \"largestRateError\": %.3g },\n",
                static_cast<unsigned long long>(d.groups), static_cast<unsigned long long>(d.rates),
                static_cast<unsigned long long>(d.thresholds), static_cast<unsigned long long>(d.scales),
                d.largest_rate_error);
  json += line;
  std::snprintf(line, sizeof line, "  \"checks\": %llu,\n  \"failed\": %llu\n}\n",
                static_cast<unsigned long long>(report.checks()),
                static_cast<unsigned long long>(report.failed()));
  return json + line;
}

}  // namespace device_tests

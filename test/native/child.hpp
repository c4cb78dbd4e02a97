// A scenario of a test program in a process of its own. POSIX.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <initializer_list>
#include <string>
#include <utility>

#include "check.hpp"

namespace check {

using Environment = std::initializer_list<std::pair<const char*, std::string>>;

// Runs the program again, with the name of the scenario as its argument.
inline void runChild(const char* program, const char* scenario, const Environment& environment = {}) {
  std::string what = scenario;
  for (const auto& [name, value] : environment) what += std::string(" ") + name + "=" + value;
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    for (const auto& [name, value] : environment) setenv(name, value.c_str(), 1);
    execl(program, program, scenario, static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  that(child > 0 && waitpid(child, &status, 0) == child, what + ": a process");
  that(WIFEXITED(status) && WEXITSTATUS(status) == 0, what + ": wait status " + std::to_string(status));
}

}  // namespace check

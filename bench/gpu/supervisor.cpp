#include "supervisor.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace gpu_bench {
namespace {

constexpr int kMostLosses = 16;  // then something is wrong with all of it

std::string reasonOf(int wait_status, bool silent, double seconds) {
  if (silent) return "no end after " + std::to_string(static_cast<int>(seconds)) + " s";
  if (WIFSIGNALED(wait_status))
    return std::string("the program crashed: ") + strsignal(WTERMSIG(wait_status));
  if (WEXITSTATUS(wait_status) == kDeviceLost) return "the device was lost";
  return "the program ended with status " + std::to_string(WEXITSTATUS(wait_status));
}

}  // namespace

void Sink::write(char kind, const std::string& text) {
  const std::string line = kind + text + '\n';
  for (size_t done = 0; done < line.size();) {
    const ssize_t written = ::write(pipe_, line.data() + done, line.size() - done);
    if (written < 0 && errno != EINTR) _exit(1);  // the parent is gone
    if (written > 0) done += static_cast<size_t>(written);
  }
}

void Sink::begin(size_t item) { write('#', std::to_string(item)); }

void Sink::put(const std::string& line) { write(' ', line); }

bool supervise(const Supervision& supervision, int& status) {
  size_t first = 0;
  for (int losses = 0; losses < kMostLosses; ++losses) {
    int ends[2];
    if (pipe(ends)) return false;
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child < 0) return false;
    if (child == 0) {
      close(ends[0]);
      Sink sink(ends[1]);
      const int result = supervision.work(first, sink);
      std::fflush(nullptr);
      _exit(result);
    }
    close(ends[1]);
    std::string pending;
    bool begun = false, silent = false;
    for (;;) {
      pollfd ready{ends[0], POLLIN, 0};
      const int events = poll(&ready, 1, static_cast<int>(1e3 * supervision.seconds_per_item));
      if (events < 0 && errno == EINTR) continue;
      silent = events == 0;
      if (events <= 0) break;
      char bytes[4096];
      const ssize_t count = read(ends[0], bytes, sizeof bytes);
      if (count <= 0) break;
      pending.append(bytes, static_cast<size_t>(count));
      for (size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1)) {
        const std::string text = pending.substr(1, end - 1);
        if (pending[0] == '#') {
          first = std::stoul(text);
          begun = true;
        } else {
          supervision.take(text);
        }
      }
    }
    close(ends[0]);
    if (silent) kill(child, SIGKILL);
    int waited = 0;
    while (waitpid(child, &waited, 0) < 0 && errno == EINTR) {
    }
    if (!silent && WIFEXITED(waited)) {
      status = WEXITSTATUS(waited);
      if (status == 0 || !begun) return status == 0;
    }
    if (!begun) return false;
    supervision.giveUp(first++, reasonOf(waited, silent, supervision.seconds_per_item));
  }
  return false;
}

}  // namespace gpu_bench

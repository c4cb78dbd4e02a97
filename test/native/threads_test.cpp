// Numbers of threads: quotas of control groups from made-up files, and decisions to share from measured times.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <utility>
#include <vector>

#include "check.hpp"
#include "cpu/processors.hpp"
#include "cpu/sharing.hpp"

namespace {

namespace fs = std::filesystem;
using jumpout::cpu::cgroupQuota;
using jumpout::cpu::Experience;
using jumpout::cpu::kNoQuota;

using Files = std::vector<std::pair<std::string, std::string>>;

const char* const kUnifiedMount =
    "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const char* const kOldMount =
    "32 31 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime master:1 shared:2 - cgroup cgroup rw,cpu,cpuacct\n";

Files unified(const std::string& group, Files files = {}, const std::string& mounts = kUnifiedMount) {
  files.emplace_back("proc/self/cgroup", "0::" + group + "\n");
  files.emplace_back("proc/self/mountinfo", mounts);
  return files;
}

Files old(const std::string& group, Files files, const std::string& mounts = kOldMount) {
  files.emplace_back("proc/self/cgroup",
                     "9:name=systemd:/init\n4:cpu,cpuacct:" + group + "\n3:cpuset:/other\n0::/\n");
  files.emplace_back("proc/self/mountinfo", mounts);
  return files;
}

void quota(const std::string& what, const Files& files, unsigned want) {
  const fs::path root =
      fs::temp_directory_path() / ("jumpout-quota-" + std::to_string(std::random_device{}()));
  for (const auto& [name, text] : files) {
    fs::create_directories((root / name).parent_path());
    std::ofstream(root / name, std::ios::binary) << text;
  }
  const unsigned got = cgroupQuota(root.string());
  check::that(got == want,
              what + ": " + std::to_string(got) + " processors, expected " + std::to_string(want));
  fs::remove_all(root);
}

void quotas() {
  const std::string top = "sys/fs/cgroup/", cpu = "sys/fs/cgroup/cpu,cpuacct/";
  quota("nothing there", {}, kNoQuota);
  quota("version 2", unified("/a", {{top + "a/cpu.max", "300000 100000\n"}}), 3);
  quota("version 2, another period", unified("/a", {{top + "a/cpu.max", "100000 50000\n"}}), 2);
  quota("version 2, no limit", unified("/a", {{top + "a/cpu.max", "max 100000\n"}}), kNoQuota);
  quota("a fraction above one", unified("/a", {{top + "a/cpu.max", "290000 100000\n"}}), 2);
  quota("a fraction below one", unified("/a", {{top + "a/cpu.max", "5000 100000\n"}}), 1);
  quota("at the mount, in a namespace", unified("/", {{top + "cpu.max", "200000 100000\n"}}), 2);
  quota("a parent's",
        unified("/a/b/c", {{top + "a/cpu.max", "200000 100000\n"}, {top + "a/b/c/cpu.max", "max 100000\n"}}),
        2);
  quota("the least of all",
        unified("/a/b/c", {{top + "a/cpu.max", "400000 100000\n"},
                           {top + "a/b/cpu.max", "200000 100000\n"},
                           {top + "a/b/c/cpu.max", "800000 100000\n"}}),
        2);
  quota("the mount's, below many",
        unified("/a/b", {{top + "cpu.max", "100000 100000\n"}, {top + "a/b/cpu.max", "300000 100000\n"}}), 1);
  quota("a sibling's is none",
        unified("/a", {{top + "ab/cpu.max", "100000 100000\n"}, {top + "b/cpu.max", "100000 100000\n"}}),
        kNoQuota);
  quota("a group that was deleted", unified("/a/b (deleted)", {{top + "a/cpu.max", "200000 100000\n"}}), 2);
  quota("colons and blanks in the name", unified("/a:b c/d", {{top + "a:b c/d/cpu.max", "200000 100000\n"}}),
        2);
  quota("outside of the namespace",
        unified("/../a", {{top + "cpu.max", "100000 100000\n"}, {"sys/fs/a/cpu.max", "100000 100000\n"}}),
        kNoQuota);
  for (const char* odd : {"", "\n", "max", "-1 100000", "lots 100000", "100000 0", "100000 -5", "100000 x",
                          "1.5 1", "9999999999999999999999 100000"})
    quota(std::string("an odd file: ") + odd, unified("/a", {{top + "a/cpu.max", odd}}), kNoQuota);
  quota("an odd file below a good one",
        unified("/a/b", {{top + "a/b/cpu.max", "?"}, {top + "a/cpu.max", "200000 100000"}}), 2);
  quota("a folder in its place", unified("/a", {{top + "a/cpu.max/x", ""}}), kNoQuota);
  quota("more than any machine has", unified("/a", {{top + "a/cpu.max", "9000000000000000000 1"}}), kNoQuota);
  quota("no period", unified("/a", {{top + "a/cpu.max", "200000"}}), 2);
  quota(
      "part of the hierarchy mounted",
      unified("/docker/abc/x", {{top + "x/cpu.max", "300000 100000\n"}, {top + "cpu.max", "200000 100000\n"}},
              "30 22 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n"),
      2);
  quota("another part mounted",
        unified("/docker/abcd", {{top + "cpu.max", "200000 100000\n"}},
                "30 22 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n"),
        kNoQuota);
  quota("a mount point with a blank and a backslash",
        unified("/a", {{"my cg\\s/a/cpu.max", "200000 100000\n"}},
                "30 22 0:26 / /my\\040cg\\134s rw - cgroup2 none rw\n"),
        2);
  quota("a root with a blank",
        unified("/my pod/a", {{top + "a/cpu.max", "200000 100000\n"}},
                "30 22 0:26 /my\\040pod /sys/fs/cgroup rw - cgroup2 none rw\n"),
        2);
  quota("mounted twice",
        unified("/a", {{"one/a/cpu.max", "300000 100000\n"}, {"two/a/cpu.max", "200000 100000\n"}},
                "30 22 0:26 / /one rw - cgroup2 none rw\n31 22 0:26 / /two rw - cgroup2 none rw\n"),
        2);
  quota("lines that are none",
        unified("/a", {{top + "a/cpu.max", "200000 100000\n"}},
                std::string("\n-\n1 2 - cgroup2\n30 22 0:26 / - cgroup2\n") + kUnifiedMount),
        2);

  quota("version 1",
        old("/a", {{cpu + "a/cpu.cfs_quota_us", "300000\n"}, {cpu + "a/cpu.cfs_period_us", "100000\n"}}), 3);
  quota("version 1, no limit",
        old("/a", {{cpu + "a/cpu.cfs_quota_us", "-1\n"}, {cpu + "a/cpu.cfs_period_us", "100000\n"}}),
        kNoQuota);
  quota("version 1, a parent's",
        old("/a/b", {{cpu + "a/b/cpu.cfs_quota_us", "-1\n"},
                     {cpu + "a/cpu.cfs_quota_us", "150000\n"},
                     {cpu + "a/cpu.cfs_period_us", "100000\n"}}),
        1);
  quota("version 1, in a container",
        old("/docker/abc", {{cpu + "cpu.cfs_quota_us", "200000\n"}, {cpu + "cpu.cfs_period_us", "50000\n"}},
            "33 31 0:30 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"),
        4);
  quota("version 1, no period", old("/", {{cpu + "cpu.cfs_quota_us", "200000\n"}}), 2);
  quota("both versions",
        old("/a", {{cpu + "a/cpu.cfs_quota_us", "400000\n"}, {"unified/cpu.max", "300000 100000\n"}},
            std::string(kOldMount) + "41 31 0:38 / /unified rw - cgroup2 cgroup2 rw\n"),
        3);

  check::that(jumpout::cpu::availableProcessors() >= 1, "at least one processor here");
}

struct Learnt {
  double shared;  // the part of the calls that was
  double time;    // in the mean
};

// The outcome of `calls` that take timeOf(shared, whether the call before went the other way).
template <class TimeOf>
Learnt learn(Experience& experience, int calls, const TimeOf& timeOf) {
  Learnt sum{};
  bool before = experience.share();
  for (int call = 0; call < calls; ++call) {
    const bool shared = experience.share();
    const float time = timeOf(shared, shared != before);
    before = shared;
    experience.add(time);
    sum.shared += shared;
    sum.time += time;
  }
  return {sum.shared / calls, sum.time / calls};
}

auto steady(float shared) {
  return [shared](bool together, bool) { return together ? shared : 1.0f; };
}

void sharing() {
  for (const float shared : {0.1f, 0.5f, 0.8f}) {
    Experience experience;
    check::that(experience.share(), "the first call is shared");
    learn(experience, 4, steady(shared));
    check::that(learn(experience, 8, steady(shared)).shared > 0.7,
                "what is faster together is shared from the fifth call on");
    const Learnt later = learn(experience, 5000, steady(shared));
    check::that(later.shared > 0.8 && later.time < shared * 1.04, "and trials cost little");
  }
  for (const float shared : {0.9f, 1.0f, 1.1f, 1.5f, 3.0f, 10.0f, 100.0f}) {
    Experience experience;
    learn(experience, 4, steady(shared));
    check::that(learn(experience, 8, steady(shared)).shared <= 0.25,
                "what is hardly faster together is not shared");
    const Learnt later = learn(experience, 5000, steady(shared));
    check::that(later.shared < 0.25 && later.time < 1.04, "and trials cost little");
  }
  for (const auto& [before, after] : {std::pair{0.5f, 3.0f}, {3.0f, 0.5f}, {0.5f, 100.0f}, {20.0f, 0.6f}}) {
    Experience experience;
    learn(experience, 5000, steady(before));
    const int soon = static_cast<int>(200 * std::max(1.0f, before));
    learn(experience, soon, steady(after));
    check::that((learn(experience, 500, steady(after)).shared > 0.5) == (after < 1),
                "a changed load is noticed");
  }
  for (const float shared : {0.5f, 1.2f}) {  // arrays that no longer are in the caches, or are again
    Experience experience;
    for (const float slower : {1.0f, 5.0f, 1.0f}) {
      const auto timeOf = [&](bool together, bool) { return slower * (together ? shared : 1.0f); };
      learn(experience, 100, timeOf);
      check::that((learn(experience, 500, timeOf).shared > 0.5) == (shared < 1),
                  "one that concerns both ways too");
    }
  }
  {
    Experience experience;
    const auto timeOf = [](bool together, bool changed) {
      return (together ? 0.5f : 1.0f) + (changed ? 1.0f : 0.0f);
    };
    learn(experience, 100, timeOf);
    check::that(learn(experience, 1000, timeOf).shared > 0.9,
                "a worker that has to be woken once is no reason against it");
  }
  {
    Experience experience;
    experience.add(20);
    learn(experience, 3, steady(0.5f));
    check::that(learn(experience, 8, steady(0.5f)).shared > 0.7,
                "nor is the first call, which may start the threads");
  }
  for (const int every : {100, 20, 10, 5, 3, 2}) {
    Experience experience;
    int call = 0;
    const auto timeOf = [&](bool together, bool) {
      return !together ? 1.0f : ++call % every == 0 ? 20.0f : 0.5f;
    };
    learn(experience, 100, timeOf);
    const Learnt later = learn(experience, 5000, timeOf);
    check::that(every == 100 ? later.shared > 0.9 : later.time < 1.05,
                "a worker may lose its processor once in a while, not often");
  }
}

}  // namespace

int main() {
  quotas();
  sharing();
  return check::report();
}

// Which devices the code of a binary runs on, and the reason for the others.
#include "core/device_code.hpp"

#include "check.hpp"

namespace {

using jumpout::Capability;

struct Expected {
  const char* code;
  std::vector<Capability> runs, fails;
};

const Expected kRules[] = {
    // Machine code: the same major, this minor or a later one.
    {"sm_80", {{8, 0}, {8, 6}, {8, 7}, {8, 9}}, {{7, 5}, {9, 0}, {10, 0}, {12, 0}, {0, 0}}},
    {"sm_86", {{8, 6}, {8, 9}}, {{8, 0}, {9, 0}}},
    {"sm_75", {{7, 5}}, {{7, 0}, {7, 2}, {8, 0}}},
    {"sm_90", {{9, 0}}, {{8, 9}, {10, 0}}},
    {"sm_100", {{10, 0}, {10, 3}}, {{9, 0}, {1, 0}, {11, 0}, {12, 0}}},
    {"sm_120", {{12, 0}, {12, 1}}, {{10, 0}, {11, 0}, {2, 0}}},
    // PTX: this capability or a later one, of any major.
    {"PTX 75", {{7, 5}, {8, 0}, {9, 0}, {10, 0}, {12, 1}}, {{7, 0}, {7, 2}, {0, 0}}},
    {"PTX 90", {{9, 0}, {10, 0}, {12, 0}}, {{8, 9}, {8, 0}}},
    // With a letter: only this capability.
    {"sm_90a", {{9, 0}}, {{10, 0}, {8, 9}}},
    {"sm_100a", {{10, 0}}, {{10, 3}, {12, 0}}},
    {"PTX 90a", {{9, 0}}, {{10, 0}, {12, 0}}},
    // Any of a list.
    {"sm_75, sm_80, sm_86", {{7, 5}, {8, 0}, {8, 9}}, {{7, 0}, {9, 0}}},
    {"PTX 75, sm_90, PTX 90", {{7, 5}, {8, 9}, {9, 0}, {12, 0}}, {{7, 2}}},
    {"sm_80, PTX 120", {{8, 0}, {12, 0}, {12, 1}}, {{9, 0}, {10, 0}}},
    // No code for any device.
    {"", {}, {{9, 0}}},
    {"90", {}, {{9, 0}}},
    {"sm_", {}, {{9, 0}}},
    {"PTX ", {}, {{9, 0}}},
};

void rules() {
  for (const Expected& expected : kRules) {
    for (const Capability device : expected.runs)
      check::that(jumpout::holdsCodeFor(expected.code, device),
                  std::string(expected.code) + " runs on " + jumpout::inWords(device));
    for (const Capability device : expected.fails)
      check::that(!jumpout::holdsCodeFor(expected.code, device),
                  std::string(expected.code) + " does not run on " + jumpout::inWords(device));
  }
}

void says(const char* code, const std::vector<Capability>& devices, bool any, const std::string& reason) {
  const jumpout::Runnable found = jumpout::runnable(code, devices);
  check::that(found.any == any, std::string(code) + ": whether any device can be used");
  check::that(found.reason == reason, "\"" + found.reason + "\" is \"" + reason + "\"");
}

void reasons() {
  says("sm_80, PTX 80", {{8, 0}, {9, 0}}, true, "");
  says("sm_90", {{12, 0}}, false,
       "this binary holds no code for device 0 (compute capability 12.0), only sm_90: "
       "build it on this machine, or with JUMPOUT_CUDA_ARCHITECTURES=120");
  says("sm_80, PTX 120", {{9, 0}, {10, 0}}, false,
       "this binary holds no code for device 0 (compute capability 9.0), device 1 (compute capability 10.0), "
       "only "
       "sm_80, PTX 120: build it on this machine, or with JUMPOUT_CUDA_ARCHITECTURES=90,100");
  // Of several devices, those without code; what is to be built serves all.
  says("sm_90", {{9, 0}, {8, 0}, {9, 0}, {8, 0}}, true,
       "this binary holds no code for device 1 (compute capability 8.0), device 3 (compute capability 8.0), "
       "only "
       "sm_90: build it on this machine, or with JUMPOUT_CUDA_ARCHITECTURES=90,80");
  // Devices that no build serves.
  says("sm_75", {{7, 0}, {6, 1}}, false,
       "no CUDA device of compute capability 7.5 or later, only of 7.0, 6.1");
  says("sm_75", {{0, 0}}, false, "no CUDA device of compute capability 7.5 or later, only of unknown");
  says("sm_75", {{7, 5}, {6, 1}}, true,
       "this binary holds no code for device 1 (compute capability 6.1), only sm_75: "
       "compute capability 7.5 or later is needed");
  says("sm_90", {{8, 6}, {6, 1}}, false,
       "this binary holds no code for device 0 (compute capability 8.6), device 1 (compute capability 6.1), "
       "only "
       "sm_90: build it on this machine, or with JUMPOUT_CUDA_ARCHITECTURES=86");
}

}  // namespace

int main() {
  rules();
  reasons();
  return check::report();
}

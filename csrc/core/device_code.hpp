// Which CUDA devices the code of a binary runs on, by the rules of the CUDA programming guide on compatibility.
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

namespace jumpout {

struct Capability {
  int major, minor;  // 0: unknown
};

// The least capability that csrc/cuda needs and cmake/cuda-architectures.cmake compiles for.
inline constexpr Capability kLeastCapability{7, 5};

constexpr int numberOf(Capability device) { return 10 * device.major + device.minor; }

inline std::string inWords(Capability device) {
  if (device.major == 0) return "unknown";
  return std::to_string(device.major) + "." + std::to_string(device.minor);
}

// `code` is machine code, "sm_90", or PTX, which a driver translates, "PTX 90". With a letter, as in "sm_90a", it is for that one
// capability.
inline bool runsOn(std::string_view code, Capability device) {
  const bool machine_code = code.substr(0, 3) == "sm_";
  if (!machine_code && code.substr(0, 4) != "PTX ") return false;
  code.remove_prefix(machine_code ? 3 : 4);
  int made_for = 0;
  const char* const end = code.data() + code.size();
  const auto [rest, error] = std::from_chars(code.data(), end, made_for);
  if (error != std::errc{}) return false;
  if (rest != end) return numberOf(device) == made_for;
  return numberOf(device) >= made_for && (!machine_code || device.major == made_for / 10);
}

// A list with commas, as JUMPOUT_CUDA_CODE is.
inline bool holdsCodeFor(std::string_view list, Capability device) {
  for (;;) {
    const size_t comma = list.find(", ");
    if (runsOn(list.substr(0, comma), device)) return true;
    if (comma == list.npos) return false;
    list.remove_prefix(comma + 2);
  }
}

struct Runnable {
  bool any;            // whether there is a device that the code runs on
  std::string reason;  // the devices without code, and a remedy; empty if it runs on all
};

inline Runnable runnable(std::string_view list, const std::vector<Capability>& devices) {
  std::string all, without, wanted;
  size_t served = 0;
  bool can_be_built = false;
  const auto append = [](std::string& to, const std::string& what, const char* between) {
    to += (to.empty() ? "" : between) + what;
  };
  for (size_t i = 0; i < devices.size(); ++i) {
    const bool new_enough = numberOf(devices[i]) >= numberOf(kLeastCapability);
    const std::string number = std::to_string(numberOf(devices[i]));
    append(all, inWords(devices[i]), ", ");
    if (new_enough && ("," + wanted + ",").find("," + number + ",") == std::string::npos)
      append(wanted, number, ",");
    if (holdsCodeFor(list, devices[i])) {
      ++served;
      continue;
    }
    append(without, "device " + std::to_string(i) + " (compute capability " + inWords(devices[i]) + ")",
           ", ");
    can_be_built |= new_enough;
  }
  if (served == devices.size()) return {true, ""};
  const std::string least = "compute capability " + inWords(kLeastCapability) + " or later";
  if (wanted.empty()) return {false, "no CUDA device of " + least + ", only of " + all};
  return {served > 0,
          "this binary holds no code for " + without + ", only " + std::string(list) + ": " +
              (can_be_built ? "build it on this machine, or with JUMPOUT_CUDA_ARCHITECTURES=" + wanted
                            : least + " is needed")};
}

}  // namespace jumpout

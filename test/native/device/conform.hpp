// Runs a case on the device in every form with the same result, and compares with the oracle and the CPU backend.
#pragma once

#include "cases.hpp"
#include "device_memory.hpp"
#include "report.hpp"

namespace device_tests {

// Memory after a forward call.
struct Observed {
  std::vector<uint32_t> output;  // bit patterns
  std::vector<uint32_t> mask;    // empty where none was asked for
  std::vector<jumpout_record> records;
  bool intact = true;  // canaries and whatever must not change
  Taken taken;         // where the device has a policy
};

// The CPU backend's results of the same problem, rounded to its dtype.
struct CpuResult {
  std::vector<uint32_t> output, mask;
  std::vector<jumpout_group> groups;
};

jumpout_device_forward_args forwardArgs(const Device& device, const Case& c);

// Elements of either width, as the device holds them, and back.
std::vector<unsigned char> packed(jumpout_dtype dtype, const std::vector<uint32_t>& bits);
std::vector<uint32_t> unpacked(jumpout_dtype dtype, const std::vector<unsigned char>& bytes);

Observed runForward(const Device& device, const Case& c, const std::vector<uint32_t>& input, bool in_place,
                    bool save_mask);
CpuResult runOnCpu(const Case& c, const std::vector<uint32_t>& input);

// False if a result differs beyond what is allowed. `save_mask`: whether there must be a mask.
bool verifyForward(Report& report, const Case& c, const std::vector<uint32_t>& input,
                   const Observed& observed, bool save_mask, const std::string& what);
bool verifyAgainstCpu(Report& report, const Case& c, const CpuResult& cpu, const Observed& observed);
bool verifyElements(Report& report, jumpout_dtype dtype, const std::vector<uint32_t>& got,
                    const std::vector<uint32_t>& want, const std::string& what);
bool verifyWords(Report& report, const std::vector<uint32_t>& got, const std::vector<uint32_t>& want,
                 const std::string& what);

// Count, forward twice, backward from the mask and drawn again. The way that forward took, where the device has a policy.
Taken runCase(Report& report, const Device& device, const Case& c);

}  // namespace device_tests

// cuRAND's own draws against their portable twin in csrc/core, on the device and by cuRAND's path for the host.
#pragma once

#include <cstdint>
#include <string>

namespace device_tests {

// Prints and, where `json` is a name, writes what was found. 0: all agree; 1: not; 2: no device, so that only the host was
// compared; 3: built without cuRAND's headers.
int compareCurand(uint64_t draws, uint64_t seed, const std::string& json);

}  // namespace device_tests

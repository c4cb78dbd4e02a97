// The operations under names that no other copy of this code in the process has.
#pragma once

#include "tensorflow/ops.hpp"

namespace jumpout::tensorflow {

// Registered by the first call that finds TensorFlow; any thread may call it at any time. Throws Unavailable.
const Names& registeredOps();

}  // namespace jumpout::tensorflow

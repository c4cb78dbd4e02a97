// jumpout as two operations of TensorFlow, on the CPU:
//
//   Jumpout      x: float32 of any shape, descriptor: int32 [2 * fields]
//                -> y: float32 like x, mask: int32 [ceil(elements / 32)], groups: int32 [groups, 10]
//   JumpoutGrad  dy: float32 of any shape, mask, groups, descriptor -> dx: float32 like dy
//
// A descriptor is the bytes of the doubles of core/descriptor.hpp, mask those of uint32 and groups those of jumpout_group:
// int32, since tfjs knows neither uint32 nor doubles. Attributes would be float32 in tfjs, and each new value a kernel that
// TensorFlow keeps.
//
// They are registered in two ways:
//   registration.hpp    by the addon, in the process that runs tfjs-node, under names of their own;
//   library.cpp         by a library that Python's tf.load_op_library loads, under those names.
// The addon holds them itself, rather than opening that library: nothing has to be found, or can be missing.
#pragma once

#include <string>

#include "tensorflow/api.hpp"

namespace jumpout::tensorflow {

struct Names {
  std::string forward, gradient;
};

// With the TensorFlow whose functions are given; once per process, before anything else here. TensorFlow ends the process
// where one of these names is taken. Throws Unavailable where it refuses.
void registerOps(const Api& api, const Names& names);

}  // namespace jumpout::tensorflow

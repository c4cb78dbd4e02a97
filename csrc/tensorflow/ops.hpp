// jumpout as two operations of TensorFlow, on the CPU:
//
//   Jumpout      x: float32 of any shape, descriptor: int32 [2 * fields] -> y: float32 like x, saved: int32 of rank 1
//   JumpoutGrad  dy: float32 like x, saved -> dx: float32 like x
//
// A descriptor is the bytes of the doubles of core/descriptor.hpp. `saved` is the bytes of the rows of jumpout_group, of the
// mask, and of the descriptor. They are int32, since tfjs knows neither uint32 nor doubles, and one tensor, since in tfjs
// each costs as much as masking ten thousand elements. Attributes would be float32 in tfjs, and each new value a kernel that
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

// The operations in the TensorFlow of this process.
#include <napi.h>

#include "node/exports.hpp"
#include "tensorflow/registration.hpp"

namespace jumpout::node {

namespace {

// ()
Napi::Object tensorflowOps(const Call& call) {
  try {
    const tensorflow::Names& names = tensorflow::registeredOps();
    Napi::Object result = Napi::Object::New(call.env);
    result.Set("forward", names.forward);
    result.Set("gradient", names.gradient);
    return result;
  } catch (const tensorflow::Unavailable& why) {
    throw Failure{"Error", "ERR_NO_TENSORFLOW", why.sentence};
  }
}

}  // namespace

void exportTensorFlow(const Exports& exports) { exports.add<tensorflowOps>("tensorflowOps"); }

}  // namespace jumpout::node

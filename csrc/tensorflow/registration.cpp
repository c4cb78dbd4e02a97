#include "tensorflow/registration.hpp"

#include <cstdint>
#include <mutex>
#include <optional>

namespace jumpout::tensorflow {

namespace {

struct Registration {
  std::mutex mutex;
  std::optional<Names> names;
  std::optional<Unavailable> refused;  // for ever: a name that is registered twice ends the process
};

Registration& registration() {
  static auto& kept = *new Registration;  // never destroyed: threads may outlive the end of main
  return kept;
}

}  // namespace

const Names& registeredOps() {
  Registration& kept = registration();
  const std::lock_guard lock(kept.mutex);
  if (kept.refused) throw *kept.refused;
  if (kept.names) return *kept.names;
  const Api api = findTensorFlow();  // what this throws is not kept: TensorFlow may be loaded later
  const std::string own = std::to_string(reinterpret_cast<uintptr_t>(&kept));
  const Names names{"Jumpout" + own, "JumpoutGrad" + own};
  try {
    registerOps(api, names);
  } catch (const Unavailable& why) {
    kept.refused = why;
    throw;
  }
  return kept.names.emplace(names);
}

}  // namespace jumpout::tensorflow

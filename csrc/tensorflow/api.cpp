#include "tensorflow/api.hpp"

#include <algorithm>
#include <initializer_list>
#include <type_traits>
#include <vector>

#include "tensorflow/libraries.hpp"

namespace jumpout::tensorflow {

namespace {

// Its functions are in several libraries that need each other, of which one alone may show all.
void add(Api& api, const Find& find) {
  const auto look = [&find](const char* name, auto& function) {
    if (function == nullptr)
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(find(name));
  };
#define JUMPOUT_TF_LOOK(Result, name, arguments) look("TF_" #name, api.name);
  JUMPOUT_TF_NEEDED(JUMPOUT_TF_LOOK)
  JUMPOUT_TF_SHAPES(JUMPOUT_TF_LOOK)
  JUMPOUT_TF_OTHERS(JUMPOUT_TF_LOOK)
#undef JUMPOUT_TF_LOOK
}

// What tells one TensorFlow from another: where it keeps its operations. Older ones show each function of the C API in two
// libraries, over one registry; on Windows all is in one.
void* registryOf(const Find& find) {
  void* const registry = find("_ZN10tensorflow10OpRegistry6GlobalEv");  // tensorflow::OpRegistry::Global()
  return registry != nullptr ? registry : find("TF_NewOpDefinitionBuilder");
}

struct Found {
  void* registry;
  Api api;
};

const char* firstMissing(const Api& api) {
  struct Function {
    const char* name;
    bool found;
  };
#define JUMPOUT_TF_FUNCTION(Result, name, arguments) Function{"TF_" #name, api.name != nullptr},
  for (const Function& needed : {JUMPOUT_TF_NEEDED(JUMPOUT_TF_FUNCTION)})
    if (!needed.found) return needed.name;
#undef JUMPOUT_TF_FUNCTION
  return nullptr;
}

Unavailable unavailable(const std::string& expected, const std::string& got) {
  return {"Expected " + expected + " for the operations of jumpout, got " + got};
}

}  // namespace

Api findTensorFlow() {
  std::vector<Found> found;
  forEachLibrary([&](const Find& find) {
    if (find("TF_NewOpDefinitionBuilder") == nullptr) return false;
    void* const registry = registryOf(find);
    auto known = std::ranges::find(found, registry, &Found::registry);
    if (known == found.end()) known = found.insert(known, Found{registry, {}});
    add(known->api, find);
    return true;
  });
  if (found.empty())
    throw unavailable("a TensorFlow in this process", "none: load @tensorflow/tfjs-node first");
  if (found.size() > 1) throw unavailable("one TensorFlow in this process", std::to_string(found.size()));
  const Api& api = found.front().api;
  if (const char* missing = firstMissing(api))
    throw unavailable(std::string("a TensorFlow with ") + missing,
                      api.Version == nullptr ? "one without" : std::string("version ") + api.Version());
  return api;
}

}  // namespace jumpout::tensorflow

#include "tensorflow/api.hpp"

#include <vector>

#include "tensorflow/libraries.hpp"

namespace jumpout::tensorflow {

namespace {

// Its functions are in several libraries that need each other, of which one alone may show all.
void add(Api& api, const Find& find) {
#define JUMPOUT_TF_FIND(Result, name, arguments) \
  if (api.name == nullptr) api.name = reinterpret_cast<decltype(api.name)>(find("TF_" #name));
  JUMPOUT_TF_NEEDED(JUMPOUT_TF_FIND)
  JUMPOUT_TF_SHAPES(JUMPOUT_TF_FIND)
  JUMPOUT_TF_OTHERS(JUMPOUT_TF_FIND)
#undef JUMPOUT_TF_FIND
}

const char* firstMissing(const Api& api) {
#define JUMPOUT_TF_CHECK(Result, name, arguments) \
  if (api.name == nullptr) return "TF_" #name;
  JUMPOUT_TF_NEEDED(JUMPOUT_TF_CHECK)
#undef JUMPOUT_TF_CHECK
  return nullptr;
}

Unavailable unavailable(const std::string& expected, const std::string& got) {
  return {"Expected " + expected + " for the operations of jumpout, got " + got};
}

}  // namespace

Api findTensorFlow() {
  std::vector<Api> found;  // one for each registry of operations, whichever libraries lead to it
  forEachLibrary([&](const Find& find) {
    void* const registry = find("TF_NewOpDefinitionBuilder");
    if (registry == nullptr) return false;
    for (Api& api : found) {
      if (reinterpret_cast<void*>(api.NewOpDefinitionBuilder) != registry) continue;
      add(api, find);
      return true;
    }
    add(found.emplace_back(), find);
    return true;
  });
  if (found.empty())
    throw unavailable("a TensorFlow in this process", "none: load @tensorflow/tfjs-node first");
  if (found.size() > 1) throw unavailable("one TensorFlow in this process", std::to_string(found.size()));
  const Api& api = found.front();
  if (const char* missing = firstMissing(api))
    throw unavailable(std::string("a TensorFlow with ") + missing,
                      api.Version == nullptr ? "one without" : std::string("version ") + api.Version());
  return api;
}

}  // namespace jumpout::tensorflow

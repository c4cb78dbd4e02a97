// How the operations are registered, by the addon and by the library for Python, with stand-ins for the libraries of TensorFlow
// (test/programs/stand-in-tensorflow.c). Each scenario is a process of its own: what is loaded and registered stays so.
#include "tensorflow/registration.hpp"

#include <dlfcn.h>

#include <string>
#include <utility>

#include "child.hpp"

namespace {

using check::that;
using namespace jumpout::tensorflow;

// Stays loaded.
class Library {
 public:
  explicit Library(const char* path) : handle_(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) that(false, dlerror());
  }

  template <class T>
  T* find(const char* name) const {
    return static_cast<T*>(dlsym(handle_, name));
  }

  void set(const char* name, int value) const { *find<int>(name) = value; }
  std::string registered() const { return find<const char>("stand_in_registered"); }

 private:
  void* const handle_;
};

std::string refusal() {
  try {
    return "none, but " + registeredOps().forward;
  } catch (const Unavailable& why) {
    return why.sentence;
  }
}

void byTheAddon() {
  that(refusal() ==
           "Expected a TensorFlow in this process for the operations of jumpout, got none: load "
           "@tensorflow/tfjs-node first",
       refusal());
  const Library tensorflow(WHOLE);
  const Library shows_the_same(SHELL);
  const Names& names = registeredOps();
  const std::string each =
      names.forward + " " + names.forward + " " + names.gradient + " " + names.gradient + " ";
  that(tensorflow.registered() == each, "operations and kernels: " + tensorflow.registered());
  that(names.forward.starts_with("Jumpout") && names.gradient.starts_with("JumpoutGrad"), each);
  that(&registeredOps() == &names && tensorflow.registered() == each, "once");
  that(*tensorflow.find<int>("stand_in_live") == 0, "all is given back");
}

void refusedForEver() {
  const Library tensorflow(WHOLE);
  for (const int refuses : {1, 0}) {
    tensorflow.set("stand_in_refuses", refuses);
    that(refusal() == "no more operations", refusal());
  }
  that(tensorflow.registered().empty(), tensorflow.registered());
}

void withoutFunctions() {
  const Library tensorflow(BARE);
  that(refusal() ==
           "Expected a TensorFlow with TF_OpDefinitionBuilderAddInput for the operations of jumpout, got one "
           "without",
       refusal());
}

void twoOfThem() {
  const Library tensorflow(WHOLE), other(BARE);
  that(refusal() == "Expected one TensorFlow in this process for the operations of jumpout, got 2",
       refusal());
}

// ---- The library for Python --------------------------------------------------------------------------------------------

void load() {
  const Library operations(OPERATIONS);
  const std::string fields = operations.find<const char>("jumpout_tensorflow_fields");
  that(fields.starts_with("sigma pMin ") && fields.ends_with(" counted "), fields);
}

void loadBeside(const Library& tensorflow, const std::string& registered) {
  load();
  that(tensorflow.registered() == registered, tensorflow.registered());
  that(*tensorflow.find<int>("stand_in_live") == 0, "all is given back");
}

void byTheLibrary() { loadBeside(Library(WHOLE), "Jumpout Jumpout JumpoutGrad JumpoutGrad "); }

// Another copy was there before.
void taken() {
  const Library tensorflow(WHOLE);
  tensorflow.set("stand_in_taken", 1);
  loadBeside(tensorflow, "");
}

// Who cannot say what it has may have a copy.
void untold() {
  const Library tensorflow(WHOLE);
  tensorflow.set("stand_in_fails", 1);
  loadBeside(tensorflow, "");
}

void older() { loadBeside(Library(OLDER), ""); }

const std::pair<const char*, void (*)()> kScenarios[] = {{"by the addon", byTheAddon},
                                                         {"refused for ever", refusedForEver},
                                                         {"without functions", withoutFunctions},
                                                         {"two of them", twoOfThem},
                                                         {"no TensorFlow for the library", load},
                                                         {"by the library", byTheLibrary},
                                                         {"taken", taken},
                                                         {"untold", untold},
                                                         {"older", older}};

}  // namespace

int main(int count, char** arguments) {
  for (const auto& [name, run] : kScenarios) {
    if (count == 1) check::runChild(arguments[0], name);
    if (count > 1 && std::string(arguments[1]) == name) run();
  }
  return check::report();
}

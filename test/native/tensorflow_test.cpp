// The kernels of csrc/tensorflow in a TensorFlow of a few lines, which counts what it hands out and can fail at each call:
// results, refusals, and that everything is given back.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "check.hpp"
#include "core/descriptor.hpp"
#include "jumpout.h"
#include "tensorflow/ops.hpp"

// ---- Allocations ---------------------------------------------------------------------------------------------------

namespace {

std::atomic<long> left = 0;  // allocations until the one that fails; 0: none
thread_local int in_tensorflow = 0;

// TensorFlow's own allocations do not fail: it ends the process then.
struct InTensorFlow {
  InTensorFlow() { ++in_tensorflow; }
  ~InTensorFlow() { --in_tensorflow; }
};

void* allocated(size_t bytes) {
  const bool fails = in_tensorflow == 0 && left != 0 && --left == 0;
  void* const block = fails ? nullptr : std::malloc(bytes == 0 ? 1 : bytes);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

}  // namespace

void* operator new(size_t bytes) { return allocated(bytes); }
void* operator new[](size_t bytes) { return allocated(bytes); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }
void operator delete[](void* block, size_t) noexcept { std::free(block); }

// ---- TensorFlow ----------------------------------------------------------------------------------------------------

namespace {

std::atomic<int> live = 0;  // statuses and tensors

struct Counted {
  Counted() { ++live; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --live; }
};

struct Values {
  int dtype;
  std::vector<int64_t> dims;
  std::vector<double> memory;  // aligned as TensorFlow's
  size_t bytes;
};

}  // namespace

struct TF_Status : Counted {
  int code = 0;
  std::string message;
};

struct TF_Tensor : Counted {
  explicit TF_Tensor(Values* values) : values(values) {}
  Values* const values;
};

struct TF_OpKernelContext {
  std::vector<Values> inputs;
  std::map<int, Values> outputs;
  int calls_until_failure = -1;
  int failed = 0;
  std::string message;
};

struct TF_ShapeHandle : Counted {
  std::vector<int64_t> dims;
};

struct TF_ShapeInferenceContext {
  std::vector<int64_t> input;
  std::map<int, std::vector<int64_t>> outputs;
  bool fails = false;
};

struct TF_OpDefinitionBuilder {
  std::string name;
  std::vector<std::string> inputs, outputs;
  void (*infer)(TF_ShapeInferenceContext*, TF_Status*) = nullptr;
};

struct TF_KernelBuilder {
  void (*compute)(void*, TF_OpKernelContext*);
};

namespace {

using namespace jumpout::tensorflow;
using check::that;

std::map<std::string, TF_OpDefinitionBuilder> ops;
std::map<std::string, TF_KernelBuilder> kernels;
bool refuses = false;

bool fails(TF_OpKernelContext* context, TF_Status* status) {
  if (context->calls_until_failure-- != 0) return false;
  status->code = kInternal;
  status->message = "planted";
  return true;
}

Api fake() {
  Api api;
  api.NewOpDefinitionBuilder = [](const char* name) { return new TF_OpDefinitionBuilder{name, {}, {}}; };
  api.OpDefinitionBuilderAddInput = [](auto* op, const char* spec) { op->inputs.push_back(spec); };
  api.OpDefinitionBuilderAddOutput = [](auto* op, const char* spec) { op->outputs.push_back(spec); };
  api.RegisterOpDefinition = [](auto* op, auto* status) {
    if (refuses) {
      status->code = kInternal;
      status->message = "no more operations";
    } else {
      ops[op->name] = *op;
    }
    delete op;
  };
  api.NewKernelBuilder = [](const char*, const char*, auto*, auto* compute, auto*) {
    return new TF_KernelBuilder{compute};
  };
  api.RegisterKernelBuilder = [](const char* name, auto* kernel, auto*) {
    kernels[name] = *kernel;
    delete kernel;
  };
  api.GetInput = [](auto* context, int index, auto** tensor, auto* status) {
    const InTensorFlow own;
    if (!fails(context, status)) *tensor = new TF_Tensor(&context->inputs[index]);
  };
  api.AllocateOutput = [](auto* context, int index, int dtype, auto* dims, int rank, size_t bytes,
                          auto* status) -> TF_Tensor* {
    const InTensorFlow own;
    if (fails(context, status)) return nullptr;
    Values& values = context->outputs[index];
    values = {dtype, {dims, dims + rank}, std::vector<double>(bytes / sizeof(double) + 1), bytes};
    return new TF_Tensor(&values);
  };
  api.OpKernelContext_Failure = [](auto* context, auto* status) {
    const InTensorFlow own;
    context->failed = status->code;
    context->message = status->message;
  };
  api.TensorType = [](const auto* tensor) { return tensor->values->dtype; };
  api.NumDims = [](const auto* tensor) { return static_cast<int>(tensor->values->dims.size()); };
  api.Dim = [](const auto* tensor, int index) { return tensor->values->dims[index]; };
  api.TensorByteSize = [](const auto* tensor) { return tensor->values->bytes; };
  api.TensorData = [](const auto* tensor) -> void* {
    return tensor->values->bytes == 0 ? nullptr : tensor->values->memory.data();
  };
  api.DeleteTensor = [](auto* tensor) { delete tensor; };
  api.NewStatus = [] {
    const InTensorFlow own;
    return new TF_Status;
  };
  api.DeleteStatus = [](auto* status) { delete status; };
  api.SetStatus = [](auto* status, int code, const char* message) {
    const InTensorFlow own;
    status->code = code;
    status->message = message;
  };
  api.GetCode = [](const auto* status) { return status->code; };
  api.Message = [](const auto* status) { return status->message.c_str(); };
  return api;
}

// One that asks for shapes before anything runs.
Api newer() {
  Api api = fake();
  api.OpDefinitionBuilderSetShapeInferenceFunction = [](auto* op, auto* infer) { op->infer = infer; };
  api.NewShapeHandle = [] { return new TF_ShapeHandle; };
  api.DeleteShapeHandle = [](auto* shape) { delete shape; };
  api.ShapeInferenceContextGetInput = [](auto* context, int, auto* shape, auto* status) {
    if (context->fails)
      status->code = kInternal;
    else
      shape->dims = context->input;
  };
  api.ShapeInferenceContextSetOutput = [](auto* context, int index, auto* shape, auto*) {
    context->outputs[index] = shape->dims;
  };
  api.ShapeInferenceContextVectorFromSize = [](auto*, size_t size) {
    auto* const shape = new TF_ShapeHandle;
    shape->dims = {static_cast<int64_t>(size)};
    return shape;
  };
  return api;
}

// ---- Calls ---------------------------------------------------------------------------------------------------------

template <class T>
Values valuesOf(int dtype, std::vector<int64_t> dims, const std::vector<T>& numbers) {
  Values values{dtype, std::move(dims), {}, numbers.size() * sizeof(T)};
  values.memory.resize(values.bytes / sizeof(double) + 1);
  if (values.bytes != 0) std::memcpy(values.memory.data(), numbers.data(), values.bytes);
  return values;
}

template <class T>
std::vector<T> numbersOf(const Values& values) {
  std::vector<T> numbers(values.bytes / sizeof(T));
  if (values.bytes != 0) std::memcpy(numbers.data(), values.memory.data(), values.bytes);
  return numbers;
}

jumpout::Descriptor descriptorOf(bool relu) {
  jumpout::Descriptor fields{};
  const jumpout_options defaults = jumpout_default_options();
#define JUMPOUT_GET(name, member) fields.name = defaults.member;
  JUMPOUT_OPTION_FIELDS(JUMPOUT_GET)
#undef JUMPOUT_GET
  fields.relu = relu;
  fields.seedLow = 7;
  fields.unitSize = 1;
  return fields;
}

Values valuesOf(const jumpout::Descriptor& fields) {
  std::vector<int32_t> words(sizeof fields / sizeof(int32_t));
  std::memcpy(words.data(), &fields, sizeof fields);
  return valuesOf(kInt32, {static_cast<int64_t>(words.size())}, words);
}

std::vector<float> input(size_t length) {
  std::vector<float> numbers(length);
  for (size_t i = 0; i < length; ++i) numbers[i] = std::sin(static_cast<float>(i));
  return numbers;
}

void run(const char* name, TF_OpKernelContext& context) { kernels.at(name).compute(nullptr, &context); }

TF_OpKernelContext forwardOf(size_t length, const jumpout::Descriptor& fields) {
  TF_OpKernelContext context;
  context.inputs = {valuesOf(kFloat, {static_cast<int64_t>(length)}, input(length)), valuesOf(fields)};
  return context;
}

TF_OpKernelContext gradientOf(const TF_OpKernelContext& forward) {
  TF_OpKernelContext context;
  context.inputs = {forward.inputs[0], forward.outputs.at(1)};
  return context;
}

void expectLibrary(size_t length, bool relu) {
  const std::string what = std::to_string(length) + (relu ? " with relu" : "");
  TF_OpKernelContext forward = forwardOf(length, descriptorOf(relu));
  run("Forward", forward);
  that(forward.failed == kOk, what + ": " + forward.message);

  const std::vector<float> x = input(length);
  std::vector<float> y(length), dx(length);
  std::vector<uint32_t> mask(jumpout_mask_words(length));
  jumpout_group group;
  jumpout_forward_args args{};
  args.input = x.data(), args.output = y.data(), args.mask = mask.data(), args.groups = &group;
  args.length = length, args.group_count = 1, args.layout.unit_size = 1;
  args.options = jumpout_default_options(), args.options.relu = relu, args.seed = 7;
  that(jumpout_forward(&args) == JUMPOUT_OK, what);
  check::sameFloats(numbersOf<float>(forward.outputs.at(0)), y, "y of " + what);
  const Values& saved = forward.outputs.at(1);
  std::vector<unsigned char> bytes;
  const auto append = [&](const void* first, size_t count) {
    const auto* begin = static_cast<const unsigned char*>(first);
    bytes.insert(bytes.end(), begin, begin + count);
  };
  append(&group, sizeof group);
  append(mask.data(), mask.size() * sizeof(uint32_t));
  append(forward.inputs[1].memory.data(), forward.inputs[1].bytes);
  that(numbersOf<unsigned char>(saved) == bytes, "rows, mask and descriptor of " + what);
  that(saved.dims == std::vector{static_cast<int64_t>(bytes.size() / sizeof(int32_t))}, "shape of " + what);

  TF_OpKernelContext gradient = gradientOf(forward);
  run("Gradient", gradient);
  that(gradient.failed == kOk, what + ": " + gradient.message);
  jumpout_backward_args back{};
  back.grad_output = x.data(), back.grad_input = dx.data(), back.mask = mask.data(), back.groups = &group;
  back.length = length, back.group_count = 1, back.layout.unit_size = 1, back.seed = 7, back.relu = relu;
  that(jumpout_backward(&back) == JUMPOUT_OK, what);
  check::sameFloats(numbersOf<float>(gradient.outputs.at(0)), dx, "dx of " + what);
}

void testRegistration() {
  Api old = fake();  // without shapes
  registerOps(old, {"Forward", "Gradient"});
  that(!old.infersShapes() && ops.at("Gradient").outputs == std::vector<std::string>{"dx: float"},
       "definitions");
  refuses = true;
  std::string sentence;
  try {
    registerOps(fake(), {"Again", "AgainGradient"});
  } catch (const Unavailable& why) {
    sentence = why.sentence;
  }
  that(sentence == "no more operations" && !kernels.contains("Again"), "a refused registration");
  refuses = false;
}

void testShapes() {
  registerOps(newer(), {"Shaped", "ShapedGradient"});
  const std::map<int, std::vector<int64_t>> one{{0, {2, 3}}}, both{{0, {2, 3}}, {1, {-1}}}, none;
  for (const auto& [name, expected] : {std::pair("Shaped", both), std::pair("ShapedGradient", one)}) {
    for (const bool fails : {false, true}) {
      TF_ShapeInferenceContext context{{2, 3}, {}, fails};
      TF_Status status;
      ops.at(name).infer(&context, &status);
      that(context.outputs == (fails ? none : expected), std::string("shapes of ") + name);
      that(status.code == (fails ? kInternal : kOk), "the status is TensorFlow's");
    }
  }
  that(live == 0, "all is given back");
}

void testFailuresOfTensorFlow() {
  TF_OpKernelContext made = forwardOf(100, descriptorOf(false));
  run("Forward", made);
  for (const bool backward : {false, true}) {
    for (int after = 0;; ++after) {
      TF_OpKernelContext context = backward ? gradientOf(made) : forwardOf(100, descriptorOf(false));
      context.calls_until_failure = after;
      run(backward ? "Gradient" : "Forward", context);
      if (context.failed == kOk) {
        that(after == (backward ? 3 : 4), "each call failed once");
        break;
      }
      that(context.failed == kInternal && context.message == "planted", "its own words");
      that(live == 0, "all is given back");
    }
  }
}

// The n-th allocation of a kernel fails, for every n until none does.
void testAllocations() {
  TF_OpKernelContext made = forwardOf(1000, descriptorOf(false));
  run("Forward", made);
  TF_OpKernelContext short_descriptor = forwardOf(1000, descriptorOf(false));
  short_descriptor.inputs[1].dims[0] = 1;
  jumpout::Descriptor wrong = descriptorOf(false);
  wrong.sigma = -1;
  jumpout::Descriptor fraction = descriptorOf(false);
  fraction.unitSize = 1.5;
  const std::tuple<const char*, TF_OpKernelContext, int> calls[] = {
      {"Forward", forwardOf(1000, descriptorOf(false)), kOk},
      {"Gradient", gradientOf(made), kOk},
      {"Forward", short_descriptor, kInvalidArgument},
      {"Forward", forwardOf(1000, wrong), kInvalidArgument},
      {"Forward", forwardOf(1000, fraction), kInvalidArgument},
  };
  long allocations = 0;
  for (const auto& [name, call, code] : calls) {
    TF_OpKernelContext plain = call;
    run(name, plain);
    that(plain.failed == code, name + (": " + plain.message));
    for (long n = 1;; ++n) {
      TF_OpKernelContext context = call;
      left = n;
      run(name, context);
      const bool failed = left.exchange(0) == 0;
      const std::string what = std::string(name) + ", allocation " + std::to_string(n);
      that(live == 0, what + ": all is given back");
      that(context.failed == (failed ? kResourceExhausted : code), what + ": " + context.message);
      if (!failed) break;
      ++allocations;
    }
  }
  that(allocations > 2, std::to_string(allocations) + " allocations");
}

// Every number that a descriptor may hold, in every field, and tensors of other types, ranks and sizes.
void testGarbage() {
  const double inf = std::numeric_limits<double>::infinity();
  const double values[] = {0,      1,     -1,   0.5, 33,   0x1p31, 0x1p32,       0x1p53 - 1, 0x1p53, 0x1p63,
                           0x1p64, 1e300, -inf, inf, -0.0, 1e-320, std::nan(""), 100,        7,      16};
  std::mt19937 random(1);
  const auto pick = [&](size_t count) { return random() % count; };
  int refused = 0, done = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    double fields[jumpout::kDescriptorLength];
    jumpout::Descriptor good = descriptorOf(pick(2));
    std::memcpy(fields, &good, sizeof good);
    for (size_t changes = pick(4); changes > 0; --changes)
      fields[pick(std::size(fields))] = values[pick(std::size(values))];
    std::memcpy(&good, fields, sizeof good);
    TF_OpKernelContext forward = forwardOf(pick(3) * 50, good);
    if (pick(8) == 0) forward.inputs[pick(2)].dims.push_back(1);
    if (pick(8) == 0) forward.inputs[pick(2)].dtype = static_cast<int>(pick(10));
    run("Forward", forward);
    ++(forward.failed == kOk ? done : refused);
    if (forward.outputs.size() < 2) continue;
    TF_OpKernelContext gradient = gradientOf(forward);
    if (pick(4) == 0) std::swap(gradient.inputs[0], gradient.inputs[1]);
    if (pick(4) == 0) std::ranges::fill(gradient.inputs[1].memory, values[pick(std::size(values))]);
    for (double& number : gradient.inputs[1].memory)
      if (pick(64) == 0) number = values[pick(std::size(values))];
    run("Gradient", gradient);
  }
  that(refused > 1000 && done > 1000,
       std::to_string(refused) + " refused, " + std::to_string(done) + " done");
  that(live == 0, "all is given back");
}

void testThreads() {
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  TF_OpKernelContext want = forwardOf(200000, descriptorOf(true));
  run("Forward", want);
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        TF_OpKernelContext got = forwardOf(200000, descriptorOf(true));
        run("Forward", got);
        wrong += got.failed != kOk || got.outputs.at(0).memory != want.outputs.at(0).memory;
      }
    });
  for (std::thread& thread : threads) thread.join();
  that(wrong == 0, "threads at once");
}

}  // namespace

int main() {
  testRegistration();
  testShapes();
  for (const size_t length : {0, 1, 31, 32, 1000, 200000})
    for (const bool relu : {false, true}) expectLibrary(length, relu);
  testFailuresOfTensorFlow();
  testAllocations();
  testGarbage();
  testThreads();
  that(live == 0, "all is given back");
  return check::report();
}

#include "tensorflow/ops.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <span>

#include "core/descriptor.hpp"
#include "jumpout.h"

namespace jumpout::tensorflow {

namespace {

Api tf;  // written before TensorFlow knows of anything here that reads it

constexpr int kMostDimensions = 254;  // TensorFlow's own limit
constexpr int64_t kRowInts = sizeof(jumpout_group) / sizeof(int32_t);
constexpr int64_t kDescriptorInts = sizeof(Descriptor) / sizeof(int32_t);

// ---- What a kernel works with: each throws Refused -----------------------------------------------------------------

struct Refused {
  int code;
  std::string sentence;
};

class Status {
 public:
  Status() = default;
  Status(const Status&) = delete;
  Status& operator=(const Status&) = delete;
  ~Status() { tf.DeleteStatus(status_); }

  operator TF_Status*() const { return status_; }

  // What TensorFlow refuses, in its own words.
  void check() const {
    if (const int code = tf.GetCode(status_)) throw Refused{code, tf.Message(status_)};
  }

 private:
  TF_Status* const status_ = tf.NewStatus();
};

using Shape = std::span<const int64_t>;

// An input or an output of the kernel, while it runs.
class Tensor {
 public:
  Tensor(TF_OpKernelContext* context, int input) {
    const Status status;
    tf.GetInput(context, input, &tensor_, status);
    status.check();
  }

  Tensor(TF_OpKernelContext* context, int output, int dtype, Shape shape, size_t bytes) {
    const Status status;
    tensor_ = tf.AllocateOutput(context, output, dtype, shape.data(), static_cast<int>(shape.size()), bytes,
                                status);
    status.check();
  }

  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;
  ~Tensor() {
    if (tensor_ != nullptr) tf.DeleteTensor(tensor_);
  }

  template <typename T>
  T* data() const {
    return static_cast<T*>(tf.TensorData(tensor_));
  }

  int dtype() const { return tf.TensorType(tensor_); }
  int rank() const { return tf.NumDims(tensor_); }
  int64_t dim(int index) const { return tf.Dim(tensor_, index); }
  size_t bytes() const { return tf.TensorByteSize(tensor_); }

 private:
  TF_Tensor* tensor_ = nullptr;
};

Refused unexpected(const std::string& expected, const char* argument) {
  return {kInvalidArgument, "Expected " + expected + " for " + argument + ", got another"};
}

// float32 of any shape.
class Floats : public Tensor {
 public:
  Floats(TF_OpKernelContext* context, int input, const char* name) : Tensor(context, input) {
    if (dtype() != kFloat || rank() > kMostDimensions) throw unexpected("a float32 tensor", name);
    for (int i = 0; i < rank(); ++i) dims_[i] = dim(i);
  }

  Shape shape() const { return {dims_.data(), static_cast<size_t>(rank())}; }
  size_t length() const { return bytes() / sizeof(float); }

 private:
  std::array<int64_t, kMostDimensions> dims_;
};

// int32 of one shape.
class Ints : public Tensor {
 public:
  Ints(TF_OpKernelContext* context, int input, std::initializer_list<int64_t> shape, const char* name)
      : Tensor(context, input) {
    bool fits = dtype() == kInt32 && rank() == static_cast<int>(shape.size());
    if (fits)
      fits = std::ranges::all_of(shape, [&, i = 0](int64_t size) mutable { return dim(i++) == size; });
    if (fits) return;
    std::string wanted;
    for (const int64_t size : shape) wanted += (wanted.empty() ? "" : ", ") + std::to_string(size);
    throw unexpected("an int32 tensor of shape [" + wanted + "]", name);
  }
};

Descriptor read(const Ints& descriptor) {
  Descriptor fields;
  std::memcpy(&fields, descriptor.data<void>(), sizeof fields);
  return fields;
}

void require(jumpout_status status) {
  if (status == JUMPOUT_OK) return;
  const std::string field = jumpout_status_field();
  const int code = status == JUMPOUT_OUT_OF_MEMORY     ? kResourceExhausted
                   : status == JUMPOUT_BAD_ENVIRONMENT ? kFailedPrecondition
                                                       : kInvalidArgument;
  throw Refused{code, jumpout_status_text(status) + (field.empty() ? "" : ": " + field)};
}

// ---- Kernels -------------------------------------------------------------------------------------------------------

void forward(TF_OpKernelContext* context) {
  const Floats x(context, 0, "x");
  const Descriptor fields = read(Ints(context, 1, {kDescriptorInts}, "descriptor"));
  if (fields.counted != 0.0) throw unexpected("0", "descriptor.counted");

  jumpout_forward_args args{};
  args.length = x.length();
  args.layout = fields.layout();
  args.options = fields.options();
  args.seed = fields.seed();
  args.call = fields.call();
  args.group_count = jumpout_group_count(args.length, &args.layout);

  const int64_t words[] = {static_cast<int64_t>(jumpout_mask_words(args.length))};
  const int64_t rows[] = {static_cast<int64_t>(args.group_count), kRowInts};
  const Tensor y(context, 0, kFloat, x.shape(), x.bytes());
  const Tensor mask(context, 1, kInt32, words, words[0] * sizeof(uint32_t));
  const Tensor groups(context, 2, kInt32, rows, args.group_count * sizeof(jumpout_group));
  args.input = x.data<float>();
  args.output = y.data<float>();
  args.mask = mask.data<uint32_t>();
  args.groups = groups.data<jumpout_group>();
  require(jumpout_forward(&args));
}

void backward(TF_OpKernelContext* context) {
  const Floats dy(context, 0, "dy");
  const Descriptor fields = read(Ints(context, 3, {kDescriptorInts}, "descriptor"));

  jumpout_backward_args args{};
  args.length = dy.length();
  args.layout = fields.layout();
  args.seed = fields.seed();
  args.call = fields.call();
  args.relu = fields.relu != 0.0;
  args.group_count = jumpout_group_count(args.length, &args.layout);

  const Ints mask(context, 1, {static_cast<int64_t>(jumpout_mask_words(args.length))}, "mask");
  const Ints groups(context, 2, {static_cast<int64_t>(args.group_count), kRowInts}, "groups");
  const Tensor dx(context, 0, kFloat, dy.shape(), dy.bytes());
  args.grad_output = dy.data<float>();
  args.grad_input = dx.data<float>();
  args.mask = mask.data<uint32_t>();
  args.groups = groups.data<jumpout_group>();
  require(jumpout_backward(&args));
}

void fail(TF_OpKernelContext* context, int code, const char* sentence) {
  const Status status;
  tf.SetStatus(status, code, sentence);
  tf.OpKernelContext_Failure(context, status);
}

// What TensorFlow calls, in any of its threads and in several at once. No exception leaves it.
template <void (*kRun)(TF_OpKernelContext*)>
void compute(void*, TF_OpKernelContext* context) noexcept {
  try {
    kRun(context);
  } catch (const Refused& why) {
    fail(context, why.code, why.sentence.c_str());
  } catch (const NotAnInteger&) {
    fail(context, kInvalidArgument,
         "Expected numbers in their ranges for descriptor, got one outside its range");
  } catch (...) {  // std::bad_alloc
    fail(context, kResourceExhausted, "Expected enough free memory for this call, got too little");
  }
}

// ---- Shapes that are known before anything runs --------------------------------------------------------------------

constexpr int64_t kUnknown = -1;

class ShapeHandle {
 public:
  ShapeHandle() : handle_(tf.NewShapeHandle()) {}
  explicit ShapeHandle(TF_ShapeHandle* made) : handle_(made) {}
  ShapeHandle(const ShapeHandle&) = delete;
  ShapeHandle& operator=(const ShapeHandle&) = delete;
  ~ShapeHandle() { tf.DeleteShapeHandle(handle_); }

  operator TF_ShapeHandle*() const { return handle_; }

 private:
  TF_ShapeHandle* const handle_;
};

ShapeHandle vectorOf(TF_ShapeInferenceContext* context, int64_t size) {
  return ShapeHandle(tf.ShapeInferenceContextVectorFromSize(context, static_cast<size_t>(size)));
}

int64_t sizeOf(TF_ShapeInferenceContext* context, TF_ShapeHandle* shape) {
  if (!tf.ShapeInferenceContextRankKnown(context, shape)) return kUnknown;
  TF_DimensionHandle* const dimension = tf.NewDimensionHandle();
  int64_t size = 1;
  for (int64_t i = 0; i < tf.ShapeInferenceContextRank(context, shape) && size != kUnknown; ++i) {
    tf.ShapeInferenceContextDim(context, shape, i, dimension);
    const int64_t length = tf.DimensionHandleValue(dimension);
    size = length < 0 || (length > 0 && size > INT64_MAX / length) ? kUnknown : size * length;
  }
  tf.DeleteDimensionHandle(dimension);
  return size;
}

// The first output has the shape of the first input.
void inferFirst(TF_ShapeInferenceContext* context, TF_Status* status) noexcept {
  const ShapeHandle input;
  tf.ShapeInferenceContextGetInput(context, 0, input, status);
  if (tf.GetCode(status) == kOk) tf.ShapeInferenceContextSetOutput(context, 0, input, status);
}

void inferForward(TF_ShapeInferenceContext* context, TF_Status* status) noexcept {
  inferFirst(context, status);
  if (tf.GetCode(status) != kOk) return;
  const ShapeHandle input, groups;
  tf.ShapeInferenceContextGetInput(context, 0, input, status);
  const int64_t size = sizeOf(context, input);
  const ShapeHandle words =
      vectorOf(context, size == kUnknown ? kUnknown : static_cast<int64_t>(jumpout_mask_words(size)));
  tf.ShapeInferenceContextSetOutput(context, 1, words, status);
  const ShapeHandle any = vectorOf(context, kUnknown), row = vectorOf(context, kRowInts);
  tf.ShapeInferenceContextConcatenateShapes(context, any, row, groups, status);
  if (tf.GetCode(status) == kOk) tf.ShapeInferenceContextSetOutput(context, 2, groups, status);
}

// ---- Registration --------------------------------------------------------------------------------------------------

struct Op {
  std::span<const char* const> inputs, outputs;
  void (*compute)(void*, TF_OpKernelContext*);
  void (*infer)(TF_ShapeInferenceContext*, TF_Status*);
};

constexpr const char* kForwardInputs[] = {"x: float", "descriptor: int32"};
constexpr const char* kForwardOutputs[] = {"y: float", "mask: int32", "groups: int32"};
constexpr Op kForward{kForwardInputs, kForwardOutputs, compute<forward>, inferForward};

constexpr const char* kGradientInputs[] = {"dy: float", "mask: int32", "groups: int32", "descriptor: int32"};
constexpr const char* kGradientOutputs[] = {"dx: float"};
constexpr Op kGradient{kGradientInputs, kGradientOutputs, compute<backward>, inferFirst};

void registerOp(const Op& op, const char* name) {
  TF_OpDefinitionBuilder* const definition = tf.NewOpDefinitionBuilder(name);
  for (const char* input : op.inputs) tf.OpDefinitionBuilderAddInput(definition, input);
  for (const char* output : op.outputs) tf.OpDefinitionBuilderAddOutput(definition, output);
  if (tf.infersShapes()) tf.OpDefinitionBuilderSetShapeInferenceFunction(definition, op.infer);
  const Status status;
  tf.RegisterOpDefinition(definition, status);
  status.check();
  tf.RegisterKernelBuilder(name, tf.NewKernelBuilder(name, "CPU", nullptr, op.compute, nullptr), status);
  status.check();
}

}  // namespace

void registerOps(const Api& api, const Names& names) {
  tf = api;
  try {
    registerOp(kForward, names.forward.c_str());
    registerOp(kGradient, names.gradient.c_str());
  } catch (const Refused& why) {
    throw Unavailable{why.sentence};
  }
}

}  // namespace jumpout::tensorflow

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

// int32 numbers in one dimension.
class Ints : public Tensor {
 public:
  Ints(TF_OpKernelContext* context, int input, const char* name) : Tensor(context, input), name_(name) {
    if (dtype() != kInt32 || rank() != 1) throw unexpected("an int32 tensor of rank 1", name);
  }

  int64_t length() const { return dim(0); }

  void requireLength(int64_t length) const {
    if (this->length() != length)
      throw unexpected("an int32 tensor of shape [" + std::to_string(length) + "]", name_);
  }

 private:
  const char* const name_;
};

// What a forward leaves for its gradient, in one tensor: rows, mask, descriptor.
struct Saved {
  int64_t rows, words;

  Saved(size_t length, size_t group_count)
      : rows(static_cast<int64_t>(group_count) * kRowInts),
        words(static_cast<int64_t>(jumpout_mask_words(length))) {}

  int64_t length() const { return rows + words + kDescriptorInts; }
  jumpout_group* groups(int32_t* data) const { return reinterpret_cast<jumpout_group*>(data); }
  uint32_t* mask(int32_t* data) const { return reinterpret_cast<uint32_t*>(data + rows); }
  int32_t* descriptor(int32_t* data) const { return data + rows + words; }
};

Descriptor descriptorAt(const int32_t* data) {
  Descriptor fields;
  std::memcpy(&fields, data, sizeof fields);
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
  const Ints descriptor(context, 1, "descriptor");
  descriptor.requireLength(kDescriptorInts);
  const Descriptor fields = descriptorAt(descriptor.data<int32_t>());
  if (fields.counted != 0.0) throw unexpected("0", "descriptor.counted");

  jumpout_forward_args args{};
  args.length = x.length();
  args.layout = fields.layout();
  args.options = fields.options();
  args.seed = fields.seed();
  args.call = fields.call();
  args.group_count = jumpout_group_count(args.length, &args.layout);

  const Saved parts(args.length, args.group_count);
  const int64_t shape[] = {parts.length()};
  const Tensor y(context, 0, kFloat, x.shape(), x.bytes());
  const Tensor saved(context, 1, kInt32, shape, shape[0] * sizeof(int32_t));
  int32_t* const data = saved.data<int32_t>();
  args.input = x.data<float>();
  args.output = y.data<float>();
  args.mask = parts.mask(data);
  args.groups = parts.groups(data);
  require(jumpout_forward(&args));
  std::memcpy(parts.descriptor(data), &fields, sizeof fields);
}

void backward(TF_OpKernelContext* context) {
  const Floats dy(context, 0, "dy");
  const Ints saved(context, 1, "saved");
  if (saved.length() < kDescriptorInts) throw unexpected("what a forward saved", "saved");
  int32_t* const data = saved.data<int32_t>();
  const Descriptor fields = descriptorAt(data + saved.length() - kDescriptorInts);

  jumpout_backward_args args{};
  args.length = dy.length();
  args.layout = fields.layout();
  args.seed = fields.seed();
  args.call = fields.call();
  args.relu = fields.relu != 0.0;
  args.group_count = jumpout_group_count(args.length, &args.layout);

  const Saved parts(args.length, args.group_count);
  saved.requireLength(parts.length());
  const Tensor dx(context, 0, kFloat, dy.shape(), dy.bytes());
  args.grad_output = dy.data<float>();
  args.grad_input = dx.data<float>();
  args.mask = parts.mask(data);
  args.groups = parts.groups(data);
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

// The first output has the shape of the first input.
void inferFirst(TF_ShapeInferenceContext* context, TF_Status* status) noexcept {
  const ShapeHandle input;
  tf.ShapeInferenceContextGetInput(context, 0, input, status);
  if (tf.GetCode(status) == kOk) tf.ShapeInferenceContextSetOutput(context, 0, input, status);
}

void inferForward(TF_ShapeInferenceContext* context, TF_Status* status) noexcept {
  inferFirst(context, status);
  if (tf.GetCode(status) != kOk) return;
  constexpr auto kUnknown = static_cast<size_t>(-1);
  const ShapeHandle vector(tf.ShapeInferenceContextVectorFromSize(context, kUnknown));
  tf.ShapeInferenceContextSetOutput(context, 1, vector, status);
}

// ---- Registration --------------------------------------------------------------------------------------------------

struct Op {
  std::span<const char* const> inputs, outputs;
  void (*compute)(void*, TF_OpKernelContext*);
  void (*infer)(TF_ShapeInferenceContext*, TF_Status*);
};

constexpr const char* kForwardInputs[] = {"x: float", "descriptor: int32"};
constexpr const char* kForwardOutputs[] = {"y: float", "saved: int32"};
constexpr Op kForward{kForwardInputs, kForwardOutputs, compute<forward>, inferForward};

constexpr const char* kGradientInputs[] = {"dy: float", "saved: int32"};
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

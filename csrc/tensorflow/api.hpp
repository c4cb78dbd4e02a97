// TensorFlow's C API (tensorflow/c: ops.h, kernels.h, tf_tensor.h, tf_status.h), as far as it is used, found by name in the
// library that the process has loaded: nothing of TensorFlow is needed to compile or to link this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

struct TF_Buffer;
struct TF_KernelBuilder;
struct TF_OpDefinitionBuilder;
struct TF_OpKernelConstruction;
struct TF_OpKernelContext;
struct TF_ShapeHandle;
struct TF_ShapeInferenceContext;
struct TF_Status;
struct TF_Tensor;

namespace jumpout::tensorflow {

// TF_DataType and TF_Code.
enum : int { kFloat = 1, kInt32 = 3 };
enum : int { kOk = 0, kInvalidArgument = 3, kResourceExhausted = 8, kFailedPrecondition = 9, kInternal = 13 };

// Result, name, arguments.
#define JUMPOUT_TF_NEEDED(F)                                                                              \
  F(TF_OpDefinitionBuilder*, NewOpDefinitionBuilder, (const char* name))                                  \
  F(void, OpDefinitionBuilderAddInput, (TF_OpDefinitionBuilder*, const char* spec))                       \
  F(void, OpDefinitionBuilderAddOutput, (TF_OpDefinitionBuilder*, const char* spec))                      \
  F(void, RegisterOpDefinition, (TF_OpDefinitionBuilder*, TF_Status*))                                    \
  F(TF_KernelBuilder*, NewKernelBuilder,                                                                  \
    (const char* op, const char* device, void* (*create)(TF_OpKernelConstruction*),                       \
     void (*compute)(void*, TF_OpKernelContext*), void (*destroy)(void*)))                                \
  F(void, RegisterKernelBuilder, (const char* name, TF_KernelBuilder*, TF_Status*))                       \
  F(void, GetInput, (TF_OpKernelContext*, int index, TF_Tensor**, TF_Status*))                            \
  F(TF_Tensor*, AllocateOutput,                                                                           \
    (TF_OpKernelContext*, int index, int dtype, const int64_t* dims, int rank, size_t bytes, TF_Status*)) \
  F(void, OpKernelContext_Failure, (TF_OpKernelContext*, TF_Status*))                                     \
  F(int, TensorType, (const TF_Tensor*))                                                                  \
  F(int, NumDims, (const TF_Tensor*))                                                                     \
  F(int64_t, Dim, (const TF_Tensor*, int index))                                                          \
  F(size_t, TensorByteSize, (const TF_Tensor*))                                                           \
  F(void*, TensorData, (const TF_Tensor*))                                                                \
  F(void, DeleteTensor, (TF_Tensor*))                                                                     \
  F(TF_Status*, NewStatus, ())                                                                            \
  F(void, DeleteStatus, (TF_Status*))                                                                     \
  F(void, SetStatus, (TF_Status*, int code, const char* message))                                         \
  F(int, GetCode, (const TF_Status*))                                                                     \
  F(const char*, Message, (const TF_Status*))

// For shapes that are known before anything runs, in a tf.function. An older TensorFlow does without.
#define JUMPOUT_TF_SHAPES(F)                                                         \
  F(void, OpDefinitionBuilderSetShapeInferenceFunction,                              \
    (TF_OpDefinitionBuilder*, void (*infer)(TF_ShapeInferenceContext*, TF_Status*))) \
  F(TF_ShapeHandle*, NewShapeHandle, ())                                             \
  F(void, DeleteShapeHandle, (TF_ShapeHandle*))                                      \
  F(void, ShapeInferenceContextGetInput,                                             \
    (TF_ShapeInferenceContext*, int index, TF_ShapeHandle*, TF_Status*))             \
  F(void, ShapeInferenceContextSetOutput,                                            \
    (TF_ShapeInferenceContext*, int index, TF_ShapeHandle*, TF_Status*))             \
  F(TF_ShapeHandle*, ShapeInferenceContextVectorFromSize, (TF_ShapeInferenceContext*, size_t size))

// To see whether a name is taken, and for a sentence.
#define JUMPOUT_TF_OTHERS(F)                                               \
  F(TF_Buffer*, GetRegisteredKernelsForOp, (const char* name, TF_Status*)) \
  F(void, DeleteBuffer, (TF_Buffer*))                                      \
  F(const char*, Version, ())

// Null: this TensorFlow does not have it.
struct Api {
#define JUMPOUT_TF_MEMBER(Result, name, arguments) Result(*name) arguments = nullptr;
  JUMPOUT_TF_NEEDED(JUMPOUT_TF_MEMBER)
  JUMPOUT_TF_SHAPES(JUMPOUT_TF_MEMBER)
  JUMPOUT_TF_OTHERS(JUMPOUT_TF_MEMBER)
#undef JUMPOUT_TF_MEMBER

  bool infersShapes() const {
#define JUMPOUT_TF_HAS(Result, name, arguments) &&name != nullptr
    return true JUMPOUT_TF_SHAPES(JUMPOUT_TF_HAS);
#undef JUMPOUT_TF_HAS
  }
};

// Why TensorFlow cannot be used, in a sentence.
struct Unavailable {
  std::string sentence;
};

// The TensorFlow of this process, which stays loaded; throws Unavailable where there is none, one that lacks something, or
// more than one.
Api findTensorFlow();

}  // namespace jumpout::tensorflow

/* The libraries of a TensorFlow, as far as operations are registered with it: keeps their names and runs nothing. Loaded as a library or
 * as an addon of Node. BARE: with the first function alone. OLDER: without the list of kernels. */
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

void* napi_register_module_v1(void* env, void* exports) { return (void)env, exports; }

struct TF_OpDefinitionBuilder {
  const char* name;
} stand_in_builder;

struct TF_OpDefinitionBuilder* TF_NewOpDefinitionBuilder(const char* name) {
  stand_in_builder.name = name;
  return &stand_in_builder;
}

#ifndef BARE

/* What the tests set. */
int stand_in_refuses; /* operations */
int stand_in_taken;   /* a kernel is there for each name */
int stand_in_fails;   /* to tell its kernels */

/* What they read: the names of operations and kernels, each before a blank, and what was not given back. */
char stand_in_registered[1024];
int stand_in_live;

struct TF_Status {
  int code;
  const char* message;
} stand_in_status;

void stand_in_registry(void) __asm__("_ZN10tensorflow10OpRegistry6GlobalEv");
void stand_in_registry(void) {}

static void note(const char* name) { strcat(strcat(stand_in_registered, name), " "); }

struct TF_Status* TF_NewStatus(void) {
  ++stand_in_live;
  stand_in_status.code = 0;
  return &stand_in_status;
}
void TF_DeleteStatus(struct TF_Status* status) { (void)status, --stand_in_live; }
int TF_GetCode(const struct TF_Status* status) { return status->code; }
const char* TF_Message(const struct TF_Status* status) { return status->message; }
const char* TF_Version(void) { return "0.0.2"; }

void TF_OpDefinitionBuilderAddInput(struct TF_OpDefinitionBuilder* op, const char* spec) { (void)op, (void)spec; }
void TF_OpDefinitionBuilderAddOutput(struct TF_OpDefinitionBuilder* op, const char* spec) { (void)op, (void)spec; }
void TF_RegisterOpDefinition(struct TF_OpDefinitionBuilder* op, struct TF_Status* status) {
  status->code = stand_in_refuses ? 13 : 0;
  status->message = "no more operations";
  if (!stand_in_refuses) note(op->name);
}
void* TF_NewKernelBuilder(const char* op, const char* device, void* create, void* compute, void* destroy) {
  (void)op, (void)create, (void)compute, (void)destroy;
  return strcmp(device, "CPU") == 0 ? &stand_in_builder : 0;
}
void TF_RegisterKernelBuilder(const char* name, void* kernel, struct TF_Status* status) {
  (void)status;
  if (kernel != 0) note(name);
}

#ifndef OLDER
struct TF_Buffer {
  const void* data;
  size_t length;
  void (*deallocator)(void* data, size_t length);
} stand_in_kernels;

struct TF_Buffer* TF_GetRegisteredKernelsForOp(const char* name, struct TF_Status* status) {
  (void)name;
  status->code = stand_in_fails ? 13 : 0;
  if (stand_in_fails) return 0;
  ++stand_in_live;
  stand_in_kernels.length = (size_t)stand_in_taken;
  return &stand_in_kernels;
}
void TF_DeleteBuffer(struct TF_Buffer* buffer) { (void)buffer, --stand_in_live; }
#endif

/* Only looked for. */
void TF_GetInput(void) {}
void TF_AllocateOutput(void) {}
void TF_OpKernelContext_Failure(void) {}
void TF_TensorType(void) {}
void TF_NumDims(void) {}
void TF_Dim(void) {}
void TF_TensorByteSize(void) {}
void TF_TensorData(void) {}
void TF_DeleteTensor(void) {}
void TF_SetStatus(void) {}

#endif

#ifdef __cplusplus
}
#endif

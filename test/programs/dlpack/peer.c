/* Another library that speaks DLPack through Node-API externals, as docs/cuda.md describes them: written from that page
 * and from DLPack's own, it shares no code with the package. */
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct {
  void* data;
  struct {
    int32_t type, index;
  } device;
  int32_t ndim;
  struct {
    uint8_t code, bits;
    uint16_t lanes;
  } dtype;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
} DLTensor;

typedef struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(struct DLManagedTensor* self);
} DLManagedTensor;

typedef struct DLManagedTensorVersioned {
  struct {
    uint32_t major, minor;
  } version;
  void* manager_ctx;
  void (*deleter)(struct DLManagedTensorVersioned* self);
  uint64_t flags;
  DLTensor dl_tensor;
} DLManagedTensorVersioned;

typedef struct {
  void* tensor;
} Cell;

static const napi_type_tag legacy = {0x726f736e65746c64, 0};
static const napi_type_tag versioned = {0x726f736e65746c64, 0x6e6f69737265765f};

typedef struct {
  DLManagedTensorVersioned managed; /* first: the deleter gets its address */
  int64_t shape[8], strides[8];
} NewTensor;

typedef struct {
  DLManagedTensor managed;
  int64_t shape[8], strides[8];
} OldTensor;

static int deleted = 0;

static void delete_new(DLManagedTensorVersioned* self) {
  ++deleted;
  free(self->manager_ctx);
}

static void delete_old(DLManagedTensor* self) {
  ++deleted;
  free(self->manager_ctx);
}

static void finalize_new(napi_env env, void* data, void* hint) {
  Cell* cell = data;
  DLManagedTensorVersioned* managed = cell->tensor;
  (void)env, (void)hint;
  if (managed) managed->deleter(managed);
  free(cell);
}

static void finalize_old(napi_env env, void* data, void* hint) {
  Cell* cell = data;
  DLManagedTensor* managed = cell->tensor;
  (void)env, (void)hint;
  if (managed) managed->deleter(managed);
  free(cell);
}

static double number(napi_env env, napi_value object, const char* name) {
  napi_value value;
  double result = 0;
  napi_get_named_property(env, object, name, &value);
  napi_get_value_double(env, value, &result);
  return result;
}

static int list(napi_env env, napi_value object, const char* name, int64_t* numbers) {
  napi_value values;
  bool is_array = false;
  uint32_t count = 0;
  napi_get_named_property(env, object, name, &values);
  napi_is_array(env, values, &is_array);
  if (!is_array) return -1;
  napi_get_array_length(env, values, &count);
  for (uint32_t i = 0; i < count; ++i) {
    napi_value value;
    napi_get_element(env, values, i, &value);
    napi_get_value_int64(env, value, &numbers[i]);
  }
  return (int)count;
}

static void describe(napi_env env, napi_value description, DLTensor* tensor, int64_t* shape, int64_t* strides) {
  tensor->data = (void*)(uintptr_t)number(env, description, "data");
  tensor->device.type = (int32_t)number(env, description, "deviceType");
  tensor->device.index = (int32_t)number(env, description, "device");
  tensor->dtype.code = (uint8_t)number(env, description, "code");
  tensor->dtype.bits = (uint8_t)number(env, description, "bits");
  tensor->dtype.lanes = (uint16_t)number(env, description, "lanes");
  tensor->byte_offset = (uint64_t)number(env, description, "byteOffset");
  tensor->ndim = list(env, description, "shape", shape);
  tensor->shape = shape;
  tensor->strides = list(env, description, "strides", strides) < 0 ? NULL : strides;
}

/* make(description): a tensor of ours; with `version` one of the newer kind */
static napi_value make(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value description, external;
  Cell* cell = calloc(1, sizeof *cell);
  napi_get_cb_info(env, info, &count, &description, NULL, NULL);
  const uint32_t version = (uint32_t)number(env, description, "version");
  if (version != 0) {
    NewTensor* tensor = calloc(1, sizeof *tensor);
    tensor->managed.version.major = version;
    tensor->managed.flags = (uint64_t)number(env, description, "flags");
    tensor->managed.manager_ctx = tensor;
    tensor->managed.deleter = delete_new;
    describe(env, description, &tensor->managed.dl_tensor, tensor->shape, tensor->strides);
    cell->tensor = &tensor->managed;
    napi_create_external(env, cell, finalize_new, NULL, &external);
    napi_type_tag_object(env, external, &versioned);
  } else {
    OldTensor* tensor = calloc(1, sizeof *tensor);
    tensor->managed.manager_ctx = tensor;
    tensor->managed.deleter = delete_old;
    describe(env, description, &tensor->managed.dl_tensor, tensor->shape, tensor->strides);
    cell->tensor = &tensor->managed;
    napi_create_external(env, cell, finalize_old, NULL, &external);
    napi_type_tag_object(env, external, &legacy);
  }
  return external;
}

static void set(napi_env env, napi_value object, const char* name, double number) {
  napi_value value;
  napi_create_double(env, number, &value);
  napi_set_named_property(env, object, name, value);
}

static void tell(napi_env env, napi_value object, const DLTensor* tensor) {
  set(env, object, "data", (double)(uintptr_t)tensor->data);
  set(env, object, "deviceType", tensor->device.type);
  set(env, object, "device", tensor->device.index);
  set(env, object, "code", tensor->dtype.code);
  set(env, object, "bits", tensor->dtype.bits);
  set(env, object, "lanes", tensor->dtype.lanes);
  set(env, object, "byteOffset", (double)tensor->byte_offset);
  set(env, object, "ndim", tensor->ndim);
  set(env, object, "length", (double)tensor->shape[0]);
  set(env, object, "stride", tensor->strides ? (double)tensor->strides[0] : 1);
}

/* take(external): what it says, and it is given back at once; undefined where it was taken before or is none */
static napi_value take(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value external, result;
  bool is_new = false, is_old = false;
  void* data;
  napi_get_cb_info(env, info, &count, &external, NULL, NULL);
  napi_check_object_type_tag(env, external, &versioned, &is_new);
  napi_check_object_type_tag(env, external, &legacy, &is_old);
  if (is_new == is_old) return NULL;
  napi_get_value_external(env, external, &data);
  Cell* cell = data;
  if (!cell->tensor) return NULL;
  napi_create_object(env, &result);
  if (is_new) {
    DLManagedTensorVersioned* managed = cell->tensor;
    set(env, result, "version", managed->version.major);
    set(env, result, "flags", (double)managed->flags);
    tell(env, result, &managed->dl_tensor);
    cell->tensor = NULL;
    managed->deleter(managed);
  } else {
    DLManagedTensor* managed = cell->tensor;
    tell(env, result, &managed->dl_tensor);
    cell->tensor = NULL;
    managed->deleter(managed);
  }
  return result;
}

/* How many of our tensors were given back. */
static napi_value deletions(napi_env env, napi_callback_info info) {
  napi_value result;
  (void)info;
  napi_create_int32(env, deleted, &result);
  return result;
}

static void define(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function);
  napi_set_named_property(env, exports, name, function);
}

NAPI_MODULE_INIT(/* env, exports */) {
  define(env, exports, "make", make);
  define(env, exports, "take", take);
  define(env, exports, "deletions", deletions);
  return exports;
}

// An addon that shows what a TensorFlow without kernels in its C API would.
#include <node_api.h>

void* TF_NewOpDefinitionBuilder(const char* name) { return (void*)name; }

const char* TF_Version(void) { return "0.0.1"; }

NAPI_MODULE_INIT() {
  (void)env;
  return exports;
}

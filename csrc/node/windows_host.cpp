// Windows, where a library names the program that it imports from: Node-API would be looked for in node.exe, but Electron and
// renamed programs have it too. Its functions are looked up in the program that loads the addon instead, once, by filling
// what the linker would fill: the pointers behind __declspec(dllimport). MSVC has the same done by cmake-js's delay-load hook.
#include <windows.h>

// Names of all functions of Node-API: NODE_API(napi_create_array) and so on, made from its .def file by cmake/addon.cmake.
#define NODE_API(name) extern "C" FARPROC __imp_##name = nullptr;
#include <node_api_names.inc>
#undef NODE_API

namespace {

struct Function {
  const char* name;
  FARPROC* pointer;
};

constexpr Function kFunctions[] = {
#define NODE_API(name) {#name, &__imp_##name},
#include <node_api_names.inc>
#undef NODE_API
};

// Before Node calls anything of the addon. What this version of Node does not have stays null, and is not called: the addon
// is compiled for an older version of Node-API.
const bool found = [] {
  HMODULE host = GetModuleHandleA("libnode.dll");
  if (!host) host = GetModuleHandleA("node.dll");
  if (!host) host = GetModuleHandleA(nullptr);
  for (const Function& function : kFunctions) *function.pointer = GetProcAddress(host, function.name);
  return true;
}();

}  // namespace

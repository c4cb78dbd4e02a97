#include "tensorflow/libraries.hpp"

#include <string>
#include <vector>

#if defined(_WIN32)
#include <windows.h>
// After it
#include <psapi.h>
#else
#include <dlfcn.h>
#if defined(__APPLE__)
#include <mach-o/dyld.h>
#else
#include <link.h>
#endif
#endif

namespace jumpout::tensorflow {

#if defined(_WIN32)

void forEachLibrary(const std::function<bool(const Find&)>& wanted) {
  std::vector<HMODULE> modules(256);
  DWORD bytes = 0;
  for (;;) {  // until all have room
    const auto room = static_cast<DWORD>(modules.size() * sizeof(HMODULE));
    if (!K32EnumProcessModules(GetCurrentProcess(), modules.data(), room, &bytes)) return;
    if (bytes <= room) break;
    modules.resize(bytes / sizeof(HMODULE));
  }
  modules.resize(bytes / sizeof(HMODULE));
  for (const HMODULE found : modules) {
    HMODULE held;  // one that is unloaded meanwhile is not found
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, reinterpret_cast<LPCWSTR>(found), &held))
      continue;
    const Find find = [&](const char* name) { return reinterpret_cast<void*>(GetProcAddress(held, name)); };
    if (!wanted(find)) FreeLibrary(held);
  }
}

#else

namespace {

// First all of them: the list is locked while it is read.
std::vector<std::string> loadedPaths() {
  std::vector<std::string> paths;
#if defined(__APPLE__)
  for (uint32_t i = 0; i < _dyld_image_count(); ++i)
    if (const char* path = _dyld_get_image_name(i)) paths.emplace_back(path);
#else
  const auto add = [](dl_phdr_info* library, size_t, void* list) {
    static_cast<std::vector<std::string>*>(list)->emplace_back(library->dlpi_name);
    return 0;
  };
  dl_iterate_phdr(add, &paths);
#endif
  return paths;
}

}  // namespace

void forEachLibrary(const std::function<bool(const Find&)>& wanted) {
  for (const std::string& path : loadedPaths()) {
    if (path.empty()) continue;  // the program
    void* const held = dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
    if (held == nullptr) continue;
    if (!wanted([&](const char* name) { return dlsym(held, name); })) dlclose(held);
  }
}

#endif

}  // namespace jumpout::tensorflow

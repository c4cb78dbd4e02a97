# jumpout.node over the shared library that lies beside it, in build/Release, where `bindings` looks for it; the emulated
# one holds the library and is kept apart.
add_library(jumpout_addon MODULE
  csrc/node/addon.cpp
  csrc/node/background.cpp
  csrc/node/descriptor.cpp
  csrc/node/errors.cpp
  csrc/node/cuda/copies.cpp
  csrc/node/cuda/dlpack.cpp
  csrc/node/cuda/graph.cpp
  csrc/node/cuda/memory.cpp
  csrc/node/cuda/operation.cpp
  csrc/node/cuda/passes.cpp
  csrc/node/cuda/reaper.cpp
  csrc/node/cuda/state.cpp
  csrc/node/cuda/stream.cpp
  csrc/node/host/outputs.cpp
  csrc/node/host/passes.cpp
  csrc/node/host/pinned.cpp
  csrc/node/host/tensorflow.cpp
  csrc/tensorflow/registration.cpp
  ${CMAKE_JS_SRC})

# Node-API 8 (Node 12.22 on); every C++ exception becomes a JavaScript one; a promise that settles while its worker
# thread is being terminated is dropped rather than fatal.
target_compile_definitions(jumpout_addon PRIVATE
  NAPI_VERSION=8
  NODE_ADDON_API_CPP_EXCEPTIONS_ALL
  NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS)
target_include_directories(jumpout_addon PRIVATE csrc)
target_include_directories(jumpout_addon SYSTEM PRIVATE ${CMAKE_JS_INC})
target_link_libraries(jumpout_addon PRIVATE jumpout_flags ${CMAKE_JS_LIB}
  $<IF:$<BOOL:${JUMPOUT_CUDA_EMULATED}>,jumpout_core,jumpout_shared> jumpout_tensorflow_ops)

set(JUMPOUT_ADDON_DIR "${PROJECT_SOURCE_DIR}/build/Release" CACHE PATH "Where the addon goes, with the C library")
set(addon_dir "${JUMPOUT_ADDON_DIR}")
if(JUMPOUT_CUDA_EMULATED)
  set(addon_dir "${PROJECT_SOURCE_DIR}/build/emulated/Release")
endif()
# The generator expression keeps multi-configuration generators from adding a folder of their own.
set_target_properties(jumpout_addon PROPERTIES
  OUTPUT_NAME jumpout
  PREFIX ""
  SUFFIX ".node"
  LIBRARY_OUTPUT_DIRECTORY "${addon_dir}$<0:>"
  RUNTIME_OUTPUT_DIRECTORY "${addon_dir}$<0:>"
  BUILD_WITH_INSTALL_RPATH ON
  INSTALL_RPATH "$<IF:$<PLATFORM_ID:Darwin>,@loader_path,$ORIGIN>/lib")
jumpout_exports(jumpout_addon napi_register_module_v* node_api_module_*)
if(APPLE)
  target_link_options(jumpout_addon PRIVATE LINKER:-undefined,dynamic_lookup) # Node-API is the process's own
endif()

if(MSVC AND CMAKE_JS_NODELIB_DEF AND CMAKE_JS_NODELIB_TARGET)
  execute_process(
    COMMAND ${CMAKE_AR} /def:${CMAKE_JS_NODELIB_DEF} /out:${CMAKE_JS_NODELIB_TARGET} ${CMAKE_STATIC_LINKER_FLAGS}
    COMMAND_ERROR_IS_FATAL ANY)
  target_link_libraries(jumpout_addon PRIVATE delayimp)
elseif(MINGW)
  target_link_options(jumpout_addon PRIVATE LINKER:--out-implib,jumpout_addon.lib) # nobody links it: not beside the addon
  file(STRINGS "${CMAKE_JS_NODELIB_DEF}" names REGEX "^(napi|node_api)_")
  list(TRANSFORM names REPLACE "(.+)" "NODE_API(\\1)\n")
  string(JOIN "" names ${names})
  file(CONFIGURE OUTPUT node_api_names.inc CONTENT "${names}" @ONLY)
  target_sources(jumpout_addon PRIVATE csrc/node/windows_host.cpp)
  target_include_directories(jumpout_addon PRIVATE "${PROJECT_BINARY_DIR}")
  target_compile_definitions(jumpout_addon PRIVATE "NAPI_EXTERN=__declspec(dllimport)")
endif()

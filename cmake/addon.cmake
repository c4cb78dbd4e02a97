# jumpout.node over the core, in build/Release, where `bindings` looks for it; the emulated one is kept apart.
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
  ${CMAKE_JS_SRC})

# Node-API 8 (Node 12.22 on); every C++ exception becomes a JavaScript one; a promise that settles while its worker
# thread is being terminated is dropped rather than fatal.
target_compile_definitions(jumpout_addon PRIVATE
  NAPI_VERSION=8
  NODE_ADDON_API_CPP_EXCEPTIONS_ALL
  NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS)
target_include_directories(jumpout_addon SYSTEM PRIVATE ${CMAKE_JS_INC})
target_link_libraries(jumpout_addon PRIVATE jumpout_core ${CMAKE_JS_LIB})

# The generator expression keeps multi-configuration generators from adding a folder of their own.
set(addon_dir "${PROJECT_SOURCE_DIR}/build/$<$<BOOL:${JUMPOUT_CUDA_EMULATED}>:emulated/>Release")
set_target_properties(jumpout_addon PROPERTIES
  OUTPUT_NAME jumpout
  PREFIX ""
  SUFFIX ".node"
  LIBRARY_OUTPUT_DIRECTORY "${addon_dir}"
  RUNTIME_OUTPUT_DIRECTORY "${addon_dir}")

if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  target_link_options(jumpout_addon PRIVATE
    LINKER:-z,nodelete # pool threads outlive dlclose
    LINKER:--exclude-libs,ALL) # another addon may bring a jumpout of its own
endif()

if(MSVC AND CMAKE_JS_NODELIB_DEF AND CMAKE_JS_NODELIB_TARGET)
  execute_process(
    COMMAND ${CMAKE_AR} /def:${CMAKE_JS_NODELIB_DEF} /out:${CMAKE_JS_NODELIB_TARGET} ${CMAKE_STATIC_LINKER_FLAGS}
    COMMAND_ERROR_IS_FATAL ANY)
  target_link_libraries(jumpout_addon PRIVATE delayimp)
endif()

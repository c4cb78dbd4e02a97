# Decides which CUDA backend is built:
#   JUMPOUT_WITH_CUDA       csrc/cuda is compiled, else the stand-in, and JUMPOUT_CUDA_REASON says why, a sentence
#   JUMPOUT_CUDA_CODE       what it is compiled for, as in "sm_80, PTX 90"
#   JUMPOUT_CUDA_EMULATED   by the C++ compiler, to run on the CPU (tools/cuda-on-cpu)
#   JUMPOUT_CUDA_SUMMARY    what was decided, for the last line of the build
include(${CMAKE_CURRENT_LIST_DIR}/first-error.cmake)

set(JUMPOUT_WITH_CUDA OFF)
set(JUMPOUT_CUDA_EMULATED OFF)
set(JUMPOUT_CUDA_REASON "")

if(JUMPOUT_CUDA STREQUAL "OFF")
  set(JUMPOUT_CUDA_REASON "this binary was built with JUMPOUT_CUDA=OFF")
elseif(JUMPOUT_CUDA STREQUAL "EMULATED")
  if(NOT EXISTS "${PROJECT_SOURCE_DIR}/tools/cuda-on-cpu/CMakeLists.txt")
    message(FATAL_ERROR "JUMPOUT_CUDA=EMULATED is for the tests in a checkout of the repository; this is none.")
  endif()
  set(JUMPOUT_WITH_CUDA ON)
  set(JUMPOUT_CUDA_EMULATED ON)
  set(JUMPOUT_CUDA_CODE "sm_75, sm_90, PTX 90") # as if
elseif(JUMPOUT_CUDA MATCHES "^(AUTO|ON)$")
  if(CMAKE_CROSSCOMPILING AND JUMPOUT_CUDA STREQUAL "AUTO")
    set(JUMPOUT_CUDA_REASON "this binary was cross-compiled")
  elseif(JUMPOUT_CUDA_FAILED AND JUMPOUT_CUDA STREQUAL "AUTO")
    file(READ "${JUMPOUT_CUDA_FAILED}" said)
    jumpout_first_error(JUMPOUT_CUDA_REASON "${said}")
    string(PREPEND JUMPOUT_CUDA_REASON "the build with it failed: ")
  else()
    include(${CMAKE_CURRENT_LIST_DIR}/cuda-toolkit.cmake)
  endif()
  if(NOT JUMPOUT_CUDA_REASON)
    set(JUMPOUT_WITH_CUDA ON)
  elseif(JUMPOUT_CUDA STREQUAL "ON")
    message(FATAL_ERROR
      "JUMPOUT_CUDA=ON, but ${JUMPOUT_CUDA_REASON}. Install the CUDA toolkit, name nvcc in CUDACXX, "
      "or build with JUMPOUT_CUDA=AUTO.")
  endif()
else()
  message(FATAL_ERROR "JUMPOUT_CUDA is AUTO, ON, OFF or EMULATED, not '${JUMPOUT_CUDA}'")
endif()

if(JUMPOUT_CUDA_EMULATED)
  set(JUMPOUT_CUDA_SUMMARY "CUDA emulated on the CPU, for tests")
elseif(JUMPOUT_WITH_CUDA)
  set(CMAKE_CUDA_STANDARD 17)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  set(CMAKE_CUDA_RUNTIME_LIBRARY Static) # a driver alone is enough to run
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED QUIET)
  include(${CMAKE_CURRENT_LIST_DIR}/curand.cmake)
  set(JUMPOUT_CUDA_SUMMARY
    "CUDA ${CMAKE_CUDA_COMPILER_VERSION} (${JUMPOUT_CUDA_CODE}; ${JUMPOUT_CURAND_SUMMARY})")
else()
  set(JUMPOUT_CUDA_SUMMARY "CUDA left out: ${JUMPOUT_CUDA_REASON}")
endif()

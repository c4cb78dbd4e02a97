# Decides which CUDA backend is built:
#   JUMPOUT_WITH_CUDA       csrc/cuda is compiled, else the stand-in, and JUMPOUT_CUDA_REASON says why, a sentence
#   JUMPOUT_CUDA_EMULATED   by the C++ compiler, to run on the CPU (test/cuda-on-cpu)
#   JUMPOUT_CUDA_SUMMARY    what was decided, for the last line of the build
include(CheckLanguage)

set(JUMPOUT_WITH_CUDA OFF)
set(JUMPOUT_CUDA_EMULATED OFF)
set(JUMPOUT_CUDA_REASON "")

if(JUMPOUT_CUDA STREQUAL "OFF")
  set(JUMPOUT_CUDA_REASON "this binary was built with JUMPOUT_CUDA=OFF")
elseif(JUMPOUT_CUDA STREQUAL "EMULATED")
  if(NOT EXISTS "${PROJECT_SOURCE_DIR}/test/cuda-on-cpu/CMakeLists.txt")
    message(FATAL_ERROR "JUMPOUT_CUDA=EMULATED is for the tests in a checkout of the repository; this is none.")
  endif()
  set(JUMPOUT_WITH_CUDA ON)
  set(JUMPOUT_CUDA_EMULATED ON)
elseif(JUMPOUT_CUDA MATCHES "^(AUTO|ON)$")
  find_program(nvcc NAMES "$ENV{CUDACXX}" nvcc
    HINTS "$ENV{CUDA_PATH}/bin" "$ENV{CUDA_HOME}/bin" /usr/local/cuda/bin NO_CACHE)
  if(CMAKE_CROSSCOMPILING AND JUMPOUT_CUDA STREQUAL "AUTO")
    set(JUMPOUT_CUDA_REASON "this binary was cross-compiled")
  elseif(NOT nvcc AND NOT CMAKE_CUDA_COMPILER)
    set(JUMPOUT_CUDA_REASON "nvcc was not found when this binary was built")
  else()
    if(nvcc)
      set(ENV{CUDACXX} "${nvcc}")
    endif()
    check_language(CUDA) # compiles a program: an nvcc that rejects the host compiler counts as none
    if(CMAKE_CUDA_COMPILER)
      execute_process(COMMAND "${CMAKE_CUDA_COMPILER}" --version OUTPUT_VARIABLE said ERROR_QUIET)
      if(said MATCHES "release ([0-9.]+)" AND CMAKE_MATCH_1 VERSION_LESS 12.0)
        set(JUMPOUT_CUDA_REASON
          "nvcc was that of CUDA ${CMAKE_MATCH_1}, older than 12.0, when this binary was built")
      else()
        set(JUMPOUT_WITH_CUDA ON)
      endif()
    else()
      set(JUMPOUT_CUDA_REASON "nvcc was found but could not compile a program when this binary was built")
    endif()
  endif()
  if(JUMPOUT_CUDA STREQUAL "ON" AND NOT JUMPOUT_WITH_CUDA)
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
  include(${CMAKE_CURRENT_LIST_DIR}/cuda-architectures.cmake)
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

# Decides whether the CUDA backend is built: sets JUMPOUT_WITH_CUDA, or JUMPOUT_CUDA_REASON, a sentence.
include(CheckLanguage)

set(JUMPOUT_WITH_CUDA OFF)
set(JUMPOUT_CUDA_REASON "")

if(JUMPOUT_CUDA STREQUAL "OFF")
  set(JUMPOUT_CUDA_REASON "this binary was built with JUMPOUT_CUDA=OFF")
  return()
elseif(NOT JUMPOUT_CUDA MATCHES "^(AUTO|ON)$")
  message(FATAL_ERROR "JUMPOUT_CUDA is AUTO, ON or OFF, not '${JUMPOUT_CUDA}'")
endif()

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
    enable_language(CUDA)
    set(CMAKE_CUDA_STANDARD 17)
    set(JUMPOUT_WITH_CUDA ON)
  else()
    set(JUMPOUT_CUDA_REASON "nvcc was found but could not compile a program when this binary was built")
  endif()
endif()

if(JUMPOUT_CUDA STREQUAL "ON" AND NOT JUMPOUT_WITH_CUDA)
  message(FATAL_ERROR
    "JUMPOUT_CUDA=ON, but ${JUMPOUT_CUDA_REASON}. Install the CUDA toolkit, name nvcc in CUDACXX, "
    "or build with JUMPOUT_CUDA=AUTO.")
endif()

# Looks for a CUDA toolkit that can build csrc/cuda, and tries it on a small project with the same settings. It ends with
# CMAKE_CUDA_COMPILER and CMAKE_CUDA_ARCHITECTURES, or with JUMPOUT_CUDA_REASON. To enable the language untried would end
# the whole configuration where something is missing.
set(JUMPOUT_PATIENCE 30 CACHE INTERNAL "Seconds that nvcc and nvidia-smi have to say what they are")
set(least_cuda 12.0) # cudaGraphInstantiate has other parameters before

if(NOT CMAKE_CUDA_COMPILER)
  if(NOT "$ENV{CUDACXX}" STREQUAL "")
    get_filename_component(nvcc "$ENV{CUDACXX}" PROGRAM PROGRAM_ARGS CMAKE_CUDA_FLAGS_INIT)
    if(NOT EXISTS "${nvcc}")
      set(JUMPOUT_CUDA_REASON "CUDACXX named $ENV{CUDACXX}, which was not found, when this binary was built")
      return()
    endif()
  else()
    find_program(nvcc nvcc HINTS "$ENV{CUDA_PATH}/bin" "$ENV{CUDA_HOME}/bin" /usr/local/cuda/bin NO_CACHE)
    if(NOT nvcc)
      set(JUMPOUT_CUDA_REASON "nvcc was not found when this binary was built")
      return()
    endif()
  endif()
  set(CMAKE_CUDA_COMPILER "${nvcc}")
endif()

execute_process(COMMAND "${CMAKE_CUDA_COMPILER}" --version TIMEOUT ${JUMPOUT_PATIENCE}
  OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE failed)
if(failed OR NOT said MATCHES "release ([0-9]+\\.[0-9]+)")
  jumpout_first_error(said "${failed}\n${said}")
  set(JUMPOUT_CUDA_REASON "nvcc did not say its version when this binary was built: ${said}")
  return()
endif()
set(version "${CMAKE_MATCH_1}")
if(version VERSION_LESS least_cuda)
  set(JUMPOUT_CUDA_REASON "nvcc was that of CUDA ${version}, older than ${least_cuda}, when this binary was built")
  return()
endif()

include(${CMAKE_CURRENT_LIST_DIR}/cuda-architectures.cmake)
if(JUMPOUT_CUDA_REASON)
  return()
endif()

set(settings "-DLEAST_CUDA=${least_cuda}")
foreach(name IN ITEMS CMAKE_CUDA_COMPILER CMAKE_CUDA_ARCHITECTURES CMAKE_CUDA_HOST_COMPILER CMAKE_CUDA_FLAGS_INIT
    CMAKE_CUDA_FLAGS CMAKE_CXX_COMPILER CMAKE_CXX_FLAGS CMAKE_MAKE_PROGRAM CMAKE_TOOLCHAIN_FILE CUDAToolkit_ROOT
    ${CMAKE_TRY_COMPILE_PLATFORM_VARIABLES})
  if(NOT "${${name}}" STREQUAL "")
    string(REPLACE ";" "\\;" value "${${name}}")
    list(APPEND settings "-D${name}=${value}")
  endif()
endforeach()
if(NOT "${settings}" STREQUAL "${JUMPOUT_CUDA_TRIED}") # what worked once need not be tried again
  message(STATUS "Trying ${CMAKE_CUDA_COMPILER}")
  set(probe "${PROJECT_BINARY_DIR}/cuda-probe")
  file(REMOVE_RECURSE "${probe}")
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}/cuda-probe" -B "${probe}" ${settings}
      -G "${CMAKE_GENERATOR}" -A "${CMAKE_GENERATOR_PLATFORM}" -T "${CMAKE_GENERATOR_TOOLSET}"
    TIMEOUT 600 OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE failed)
  if(NOT failed)
    execute_process(COMMAND "${CMAKE_COMMAND}" --build "${probe}"
      TIMEOUT 600 OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE failed)
  endif()
  if(failed)
    # CMake does not always pass on what the compiler said.
    execute_process(COMMAND "${CMAKE_CUDA_COMPILER}" -std=c++17 "${CMAKE_CURRENT_LIST_DIR}/cuda-probe/probe.cu" -o probe
      WORKING_DIRECTORY "${probe}" TIMEOUT 600
      OUTPUT_VARIABLE directly ERROR_VARIABLE directly RESULT_VARIABLE failed)
    if(failed)
      set(said "${failed}\n${directly}")
    endif()
    jumpout_first_error(said "${said}")
    set(JUMPOUT_CUDA_REASON "nvcc could not build a small program when this binary was built: ${said}")
    return()
  endif()
  set(JUMPOUT_CUDA_TRIED "${settings}" CACHE INTERNAL "The settings that a small CUDA program was built with")
endif()

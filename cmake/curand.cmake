# Looks for the headers of cuRAND, of which csrc/cuda needs the device functions alone: JUMPOUT_HAVE_CURAND, and the folder in
# JUMPOUT_CURAND_FOUND. Without them csrc/core/half_gaussian.hpp draws the same numbers.
set(JUMPOUT_HAVE_CURAND OFF)
set(JUMPOUT_CURAND_FOUND "")
set(JUMPOUT_CURAND_SUMMARY "cuRAND's twin")
if(JUMPOUT_CURAND STREQUAL "OFF")
  return()
elseif(NOT JUMPOUT_CURAND MATCHES "^(AUTO|ON)$")
  message(FATAL_ERROR "JUMPOUT_CURAND is AUTO, ON or OFF, not '${JUMPOUT_CURAND}'")
endif()

# Where pip puts nvidia-curand: .../site-packages/nvidia/{curand,cu13}/include.
set(pip_folders "")
if(NOT JUMPOUT_CURAND_INCLUDE)
  find_program(python NAMES python3 python NO_CACHE)
endif()
if(python)
  execute_process(
    COMMAND "${python}" -c "import nvidia, pathlib; [print(found.parent) for folder in nvidia.__path__ for found in pathlib.Path(folder).glob('*/include/curand_kernel.h')]"
    OUTPUT_VARIABLE pip_folders ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE TIMEOUT 30)
  string(REPLACE "\n" ";" pip_folders "${pip_folders}")
endif()

find_path(curand_folder curand_kernel.h
  PATHS ${JUMPOUT_CURAND_INCLUDE} ${CUDAToolkit_INCLUDE_DIRS} ${pip_folders} NO_CACHE NO_DEFAULT_PATH)
if(curand_folder) # of another CUDA version they may not compile
  set(probe "${PROJECT_BINARY_DIR}/curand-probe")
  file(WRITE "${probe}/probe.cu" "#include <curand_kernel.h>\n__device__ curandStatePhilox4_32_10_t probe;\n")
  execute_process(
    COMMAND "${CMAKE_CUDA_COMPILER}" -std=c++17 -ptx -isystem "${curand_folder}" "${probe}/probe.cu" -o "${probe}/probe.ptx"
    RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(failed)
    set(missing "the headers in ${curand_folder} do not compile: ${said}")
  else()
    set(JUMPOUT_HAVE_CURAND ON)
    set(JUMPOUT_CURAND_FOUND "${curand_folder}")
    set(JUMPOUT_CURAND_SUMMARY "cuRAND")
  endif()
else()
  set(missing "curand_kernel.h was not found; name its folder in JUMPOUT_CURAND_INCLUDE, or pip install nvidia-curand")
endif()
if(JUMPOUT_CURAND STREQUAL "ON" AND NOT JUMPOUT_HAVE_CURAND)
  message(FATAL_ERROR "JUMPOUT_CURAND=ON, but ${missing}.")
endif()
file(WRITE "${CMAKE_BINARY_DIR}/curand-folder.txt" "${JUMPOUT_CURAND_FOUND}") # scripts/build-gpu-kit carries it

// CUDA C++ for g++: the language surface, and launches. A launch runs every CUDA thread as a fiber (tools/cuda-on-cpu).
#pragma once

#include "cuda_on_cpu/arithmetic.h"
#include "cuda_on_cpu/collectives.h"
#include "cuda_on_cpu/language.h"
#include "cuda_on_cpu/launch.h"
#include "cuda_on_cpu/memory_access.h"
#include "cuda_runtime_api.h"

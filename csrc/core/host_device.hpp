// The same functions serve the host and the device; this is the one place that says how.
#pragma once

#if defined(__CUDACC__)
#define JUMPOUT_HD __host__ __device__
#else
#define JUMPOUT_HD
#endif

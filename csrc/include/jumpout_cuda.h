/* Device memory, streams and graphs for callers without a CUDA toolkit of their own: the least that a language binding
 * needs over jumpout.h. Programs that link with CUDA pass their own pointers and streams.
 *
 * Streams are cudaStream_t, events cudaEvent_t, NULL the legacy default stream. Devices are numbered as CUDA does.
 * Every function restores the current device of the thread.
 */
#ifndef JUMPOUT_CUDA_H
#define JUMPOUT_CUDA_H

#include "jumpout.h"

#ifdef __cplusplus
extern "C" {
#endif
#if defined(JUMPOUT_EXPORTS) && defined(__GNUC__)
#pragma GCC visibility push( \
    default) /* while the shared library is built: the static one stays hidden in what links it */
#endif

/* ---- Errors and devices ------------------------------------------------------------------------------------------- */

/* The error of the last call on this thread that returned JUMPOUT_CUDA_ERROR. The strings live as long as the process. */
typedef struct jumpout_cuda_error {
  int32_t number;   /* a cudaError_t */
  const char* name; /* e.g. "cudaErrorMemoryAllocation" */
  const char* text; /* CUDA's own sentence */
  int32_t sticky;   /* nonzero: the device is lost to this process; every further call will fail */
} jumpout_cuda_error;

jumpout_cuda_error jumpout_last_cuda_error(void);

typedef struct jumpout_cuda_device {
  char name[256];
  int32_t compute_major, compute_minor;
  int32_t multiprocessors;
  uint64_t memory_bytes;
  uint64_t l2_bytes;
} jumpout_cuda_device;

/* 0 where there is no CUDA: never an error. */
int32_t jumpout_cuda_device_count(void);
jumpout_status jumpout_cuda_device_of(int32_t device, jumpout_cuda_device* found);

/* ---- Memory --------------------------------------------------------------------------------------------------------- */

/* At least 256-byte aligned, uninitialised. Usable in stream order on `stream`; with `at_once` nonzero, on any stream and
 * while any stream is being captured. */
jumpout_status jumpout_cuda_allocate(int32_t device, size_t bytes, void* stream, int32_t at_once,
                                     void** memory);

/* Freed once all work is done that was enqueued so far on the streams that used it; none: NULL, 0. Nothing waits here;
 * while one of the streams is being captured the memory is kept until a later call. NULL memory is fine. */
jumpout_status jumpout_cuda_free(int32_t device, void* memory, void* const* streams, size_t stream_count);

/* Page-locked host memory, 64-byte aligned, usable with every device. */
jumpout_status jumpout_cuda_allocate_pinned(size_t bytes, void** memory);
jumpout_status jumpout_cuda_free_pinned(void* memory);

typedef enum jumpout_memory_kind {
  JUMPOUT_MEMORY_HOST = 0, /* also memory that CUDA does not know */
  JUMPOUT_MEMORY_PINNED,
  JUMPOUT_MEMORY_DEVICE,
  JUMPOUT_MEMORY_MANAGED
} jumpout_memory_kind;

typedef struct jumpout_memory {
  jumpout_memory_kind kind;
  int32_t device; /* -1: none */
} jumpout_memory;

/* Where a pointer points, as CUDA knows it. Never dereferences. */
jumpout_status jumpout_cuda_memory_of(const void* pointer, jumpout_memory* memory);

/* Any direction, by address. From or to pageable host memory this returns when the host memory may be reused, else at once.
 * JUMPOUT_CAPTURING where pageable memory meets a stream that is being captured. */
jumpout_status jumpout_cuda_copy(int32_t device, void* to, const void* from, size_t bytes, void* stream);
jumpout_status jumpout_cuda_fill(int32_t device, void* memory, uint8_t value, size_t bytes, void* stream);

/* A few 64-bit numbers by value: they travel in the launch itself, so that it neither waits nor keeps the host array, and
 * a captured graph replays them. */
jumpout_status jumpout_cuda_store(int32_t device, uint64_t* to, const uint64_t* values, size_t count,
                                  void* stream);

/* ---- Streams and events ------------------------------------------------------------------------------------------- */

/* Does not synchronise with the legacy default stream. */
jumpout_status jumpout_cuda_stream_create(int32_t device, void** stream);
/* Work that is enqueued is still done. */
jumpout_status jumpout_cuda_stream_destroy(int32_t device, void* stream);
/* The device that a stream belongs to; for NULL the current one. */
jumpout_status jumpout_cuda_stream_device(void* stream, int32_t* device);
/* Blocks until all work enqueued so far is done, and returns its error. JUMPOUT_CAPTURING if being captured. */
jumpout_status jumpout_cuda_stream_synchronize(int32_t device, void* stream);
jumpout_status jumpout_cuda_stream_capturing(int32_t device, void* stream, int32_t* capturing);
/* Work enqueued on `stream` from now on waits for all work enqueued on `other` so far. */
jumpout_status jumpout_cuda_stream_wait(int32_t device, void* stream, void* other);

/* For timing: elapsed is in milliseconds and waits for `end`. */
jumpout_status jumpout_cuda_event_create(int32_t device, void** event);
jumpout_status jumpout_cuda_event_destroy(int32_t device, void* event);
jumpout_status jumpout_cuda_event_record(int32_t device, void* event, void* stream);
jumpout_status jumpout_cuda_event_elapsed(void* begin, void* end, float* milliseconds);

/* ---- Graphs ----------------------------------------------------------------------------------------------------------- */

/* From here to the end of the capture, work on `stream` is recorded instead of done. */
jumpout_status jumpout_cuda_capture_begin(int32_t device, void* stream);
/* Ends the capture, also one that failed; then *graph is NULL. */
jumpout_status jumpout_cuda_capture_end(int32_t device, void* stream, void** graph);
jumpout_status jumpout_cuda_graph_launch(int32_t device, void* graph, void* stream);
jumpout_status jumpout_cuda_graph_destroy(int32_t device, void* graph);

#if defined(JUMPOUT_EXPORTS) && defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif

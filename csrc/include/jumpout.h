/* jumpout: improved dropout for networks with ReLUs (Wang, Zhou, Bilmes, ICML 2019), as a plain C API.
 *
 * Every function returns a status, throws nothing and keeps no pointer after it returned. Memory belongs to the caller. The
 * calling thread needs 64 KiB of stack.
 * docs/numerics.md defines all results, to the bit.
 */
#ifndef JUMPOUT_H
#define JUMPOUT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(JUMPOUT_EXPORTS) && defined(__GNUC__)
#pragma GCC visibility push( \
    default) /* while the shared library is built: the static one stays hidden in what links it */
#endif

typedef enum jumpout_status {
  JUMPOUT_OK = 0,
  JUMPOUT_NULL_POINTER, /* an array that the call needs is missing */
  JUMPOUT_BAD_LENGTH,   /* lengths, groups and layout do not fit each other */
  JUMPOUT_BAD_OPTION,   /* a number outside its range (docs/numerics.md, Terms) */
  JUMPOUT_OVERLAP,      /* arrays overlap in part; the same array in and out is fine */
  JUMPOUT_MISALIGNED,   /* a pointer is not aligned to its element type */
  JUMPOUT_OUT_OF_MEMORY,
  JUMPOUT_BAD_ENVIRONMENT, /* JUMPOUT_CPU_ISA or JUMPOUT_NUM_THREADS has a value that cannot be used */
  JUMPOUT_NO_CUDA,         /* no CUDA in this build, or none on this machine */
  JUMPOUT_CUDA_ERROR,      /* a call of CUDA failed: jumpout_last_cuda_error() */
  JUMPOUT_BAD_DEVICE,      /* no such device, or memory or a stream of another one */
  JUMPOUT_NOT_ON_DEVICE,   /* a pointer that is no memory of a CUDA device */
  JUMPOUT_CAPTURING        /* the call would have to wait for a stream that is being captured */
} jumpout_status;

/* One English sentence, never NULL. For JUMPOUT_BAD_ENVIRONMENT it names the variable and its value, for
 * JUMPOUT_NO_CUDA why there is none. */
const char* jumpout_status_text(jumpout_status status);

/* The argument that the last failing call of this thread was about, by its name here ("options.sigma" for a field of a
 * field), or "". */
const char* jumpout_status_field(void);

/* The three modifications of dropout (paper, section 3). jumpout_default_options gives the defaults. */
typedef struct jumpout_options {
  double sigma;      /* I: standard deviation of the half-Gaussian base rate; default 0.1 */
  double p_min;      /* I: its truncation from below; default 0.01 */
  double p_max;      /* I: its truncation from above; default 0.6 */
  double rate;       /* a fixed base rate instead of I; NaN (default): draw it */
  double max_rate;   /* II: cap of the normalised rate; default 0.6 */
  double exponent;   /* III: survivors are scaled by (1 - p')^-exponent; default 0.75 */
  int32_t normalize; /* II: divide the base rate by the active fraction; default 1 */
  int32_t relu;      /* ReLU first, in the same pass; default 0 */
} jumpout_options;

jumpout_options jumpout_default_options(void);

/* The position of this contiguous range of elements in the whole tensor, its groups and its units.
 * {0, 0, 1, 0} is a whole tensor with one rate, dropped element by element. With channels in the last dimension, element e
 * is of unit floor(e / (unit_size * channels)) * channels + e mod channels, otherwise of unit floor(e / unit_size). */
typedef struct jumpout_layout {
  uint64_t element_offset; /* flat index, in the whole tensor, of this range's first element */
  uint64_t group_size;     /* elements that share one count and one rate; 0: the whole tensor */
  uint64_t unit_size;      /* elements that are dropped together: 1, or a channel's in a sample */
  uint64_t channels;       /* of the last dimension; 0: a unit's elements lie together */
} jumpout_layout;

/* Counts and rates of one group. Doubles, so that a row is five numbers in any language; the two counts are
 * exact below 2^53. */
typedef struct jumpout_group {
  double active;         /* elements > 0 */
  double total;          /* elements */
  double rate;           /* p: the base rate */
  double effective_rate; /* t / 65536: the rate that is applied */
  double scale;          /* what survivors are multiplied with, a float32 value */
} jumpout_group;

/* Groups that a range of `length` elements touches: the number of rows that the calls below read or write. */
size_t jumpout_group_count(size_t length, const jumpout_layout* layout);

/* ceil(length / 32): the words of a packed mask. Bit i & 31 of word i >> 5 says that element i was kept. */
size_t jumpout_mask_words(size_t length);

typedef struct jumpout_forward_args {
  const float* input;    /* [length] */
  float* output;         /* [length]; may be `input` */
  uint32_t* mask;        /* [jumpout_mask_words(length)], or NULL: not saved */
  jumpout_group* groups; /* [jumpout_group_count]: written; with `counted`, active and total are read first */
  size_t length;
  size_t group_count;
  jumpout_layout layout;
  jumpout_options options;
  uint64_t seed;
  uint64_t call; /* < 2^63 - 1; one number per forward call */
  int32_t
      counted; /* nonzero: groups[].active and .total already hold the counts of the whole groups (shards) */
} jumpout_forward_args;

jumpout_status jumpout_forward(const jumpout_forward_args* args);

typedef struct jumpout_backward_args {
  const float* grad_output;    /* [length] */
  float* grad_input;           /* [length]; may be `grad_output` */
  const uint32_t* mask;        /* what forward saved, or NULL: the mask is drawn again */
  const float* output;         /* what forward returned; needed where relu is set and mask is NULL */
  const jumpout_group* groups; /* what forward wrote */
  size_t length;
  size_t group_count;
  jumpout_layout layout;
  uint64_t seed;
  uint64_t call;
  int32_t relu;
} jumpout_backward_args;

jumpout_status jumpout_backward(const jumpout_backward_args* args);

typedef struct jumpout_count_args {
  const float* input;    /* [length] */
  jumpout_group* groups; /* [jumpout_group_count]: active and total of this range are written */
  size_t length;
  size_t group_count;
  jumpout_layout layout;
} jumpout_count_args;

/* Step 1 of docs/numerics.md alone, to be summed over shards. */
jumpout_status jumpout_count_active(const jumpout_count_args* args);

/* Evaluation without ReLU, and its backward: a copy, nothing where `output` is `input`. */
jumpout_status jumpout_identity(const float* input, float* output, size_t length);

/* ---- On a CUDA device ----------------------------------------------------------------------------------------------
 *
 * The same passes, enqueued on a stream: counts, rates, thresholds and scales never visit the host, nothing waits, and
 * every call can be captured into a graph. All pointers but `args` are device memory of `device`, aligned to their type;
 * they are not verified (jumpout_cuda_memory_of does). `stream` is a cudaStream_t, NULL the legacy default stream. */

/* Types of elements. Calls compute on the three floats; masks are uint32, counts and call numbers uint64. */
typedef enum jumpout_dtype {
  JUMPOUT_FLOAT32 = 0,
  JUMPOUT_FLOAT16 = 1,
  JUMPOUT_BFLOAT16 = 2,
  JUMPOUT_UINT32 = 3,
  JUMPOUT_UINT64 = 4
} jumpout_dtype;

/* Counts and rates of one group on the device: all that backward and statistics read. 48 bytes. */
typedef struct jumpout_record {
  uint64_t active;    /* elements > 0 */
  uint64_t total;     /* elements */
  double rate;        /* p: the base rate */
  uint32_t threshold; /* t: a unit is kept iff its 16 bits are at least t; the applied rate is t / 65536 */
  float scale;        /* what survivors are multiplied with */
  uint64_t seed;
  uint64_t call;
} jumpout_record;

/* The statistics of a record that was copied to the host. */
jumpout_group jumpout_group_of_record(const jumpout_record* record);

/* Device memory that calls on one stream share, 16-byte aligned: zeroed once, before the first of them. One for each stream,
 * and one for each graph that can run beside anything else that uses it: two calls at once that share one give wrong results
 * or never end. */
#define JUMPOUT_WORKSPACE_BYTES 64

typedef struct jumpout_device_forward_args {
  const void* input;       /* [length] of dtype */
  void* output;            /* [length] of dtype; may be `input` */
  uint32_t* mask;          /* [jumpout_mask_words(length)], or NULL: not saved */
  jumpout_record* records; /* [jumpout_group_count]: written */
  const uint64_t*
      active; /* [jumpout_group_count]: counts of the whole groups, made elsewhere; NULL: counted here */
  uint64_t*
      call_counter; /* one call number, read instead of `call` and then advanced by one, to 2^63 - 1 at most, where the
                           * last call is repeated; or NULL */
  void* workspace; /* JUMPOUT_WORKSPACE_BYTES */
  void* stream;
  size_t length;
  size_t group_count;
  jumpout_layout layout;
  jumpout_options options;
  uint64_t
      total; /* elements of each whole group; 0: as the layout says, which is all of them here without groups */
  uint64_t seed;
  uint64_t call;
  jumpout_dtype dtype;
  int32_t device; /* -1: the current one */
  int32_t
      all_active; /* nonzero, without `active`: nothing is counted, every element counts as active (a ReLU alone) */
} jumpout_device_forward_args;

jumpout_status jumpout_device_forward(const jumpout_device_forward_args* args);

typedef struct jumpout_device_backward_args {
  const void* grad_output;       /* [length] of dtype */
  void* grad_input;              /* [length] of dtype; may be `grad_output` */
  const uint32_t* mask;          /* what forward saved, or NULL: the mask is drawn again */
  const void* output;            /* what forward returned; needed where relu is set and mask is NULL */
  const jumpout_record* records; /* what forward wrote: seed and call, too, are read there */
  void* stream;
  size_t length;
  size_t group_count;
  jumpout_layout layout;
  jumpout_dtype dtype;
  int32_t device; /* -1: the current one */
  int32_t relu;
} jumpout_device_backward_args;

jumpout_status jumpout_device_backward(const jumpout_device_backward_args* args);

typedef struct jumpout_device_count_args {
  const void* input; /* [length] of dtype */
  uint64_t* active;  /* [jumpout_group_count]: written; what forward takes, once summed over shards */
  void* stream;
  size_t length;
  size_t group_count;
  jumpout_layout layout;
  jumpout_dtype dtype;
  int32_t device; /* -1: the current one */
} jumpout_device_count_args;

jumpout_status jumpout_device_count_active(const jumpout_device_count_args* args);

typedef struct jumpout_device_identity_args {
  const void* input; /* [length] of dtype */
  void* output;      /* [length] of dtype; may be `input` */
  void* stream;
  size_t length;
  jumpout_dtype dtype;
  int32_t device; /* -1: the current one */
} jumpout_device_identity_args;

jumpout_status jumpout_device_identity(const jumpout_device_identity_args* args);

/* ---- Everywhere --------------------------------------------------------------------------------------------------- */

/* An independent seed for a layer, a rank or a worker, from `seed` and a number that tells them apart. */
uint64_t jumpout_fold_in(uint64_t seed, uint64_t data);

/* 16-bit floats, for hosts without such a type: widening is exact, narrowing rounds to nearest even. `dtype` is
 * JUMPOUT_FLOAT16 or JUMPOUT_BFLOAT16. The arrays may not overlap. */
jumpout_status jumpout_widen(jumpout_dtype dtype, const uint16_t* from, float* to, size_t length);
jumpout_status jumpout_narrow(jumpout_dtype dtype, const float* from, uint16_t* to, size_t length);

/* Features of this build and this machine. The strings live as long as the process. */
typedef struct jumpout_runtime {
  const char* version;
  const char* cpu_isa; /* "avx512", "avx2", "neon" or "scalar" */
  int32_t cpu_threads;
  int32_t cuda_compiled;
  int32_t cuda_available;
  const char* cuda_reason; /* why there is no CUDA, or on which devices, or NULL */
} jumpout_runtime;

/* Reads the environment and asks the CUDA driver, once, at the first call; JUMPOUT_BAD_ENVIRONMENT if a value cannot be
 * used. Forward, backward, count and every jumpout_device_ call then return it as well. */
jumpout_status jumpout_get_runtime(jumpout_runtime* runtime);

/* The part of it that host calls depend on. */
typedef struct jumpout_host {
  const char* version;
  const char* cpu_isa;
  int32_t cpu_threads;
} jumpout_host;

/* Like jumpout_get_runtime, but never loads or asks the CUDA driver. */
jumpout_status jumpout_get_host(jumpout_host* host);

#if defined(JUMPOUT_EXPORTS) && defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif

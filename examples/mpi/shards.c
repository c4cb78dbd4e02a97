/* mpirun -n N shards LENGTH FILE: ReLU and jumpout on one tensor that lies in parts on N ranks, forward and backward. Rank 0
 * writes the output, the gradient and the mask of the whole tensor to FILE: the same bytes for every N. */
#include <jumpout.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static const uint64_t seed = 2026, call = 7;

/* Without a status of its own for each: a failing rank ends all. */
static void check(int passed, const char* what) {
  if (passed) return;
  fprintf(stderr, "%s: %s\n", what, jumpout_status_field());
  MPI_Abort(MPI_COMM_WORLD, 1);
}

static void* allocate(size_t bytes) {
  void* memory = malloc(bytes ? bytes : 1);
  check(memory != NULL, "no memory");
  return memory;
}

/* Element i of the whole tensor, in [-1, 1): a float32 without rounding. */
static float element(uint64_t i) { return (float)((i * 2654435761u & 0xffffffff) >> 8) / 8388608.0f - 1.0f; }

/* Masks can be joined where every part but the last begins at a multiple of 32. */
static uint64_t first_of(int rank, int ranks, uint64_t length) {
  const uint64_t words = jumpout_mask_words(length), first = words * (uint64_t)rank / (uint64_t)ranks * 32;
  return first < length ? first : length;
}

/* The parts of all ranks, one after the other, at the end of the file of rank 0. */
static void append(FILE* file, const void* part, uint64_t length, MPI_Datatype type) {
  int rank, ranks, bytes, count = (int)length, *counts = NULL, *starts = NULL;
  size_t whole = 0;
  char* joined = NULL;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  MPI_Type_size(type, &bytes);
  if (rank == 0) {
    counts = allocate((size_t)ranks * sizeof *counts);
    starts = allocate((size_t)ranks * sizeof *starts);
  }
  MPI_Gather(&count, 1, MPI_INT, counts, 1, MPI_INT, 0, MPI_COMM_WORLD);
  for (int r = 0; rank == 0 && r < ranks; ++r) {
    starts[r] = (int)whole;
    whole += (size_t)counts[r];
  }
  if (rank == 0) joined = allocate(whole * (size_t)bytes);
  MPI_Gatherv(part, count, type, joined, counts, starts, type, 0, MPI_COMM_WORLD);
  if (rank == 0) check(fwrite(joined, (size_t)bytes, whole, file) == whole, "fwrite");
  free(joined);
  free(counts);
  free(starts);
}

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank, ranks;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  check(argc == 3, "mpirun -n N shards LENGTH FILE");
  const uint64_t whole = strtoull(argv[1], NULL, 10);
  const uint64_t first = first_of(rank, ranks, whole);
  const size_t length = first_of(rank + 1, ranks, whole) - first;
  const size_t words = jumpout_mask_words(length);

  float* input = allocate(length * sizeof *input);
  float* output = allocate(length * sizeof *output);
  float* gradient = allocate(length * sizeof *gradient);
  uint32_t* mask = allocate(words * sizeof *mask);
  for (size_t i = 0; i < length; ++i) {
    input[i] = element(first + i);
    gradient[i] = 1.0f;
  }

  /* The one message: active and total elements of the whole tensor. Sums of whole numbers below 2^53 are exact in any
   * order. */
  const jumpout_layout layout = {.element_offset = first, .unit_size = 1};
  jumpout_group group = {0};
  const jumpout_count_args count = {
      .input = input, .groups = &group, .length = length, .group_count = 1, .layout = layout};
  check(jumpout_count_active(&count) == JUMPOUT_OK, "jumpout_count_active");
  double counts[2] = {group.active, group.total};
  MPI_Allreduce(MPI_IN_PLACE, counts, 2, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  group.active = counts[0];
  group.total = counts[1];

  jumpout_forward_args forward = {.input = input,
                                  .output = output,
                                  .mask = mask,
                                  .groups = &group,
                                  .length = length,
                                  .group_count = 1,
                                  .layout = layout,
                                  .options = jumpout_default_options(),
                                  .seed = seed,
                                  .call = call,
                                  .counted = 1};
  forward.options.relu = 1;
  check(jumpout_forward(&forward) == JUMPOUT_OK, "jumpout_forward");

  const jumpout_backward_args backward = {.grad_output = gradient,
                                          .grad_input = gradient,
                                          .mask = mask,
                                          .groups = &group,
                                          .length = length,
                                          .group_count = 1,
                                          .layout = layout,
                                          .seed = seed,
                                          .call = call,
                                          .relu = 1};
  check(jumpout_backward(&backward) == JUMPOUT_OK, "jumpout_backward");

  FILE* file = NULL;
  if (rank == 0) {
    printf("%d ranks, active %.0f of %.0f, rate %.9f\n", ranks, group.active, group.total,
           group.effective_rate);
    file = fopen(argv[2], "wb");
    check(file != NULL, "fopen");
  }
  append(file, output, length, MPI_FLOAT);
  append(file, gradient, length, MPI_FLOAT);
  append(file, mask, words, MPI_UINT32_T);
  if (file) check(fclose(file) == 0, "fclose");

  free(input);
  free(output);
  free(gradient);
  free(mask);
  MPI_Finalize();
  return 0;
}

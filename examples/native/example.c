/* The example of the README in C: ReLU and jumpout on eight floats, and the gradient. */
#include <jumpout.h>
#include <stdio.h>

enum { LENGTH = 8 };

static int failed(jumpout_status status, const char* what) {
  if (status != JUMPOUT_OK)
    fprintf(stderr, "%s: %s (%s)\n", what, jumpout_status_text(status), jumpout_status_field());
  return status != JUMPOUT_OK;
}

static void print(const float* values) {
  for (int i = 0; i < LENGTH; ++i) printf("%.9g%c", values[i], i < LENGTH - 1 ? ' ' : '\n');
}

int main(void) {
  const float x[LENGTH] = {1, -2, 3, 4, -5, 6, 7, -8};
  float y[LENGTH];
  float dx[LENGTH] = {1, 1, 1, 1, 1, 1, 1, 1}; /* the gradient of y, which backward replaces */
  uint32_t mask[1];                            /* jumpout_mask_words(LENGTH) */
  jumpout_group group;
  jumpout_forward_args forward = {0};
  jumpout_backward_args backward = {0};

  forward.input = x;
  forward.output = y;
  forward.mask = mask;
  forward.groups = &group;
  forward.length = LENGTH;
  forward.group_count = 1;
  forward.layout.unit_size = 1; /* the whole tensor has one rate, and is dropped element by element */
  forward.options = jumpout_default_options();
  forward.options.relu = 1;
  forward.seed = jumpout_fold_in(2, 0); /* seed 2, layer 0 */
  forward.call = 0;                     /* one number per forward */
  if (failed(jumpout_forward(&forward), "jumpout_forward")) return 1;

  backward.grad_output = dx;
  backward.grad_input = dx;
  backward.mask = mask;
  backward.groups = &group;
  backward.length = LENGTH;
  backward.group_count = 1;
  backward.layout = forward.layout;
  backward.relu = 1;
  if (failed(jumpout_backward(&backward), "jumpout_backward")) return 1;

  printf("rate %.9g\n", group.effective_rate);
  print(y);
  print(dx);
  return 0;
}

// The example of the README in C++: a layer that counts its calls and throws what went wrong.
#include <jumpout.h>

#include <cstdio>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

void check(jumpout_status status) {
  if (status != JUMPOUT_OK)
    throw std::runtime_error(std::string(jumpout_status_text(status)) + " (" + jumpout_status_field() + ")");
}

// The whole tensor has one rate, and is dropped element by element.
constexpr jumpout_layout kWhole = [] {
  jumpout_layout layout{};
  layout.unit_size = 1;
  return layout;
}();

// ReLU and jumpout in one pass. Each forward has one backward.
class Jumpout {
 public:
  Jumpout(uint64_t seed, uint64_t layer)
      : seed_(jumpout_fold_in(seed, layer)), options_(jumpout_default_options()) {
    options_.relu = 1;
  }

  // `y` has the size of `x`, and may be it.
  void forward(std::span<const float> x, std::span<float> y) {
    check_size(x.size(), y.size());
    mask_.resize(jumpout_mask_words(x.size()));
    const jumpout_forward_args args{.input = x.data(),
                                    .output = y.data(),
                                    .mask = mask_.data(),
                                    .groups = &group_,
                                    .length = x.size(),
                                    .group_count = 1,
                                    .layout = kWhole,
                                    .options = options_,
                                    .seed = seed_,
                                    .call = call_,
                                    .counted = 0};
    check(jumpout_forward(&args));
    ++call_;
    length_ = x.size();
  }

  // `dx` has the size of `dy`, and may be it.
  void backward(std::span<const float> dy, std::span<float> dx) const {
    check_size(length_, dy.size());
    check_size(length_, dx.size());
    const jumpout_backward_args args{.grad_output = dy.data(),
                                     .grad_input = dx.data(),
                                     .mask = mask_.data(),
                                     .output = nullptr,
                                     .groups = &group_,
                                     .length = length_,
                                     .group_count = 1,
                                     .layout = kWhole,
                                     .seed = seed_,
                                     .call = call_ - 1,
                                     .relu = 1};
    check(jumpout_backward(&args));
  }

  double rate() const { return group_.effective_rate; }

 private:
  static void check_size(size_t expected, size_t size) {
    if (size != expected)
      throw std::length_error("Expected " + std::to_string(expected) + " floats, got " +
                              std::to_string(size));
  }

  uint64_t seed_;
  uint64_t call_ = 0;
  jumpout_options options_;
  jumpout_group group_{};
  std::vector<uint32_t> mask_;
  size_t length_ = 0;
};

void print(std::span<const float> values) {
  const char* separator = "";
  for (const float value : values) {
    std::printf("%s%.9g", separator, value);
    separator = " ";
  }
  std::printf("\n");
}

}  // namespace

int main() try {
  const std::vector<float> x{1, -2, 3, 4, -5, 6, 7, -8};
  std::vector<float> y(x.size()), dx(x.size(), 1.0f);
  Jumpout layer(2, 0);
  layer.forward(x, y);
  layer.backward(dx, dx);
  std::printf("rate %.9g\n", layer.rate());
  print(y);
  print(dx);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}

// The C API on the host (jumpout.h), every function with arguments of any kind.
#include "core/raw_number.hpp"
#include "host_calls.hpp"

namespace {

using fuzz::Arena;
using fuzz::Bytes;
using fuzz::layoutOf, fuzz::lengthOf, fuzz::modeOf, fuzz::numbered, fuzz::optionsOf, fuzz::rowsOf,
    fuzz::spoil;
using fuzz::require;

Arena& arena() {
  static Arena& one = *new Arena;
  return one;
}

template <class T>
T* arrayOf(Bytes& in, size_t count) {
  return arena().array<T>(count, in.below(17));
}

float* tensorOf(Bytes& in, size_t length) {
  float* const first = arrayOf<float>(in, length);
  if (arena().holds(jumpout::arrayOf("", first, length, true)))
    fuzz::fillTensor(in.take<uint8_t>(), first, length);
  return first;
}

// Counts that fit, or any doubles.
jumpout_group* groupsOf(Bytes& in, size_t rows, size_t length, const jumpout_layout& layout) {
  jumpout_group* const first = arrayOf<jumpout_group>(in, rows);
  if (!arena().holds(jumpout::arrayOf("", first, rows, true))) return first;
  const double total = static_cast<double>(layout.group_size ? layout.group_size : length + in.below(100));
  for (size_t row = 0; row < rows; ++row) {
    jumpout_group& group = first[row];
    group = {std::floor(total * in.take<uint8_t>() / 255.0), total, 0.25, 0.25, 1.5};
    if (in.oneIn(8)) group.active = in.real(group.active);
    if (in.oneIn(8)) group.total = in.real(group.total);
    if (in.oneIn(2)) group.effective_rate = in.real(group.effective_rate);
    if (in.oneIn(4)) group.scale = in.real(group.scale);
  }
  return first;
}

void forward(Bytes& in) {
  jumpout_forward_args args = {};
  args.length = lengthOf(in);
  args.layout = layoutOf(in, args.length);
  args.counted = in.oneIn(3);
  args.group_count = rowsOf(in, args.length, args.layout);
  args.options = optionsOf(in);
  args.seed = in.integer(1);
  args.call = in.integer(2);
  args.input = tensorOf(in, args.length);
  args.output = in.oneIn(4) ? const_cast<float*>(args.input) : arrayOf<float>(in, args.length);
  args.mask = in.oneIn(3) ? nullptr : arrayOf<uint32_t>(in, jumpout_mask_words(args.length));
  const size_t cut = in.take<uint16_t>();
  const int mode = modeOf(in);
  args.groups = groupsOf(in, args.group_count, args.length, args.layout);
  spoil(in, args);
  fuzz::callForward(arena(), args, cut, mode);
}

void backward(Bytes& in) {
  jumpout_backward_args args = {};
  args.length = lengthOf(in);
  args.layout = layoutOf(in, args.length);
  args.group_count = rowsOf(in, args.length, args.layout);
  args.seed = in.integer(1);
  args.call = in.integer(2);
  args.relu = in.oneIn(2);
  args.grad_output = tensorOf(in, args.length);
  args.grad_input = in.oneIn(4) ? const_cast<float*>(args.grad_output) : arrayOf<float>(in, args.length);
  args.mask = in.oneIn(2) ? nullptr : arrayOf<uint32_t>(in, jumpout_mask_words(args.length));
  args.output = in.oneIn(2) ? nullptr : tensorOf(in, args.length);
  const int mode = modeOf(in);
  args.groups = groupsOf(in, args.group_count, args.length, args.layout);
  spoil(in, args);
  fuzz::callBackward(arena(), args, mode);
}

void count(Bytes& in) {
  jumpout_count_args args = {};
  args.length = lengthOf(in);
  args.layout = layoutOf(in, args.length);
  args.group_count = rowsOf(in, args.length, args.layout);
  args.input = tensorOf(in, args.length);
  const int mode = modeOf(in);
  args.groups = groupsOf(in, args.group_count, args.length, args.layout);
  spoil(in, args);
  fuzz::callCount(arena(), args, mode);
}

void identity(Bytes& in) {
  jumpout::IdentityArgs args{};
  args.length = lengthOf(in);
  args.input = tensorOf(in, args.length);
  args.output = in.oneIn(4) ? const_cast<float*>(args.input) : arrayOf<float>(in, args.length);
  spoil(in, args);
  const auto run = [](const jumpout::IdentityArgs* made) {
    return jumpout_identity(made->input, made->output, made->length);
  };
  if (!fuzz::made(arena(), args, modeOf(in), run) || args.length == 0) return;
  require(std::memcmp(args.output, arena().before(args.input), args.length * sizeof(float)) == 0,
          "identity copies");
}

template <auto kFunction, class Args>
void convert(Bytes& in, const Args& given, jumpout_dtype dtype, bool floating) {
  Args args = given;
  spoil(in, args);
  const auto spans = jumpout::spansOf(args);
  const jumpout_status checked = jumpout::check(args);
  if (checked == JUMPOUT_OK && !arena().holds(spans)) return;
  const int mode = modeOf(in);
  const jumpout_status status = arena().watched(spans, [&] {
    return fuzz::inMode(mode, [&] { return kFunction(dtype, args.from, args.to, args.length); });
  });
  require(status == (floating ? checked : JUMPOUT_BAD_OPTION), "a conversion gives the status of its checks");
  require(status == JUMPOUT_OK ? arena().unchangedBeside(spans) : arena().unchanged(),
          "a conversion's memory");
}

// Every 16-bit float survives the way there and back, but for the payload of a NaN.
void conversions(Bytes& in) {
  const auto dtype = numbered<jumpout_dtype>(in, JUMPOUT_FLOAT16);
  const uint32_t number = jumpout::rawNumber(dtype);
  const bool floating = number == JUMPOUT_FLOAT16 || number == JUMPOUT_BFLOAT16;
  const size_t length = lengthOf(in);
  auto* const narrow = arrayOf<uint16_t>(in, length);
  float* const wide = tensorOf(in, length);
  if (in.oneIn(2)) {
    convert<jumpout_narrow>(in, jumpout::NarrowArgs{wide, narrow, length}, dtype, floating);
    return;
  }
  if (arena().holds(jumpout::arrayOf("", narrow, length, true)))
    for (size_t i = 0; i < length; ++i) narrow[i] = static_cast<uint16_t>(jumpout::foldIn(length, i));
  convert<jumpout_widen>(in, jumpout::WidenArgs{narrow, wide, length}, dtype, floating);
  const uint16_t bits = in.take<uint16_t>();
  float value = 0;
  uint16_t back = 0;
  if (jumpout_widen(dtype, &bits, &value, 1) != JUMPOUT_OK) return;
  require(jumpout_narrow(dtype, &value, &back, 1) == JUMPOUT_OK, "narrow");
  require(value != value || back == bits, "a 16-bit float survives");
}

// What takes numbers alone, and what has no arguments but a place for its result.
void small(Bytes& in) {
  const jumpout_layout layout = {in.integer(0), in.integer(0), in.integer(1), in.integer(0)};
  const size_t length = in.integer(1);
  require(jumpout_group_count(length, nullptr) == 0, "no layout, no groups");
  jumpout_group_count(length, &layout);
  require(jumpout_mask_words(length) == length / 32 + (length % 32 ? 1 : 0), "mask words");
  require(*jumpout_status_text(numbered<jumpout_status>(in, JUMPOUT_OK)) != 0, "every status has a text");
  const uint64_t seed = in.integer(0), data = in.integer(0);
  require(jumpout_fold_in(seed, data) == jumpout::foldIn(seed, data), "fold_in");
  jumpout_record record = {in.integer(0), in.integer(0), in.real(0.5), static_cast<uint32_t>(in.integer(0)),
                           1.0f,          seed,          data};
  const jumpout_group row = jumpout_group_of_record(&record);
  require(row.effective_rate == record.threshold / 65536.0, "the row of a record");
  require(jumpout_group_of_record(nullptr).total == 0.0, "the row of no record");
  require(jumpout_get_host(nullptr) == JUMPOUT_NULL_POINTER &&
              jumpout_get_runtime(nullptr) == JUMPOUT_NULL_POINTER,
          "no place for the runtime");
  require(jumpout_forward(nullptr) == JUMPOUT_NULL_POINTER &&
              jumpout_backward(nullptr) == JUMPOUT_NULL_POINTER &&
              jumpout_count_active(nullptr) == JUMPOUT_NULL_POINTER,
          "no arguments");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr void (*kCalls[])(Bytes&) = {forward, backward, count, identity, conversions, small};
  Bytes in(data, size);
  arena().clear();
  kCalls[in.below(std::size(kCalls))](in);
  return 0;
}

// The descriptor of a call (core/descriptor.hpp), any doubles, and the call that it makes.
#include "core/descriptor.hpp"

#include <cmath>

#include "host_calls.hpp"

namespace {

using fuzz::Arena;
using fuzz::Bytes;
using fuzz::require;
using jumpout::Descriptor;

constexpr size_t kMostElements = 300;

bool isInteger(double value, double limit) {
  return value >= 0.0 && value < limit && std::floor(value) == value;
}

// What `read` gives, or nothing where it throws; `wanted` says which.
template <class Read>
auto readIf(bool wanted, const Read& read, const char* what) {
  decltype(read()) value{};
  bool threw = false;
  try {
    value = read();
  } catch (const jumpout::NotAnInteger&) {
    threw = true;
  }
  require(threw != wanted,
          std::string(what) + " is refused where a number is none of its integers, and only there");
  return value;
}

uint64_t joined(double low, double high) {
  return static_cast<uint64_t>(low) + static_cast<uint64_t>(high) * (uint64_t{1} << 32);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Arena& arena = *new Arena;
  arena.clear();
  Bytes in(data, size);
  const Descriptor usual = {0.1, 0.01, 0.6, NAN, 0.6, 0.75, 1, 0, 1, 0, 2, 0, 0, 0, 1, 0, 0};
  double numbers[jumpout::kDescriptorLength];
  std::memcpy(numbers, &usual, sizeof numbers);
  // Few fields of another value, or all of them.
  const bool all = in.oneIn(8);
  for (double& number : numbers)
    if (all || in.oneIn(4)) number = in.real(number);
  Descriptor fields;
  std::memcpy(&fields, numbers, sizeof fields);

  constexpr double kWord = 0x1p32, kExact = 0x1p53;
  const bool seed_fits = isInteger(fields.seedLow, kWord) && isInteger(fields.seedHigh, kWord);
  const bool call_fits = isInteger(fields.callLow, kWord) && isInteger(fields.callHigh, kWord);
  const bool layout_fits = isInteger(fields.elementOffset, kExact) && isInteger(fields.groupSize, kExact) &&
                           isInteger(fields.unitSize, kExact) && isInteger(fields.channels, kExact);
  jumpout_forward_args args = {};
  args.seed = readIf(seed_fits, [&] { return fields.seed(); }, "a seed");
  args.call = readIf(call_fits, [&] { return fields.call(); }, "a call");
  args.layout = readIf(layout_fits, [&] { return fields.layout(); }, "a layout");
  args.options = fields.options();
  require(check::sameFloat(static_cast<float>(args.options.sigma), static_cast<float>(fields.sigma)),
          "sigma");
  require(args.options.relu == (fields.relu != 0.0) && args.options.normalize == (fields.normalize != 0.0),
          "flags");
  if (!seed_fits || !call_fits || !layout_fits) return 0;
  require(args.seed == joined(fields.seedLow, fields.seedHigh), "the seed");
  require(args.call == joined(fields.callLow, fields.callHigh), "the call");
  require(args.layout.element_offset == static_cast<uint64_t>(fields.elementOffset) &&
              args.layout.channels == static_cast<uint64_t>(fields.channels),
          "the layout");

  args.length = in.below(kMostElements);
  args.counted = fields.counted != 0.0;
  args.group_count = jumpout_group_count(args.length, &args.layout);
  float* const input = arena.array<float>(args.length, 0);
  fuzz::fillTensor(in.take<uint8_t>(), input, args.length);
  args.input = input;
  args.output = arena.array<float>(args.length, 0);
  args.mask = arena.array<uint32_t>(jumpout_mask_words(args.length), 0);
  args.groups = arena.array<jumpout_group>(args.group_count, 0);
  if (arena.holds(jumpout::arrayOf("", args.groups, args.group_count, true)))
    for (size_t row = 0; row < args.group_count; ++row)
      args.groups[row] = {3, fields.groupSize != 0.0 ? fields.groupSize : double{kMostElements}, 0, 0, 0};
  fuzz::callForward(arena, args, in.take<uint8_t>());
  return 0;
}

#include "cpu/backend.hpp"

#include <algorithm>
#include <mutex>

#include "core/layout.hpp"
#include "core/rate.hpp"
#include "cpu/sweep.hpp"

namespace jumpout::cpu {
namespace {

// What a thread claims at a time. A multiple of the mask word, so that every word has one owner.
constexpr size_t kPartElements = size_t{64} << 10;
constexpr size_t kPartGroups = 256;

constexpr size_t partsOf(size_t count, size_t size) { return count / size + (count % size != 0); }

}  // namespace

Backend::Backend(const Isa& isa, unsigned threads, size_t streaming_bytes)
    : isa_(isa), kernels_(*isa.kernels), streaming_bytes_(streaming_bytes), pool_(threads) {}

// Calls body(begin, end) for the parts of [0, kind.elements).
template <class Body>
void Backend::forEachPart(const Kind& kind, Order order, const Body& body) {
  const size_t parts = partsOf(kind.elements, kPartElements);
  pool_.forEachChunk(kind, parts, [&](size_t index) {
    const size_t begin = (order == Order::kAscending ? index : parts - 1 - index) * kPartElements;
    body(begin, std::min(kind.elements, begin + kPartElements));
  });
}

void Backend::countActive(const jumpout_count_args& args) { count(args, {Pass::kCount, args.length}); }

void Backend::count(const jumpout_count_args& args, const Kind& kind) {
  for (size_t row = 0; row < args.group_count; ++row) args.groups[row].active = args.groups[row].total = 0.0;
  std::mutex shared_rows;
  forEachPart(kind, Order::kAscending, [&](size_t begin, size_t end) {
    forEachRow(args.layout, begin, end, [&](size_t row, size_t from, size_t to) {
      const double active = static_cast<double>(kernels_.countActive(args.input + from, to - from));
      const double total = static_cast<double>(to - from);
      jumpout_group& group = args.groups[row];
      // Only a group that may reach past this part can be another thread's too.
      if ((from > begin || begin == 0) && (to < end || end == args.length)) {
        group.active = active;
        group.total = total;
      } else {
        std::lock_guard<std::mutex> lock(shared_rows);
        group.active += active;
        group.total += total;
      }
    });
  });
}

void Backend::drawRates(const jumpout_forward_args& args) {
  const uint64_t first_group = groupOf(args.layout, args.layout.element_offset);
  const size_t parts = partsOf(args.group_count, kPartGroups);
  pool_.forEachChunk({Pass::kRates, args.length}, parts, [&](size_t part) {
    const size_t end = std::min(args.group_count, (part + 1) * kPartGroups);
    for (size_t row = part * kPartGroups; row < end; ++row)
      drawRate(args.options, args.seed, args.call, first_group + row, args.groups[row]);
  });
}

void Backend::forward(const jumpout_forward_args& args) {
  const bool in_place = args.output == args.input;
  if (!args.counted)
    count({args.input, args.groups, args.length, args.group_count, args.layout},
          {Pass::kCountAhead, args.length, in_place});
  drawRates(args);
  Sweep sweep{kernels_, args.layout, args.groups, args.seed, args.call};
  sweep.gate = args.options.relu ? Gate::kPositiveInput : Gate::kNone;
  sweep.input = args.input;
  sweep.output = args.output;
  sweep.mask = args.mask;
  sweep.chooseStores(args.length, streaming_bytes_);
  if (args.mask && args.length) args.mask[maskWords(args.length) - 1] = 0;
  // The count left the end of the input in cache.
  forEachPart({Pass::kForward, args.length, in_place}, Order::kDescending,
              [&](size_t begin, size_t end) { sweep.applyDraws(begin, end); });
}

void Backend::backward(const jumpout_backward_args& args) {
  Sweep sweep{kernels_, args.layout, args.groups, args.seed, args.call};
  sweep.input = args.grad_output;
  sweep.output = args.grad_input;
  sweep.chooseStores(args.length, streaming_bytes_);
  const bool in_place = args.grad_input == args.grad_output;
  if (args.mask) {
    const auto apply = [&](size_t begin, size_t end) { sweep.applyMask(args.mask, begin, end); };
    return forEachPart({Pass::kBackward, args.length, in_place}, Order::kAscending, apply);
  }
  sweep.gate = args.relu ? Gate::kNonzeroPartner : Gate::kNone;
  sweep.partner = args.relu ? args.output : nullptr;
  forEachPart({Pass::kBackwardFromSeed, args.length, in_place}, Order::kAscending,
              [&](size_t begin, size_t end) { sweep.applyDraws(begin, end); });
}

}  // namespace jumpout::cpu

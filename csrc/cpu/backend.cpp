#include "cpu/backend.hpp"

#include <algorithm>
#include <mutex>

#include "core/layout.hpp"
#include "core/rate.hpp"
#include "cpu/sweep.hpp"

namespace jumpout::cpu {
namespace {

// Elements that a thread claims at a time. A multiple of the mask word, so that every word has one owner.
constexpr size_t kPartElements = size_t{64} << 10;
constexpr size_t kPartGroups = 256;

constexpr size_t partsOf(size_t count, size_t size) { return count / size + (count % size != 0); }

enum class Order { kAscending, kDescending };

// Calls body(begin, end) for the parts of [0, length).
template <class Body>
void forEachPart(ThreadPool::Call& call, size_t length, Order order, const Body& body) {
  const size_t parts = partsOf(length, kPartElements);
  call.forEachChunk(parts, [&](size_t index) {
    const size_t begin = (order == Order::kAscending ? index : parts - 1 - index) * kPartElements;
    body(begin, std::min(length, begin + kPartElements));
  });
}

void drawRates(ThreadPool::Call& call, const jumpout_forward_args& args) {
  const uint64_t first_group = groupOf(args.layout, args.layout.element_offset);
  call.forEachChunk(partsOf(args.group_count, kPartGroups), [&](size_t part) {
    const size_t end = std::min(args.group_count, (part + 1) * kPartGroups);
    for (size_t row = part * kPartGroups; row < end; ++row)
      drawRate(args.options, args.seed, args.call, first_group + row, args.groups[row]);
  });
}

}  // namespace

Backend::Backend(const Isa& isa, unsigned threads, size_t streaming_bytes)
    : isa_(isa), kernels_(*isa.kernels), streaming_bytes_(streaming_bytes), pool_(threads) {}

void Backend::countActive(const jumpout_count_args& args) {
  ThreadPool::Call call(pool_, {Operation::kCount, args.length});
  count(call, args);
}

void Backend::count(ThreadPool::Call& call, const jumpout_count_args& args) const {
  for (size_t row = 0; row < args.group_count; ++row) args.groups[row].active = args.groups[row].total = 0.0;
  std::mutex shared_rows;
  forEachPart(call, args.length, Order::kAscending, [&](size_t begin, size_t end) {
    forEachRow(args.layout, begin, end, [&](size_t row, size_t from, size_t to) {
      const double active = static_cast<double>(kernels_.countActive(args.input + from, to - from));
      const double total = static_cast<double>(to - from);
      jumpout_group& group = args.groups[row];
      // Another thread writes the same row only where the group may reach past this part.
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

void Backend::forward(const jumpout_forward_args& args) {
  ThreadPool::Call call(pool_, {Operation::kForward, args.length, args.output == args.input});
  if (!args.counted) count(call, {args.input, args.groups, args.length, args.group_count, args.layout});
  drawRates(call, args);
  Sweep sweep{kernels_, args.layout, args.groups, args.seed, args.call};
  sweep.gate = args.options.relu ? Gate::kPositiveInput : Gate::kNone;
  sweep.input = args.input;
  sweep.output = args.output;
  sweep.mask = args.mask;
  sweep.chooseStores(args.length, streaming_bytes_);
  if (args.mask && args.length) args.mask[maskWords(args.length) - 1] = 0;
  // The count left the end of the input in cache.
  forEachPart(call, args.length, Order::kDescending,
              [&](size_t begin, size_t end) { sweep.applyDraws(begin, end); });
}

void Backend::backward(const jumpout_backward_args& args) {
  Sweep sweep{kernels_, args.layout, args.groups, args.seed, args.call};
  sweep.input = args.grad_output;
  sweep.output = args.grad_input;
  sweep.chooseStores(args.length, streaming_bytes_);
  if (!args.mask) {
    sweep.gate = args.relu ? Gate::kNonzeroPartner : Gate::kNone;
    sweep.partner = args.relu ? args.output : nullptr;
  }
  const Operation operation = args.mask ? Operation::kBackward : Operation::kBackwardFromSeed;
  ThreadPool::Call call(pool_, {operation, args.length, args.grad_input == args.grad_output});
  forEachPart(call, args.length, Order::kAscending, [&](size_t begin, size_t end) {
    if (args.mask)
      sweep.applyMask(args.mask + begin / kMaskWordBits, begin, end);
    else
      sweep.applyDraws(begin, end);
  });
}

}  // namespace jumpout::cpu

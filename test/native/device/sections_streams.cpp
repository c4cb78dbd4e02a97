// Calls in stream order, unwaited for: call numbers on the device, graphs and their replays, two streams, refusals.
#include <cstring>
#include <memory>

#include "sections.hpp"

namespace device_tests {
namespace {

// Device memory of one forward and one backward call, for sections that enqueue before they look.
struct Chain {
  Chain(const Device& device, const Case& c)
      : c(c),
        device(device),
        bytes(c.length * bytesOf(c.dtype)),
        input(device, bytes, 0, true),
        output(device, bytes, 0, true),
        mask(device, 4 * ((c.length + 31) / 32), 0, true),
        records(device, groupsOf(c) * sizeof(jumpout_record), 0, true),
        gradient(device, bytes, 0, true),
        values(valuesOf(c, c.values, c.data_seed)),
        gradients(valuesOf(c, Values::kSigned, c.data_seed + 1)) {
    input.write(packed(c.dtype, values).data());
    gradient.write(packed(c.dtype, gradients).data());
  }

  // Forward, then backward in place of the gradient.
  void enqueue(uint64_t* counter, bool from_mask) {
    jumpout_device_forward_args args = forwardArgs(device, c);
    args.input = input.data();
    args.output = output.data();
    args.mask = mask.data<uint32_t>();
    args.records = records.data<jumpout_record>();
    args.call_counter = counter;
    device.forward(args);
    const jumpout_device_backward_args back{gradient.data(),
                                            gradient.data(),
                                            from_mask ? mask.data<uint32_t>() : nullptr,
                                            output.data(),
                                            records.data<jumpout_record>(),
                                            device.stream(),
                                            c.length,
                                            groupsOf(c),
                                            c.layout,
                                            c.dtype,
                                            device.number(),
                                            c.options.relu};
    device.backward(back);
  }

  void verify(Report& report, uint64_t call, const std::string& what) {
    Case asked = c;
    asked.call = call;
    Observed observed;
    observed.output = unpacked(c.dtype, output.read());
    const std::vector<unsigned char> words = mask.read(), rows = records.read();
    observed.mask.resize(words.size() / 4);
    std::memcpy(observed.mask.data(), words.data(), words.size());
    observed.records.resize(groupsOf(c));
    std::memcpy(observed.records.data(), rows.data(), rows.size());
    const std::vector<uint32_t> got = unpacked(c.dtype, gradient.read());
    observed.intact = output.intactAround() && mask.intactAround() && records.intactAround() &&
                      gradient.intactAround() && unpacked(c.dtype, input.read()) == values;
    if (!verifyForward(report, asked, values, observed, true, what + ", " + asked.describe())) return;
    gradients = maskedBy(c, gradients, observed.mask, observed.records);
    verifyElements(report, c.dtype, got, gradients, what + ": gradient, " + asked.describe());
  }

  Case c;
  const Device& device;
  size_t bytes;
  Guarded input, output, mask, records, gradient;
  std::vector<uint32_t> values, gradients;  // what the gradient holds now: every backward masks it again
};

uint64_t valueOf(Guarded& number) {
  uint64_t value;
  std::memcpy(&value, number.read().data(), 8);
  return value;
}

std::vector<Case> chainCases(Context& context, uint64_t salt) {
  Random random(context.seed + salt);
  std::vector<Case> cases;
  const size_t large = context.pick<size_t>(900, 40001, 3000001);
  for (const jumpout_dtype dtype : kDtypes) {
    for (const size_t n : {size_t{257}, size_t{9001}, large})
      if (context.effort != Effort::kTiny || n != 9001) cases.push_back(drawnCase(random, dtype, n));
    cases.push_back(drawnCase(random, dtype, 24 * 130, 130));
    cases.push_back(drawnCase(random, dtype, large / 7 * 7, large / 7));
    cases.push_back(drawnCase(random, dtype, 6 * 49 * 5, 49 * 5, 49));
  }
  for (Case& c : cases) {
    c.call %= uint64_t{1} << 62;
    c.counter = true;
    c.input_lead = c.output_lead = c.mask_lead = 0;
  }
  return cases;
}

}  // namespace

void callCounters(Context& context) {
  constexpr uint64_t kCalls = 4;
  for (const Case& c : chainCases(context, 10)) {
    context.report.countCase();
    Chain chain(context.device, c);
    Guarded counter(context.device, 8, 0, true);
    counter.write(&c.call);
    // Enqueued without a look in between; the last call's results are those that stay.
    for (uint64_t i = 0; i + 1 < kCalls; ++i) chain.enqueue(counter.data<uint64_t>(), true);
    chain.gradient.write(packed(c.dtype, chain.gradients).data());
    chain.enqueue(counter.data<uint64_t>(), false);
    chain.verify(context.report, c.call + kCalls - 1, "the fourth call of a counter");
    const uint64_t now = valueOf(counter);
    context.report.check(now == c.call + kCalls && counter.intactAround(),
                         [&] { return "the counter is at " + std::to_string(now) + ", " + c.describe(); });
  }
}

void graphs(Context& context) {
  const Device& device = context.device;
  bool from_mask = false;
  for (const Case& c : chainCases(context, 11)) {
    context.report.countCase();
    from_mask = !from_mask;
    Chain chain(device, c);
    Guarded counter(device, 8, 0, true);
    counter.write(&c.call);
    device.synchronize();
    void* graph = nullptr;
    require(jumpout_cuda_capture_begin(device.number(), device.stream()), "capture");
    chain.enqueue(counter.data<uint64_t>(), from_mask);
    require(jumpout_cuda_capture_end(device.number(), device.stream(), &graph), "the end of the capture");
    const uint64_t before = valueOf(counter);
    context.report.check(before == c.call, [&] { return "capture runs nothing, " + c.describe(); });
    for (uint64_t replay = 0; replay < 3; ++replay) {
      require(jumpout_cuda_graph_launch(device.number(), graph, device.stream()), "a replay");
      chain.verify(context.report, c.call + replay, "replay " + std::to_string(replay));
    }
    // A call outside the graph goes on where the replays stopped, and the graph where that did.
    chain.enqueue(counter.data<uint64_t>(), true);
    chain.verify(context.report, c.call + 3, "between replays");
    require(jumpout_cuda_graph_launch(device.number(), graph, device.stream()), "a replay");
    chain.verify(context.report, c.call + 4, "the last replay");
    require(jumpout_cuda_graph_destroy(device.number(), graph), "the graph's end");
    const uint64_t now = valueOf(counter);
    context.report.check(now == c.call + 5, [&] { return "the counter counts replays, " + c.describe(); });
  }
}

void streams(Context& context) {
  const Device other(context.device.number(), context.device.policy());
  const std::vector<Case> first = chainCases(context, 12), second = chainCases(context, 13);
  std::vector<std::unique_ptr<Chain>> chains;
  for (size_t i = 0; i < first.size(); ++i) {
    chains.push_back(std::make_unique<Chain>(context.device, first[i]));
    chains.push_back(std::make_unique<Chain>(other, second[i]));
  }
  context.device.synchronize();
  other.synchronize();
  // Both streams are filled before either is looked at.
  for (const auto& chain : chains) {
    chain->c.counter = false;
    chain->enqueue(nullptr, true);
  }
  for (const auto& chain : chains) {
    context.report.countCase();
    chain->verify(context.report, chain->c.call, "two streams");
  }
}

void refusals(Context& context) {
  Report& report = context.report;
  const Device& device = context.device;
  Case c;
  c.length = 64;
  Guarded memory(device, 1024, 0, true), mask(device, 8, 0, true),
      records(device, sizeof(jumpout_record), 0, true);
  jumpout_device_forward_args good = forwardArgs(device, c);
  good.input = memory.data<float>();
  good.output = memory.data<float>() + 128;
  good.mask = mask.data<uint32_t>();
  good.records = records.data<jumpout_record>();
  const auto refused = [&](const char* what, jumpout_status want, auto&& change) {
    report.countCase();
    jumpout_device_forward_args args = good;
    change(args);
    const jumpout_status status = jumpout_device_forward(&args);
    report.check(status == want, [&] {
      return std::string(what) + ": status " + std::to_string(status) + ", expected " + std::to_string(want);
    });
  };
  using Args = jumpout_device_forward_args;
  refused("no input", JUMPOUT_NULL_POINTER, [](Args& a) { a.input = nullptr; });
  refused("no output", JUMPOUT_NULL_POINTER, [](Args& a) { a.output = nullptr; });
  refused("no records", JUMPOUT_NULL_POINTER, [](Args& a) { a.records = nullptr; });
  refused("no workspace", JUMPOUT_NULL_POINTER, [](Args& a) { a.workspace = nullptr; });
  refused("an odd input", JUMPOUT_MISALIGNED,
          [](Args& a) { a.input = static_cast<const char*>(a.input) + 2; });
  refused("an overlap", JUMPOUT_OVERLAP, [&](Args& a) { a.output = memory.data<float>() + 8; });
  refused("a mask in the output", JUMPOUT_OVERLAP,
          [](Args& a) { a.mask = static_cast<uint32_t*>(a.output); });
  refused("a rate of 1", JUMPOUT_BAD_OPTION, [](Args& a) { a.options.rate = 1.0; });
  refused("the last call number", JUMPOUT_BAD_OPTION, [](Args& a) { a.call = (uint64_t{1} << 63) - 1; });
  refused("a group too many", JUMPOUT_BAD_LENGTH, [](Args& a) { a.group_count = 2; });
  refused("a plane of nothing", JUMPOUT_BAD_LENGTH, [](Args& a) { a.layout.unit_size = 0; });
  refused("a cut group without counts", JUMPOUT_BAD_LENGTH,
          [](Args& a) { a.layout.group_size = 48, a.group_count = 2; });
  refused("a device too many", JUMPOUT_BAD_DEVICE, [](Args& a) { a.device = jumpout_cuda_device_count(); });
  bool untouched = true;
  for (Guarded* array : {&memory, &mask, &records}) {
    for (const unsigned char byte : array->read()) untouched &= byte == Guarded::kPoison;
    untouched &= array->intactAround();
  }
  report.check(untouched, [] { return std::string("a refused call wrote something"); });
}

}  // namespace device_tests

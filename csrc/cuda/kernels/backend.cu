// Chooses the way that a call is computed, and launches it: kForwardWays and kBackwardWays are the choice.
#include "cuda/backend.hpp"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <mutex>

#include "core/dtype.hpp"
#include "core/published.hpp"
#include "core/rate.hpp"
#include "cuda/cuda_support.hpp"
#include "cuda/kernels/kernels.hpp"
#include "cuda/runtime/errors.hpp"

namespace jumpout::cuda {
namespace {

// ---- The device ---------------------------------------------------------------------------------------------

cudaError_t query(Device& device) {
  struct Question {
    cudaDeviceAttr attribute;
    int& answer;
  };
  for (const Question& question : {
           Question{cudaDevAttrMultiProcessorCount, device.multiprocessors},
           Question{cudaDevAttrMaxThreadsPerMultiProcessor, device.resident_threads},
           Question{cudaDevAttrCooperativeLaunch, device.cooperative},
           Question{cudaDevAttrClusterLaunch, device.clusters},
           Question{cudaDevAttrMaxSharedMemoryPerBlockOptin, device.shared_bytes},
       })
    if (const cudaError_t error = cudaDeviceGetAttribute(&question.answer, question.attribute, device.index))
      return error;
  constexpr int kOverlapsInGraphs = 12030;  // older drivers do not take such launches into graphs
  int driver = 0;
  const cudaError_t error = cudaDriverGetVersion(&driver);
  device.overlaps = driver >= kOverlapsInGraphs;
  return error;
}

// The current device's properties, asked for once per dtype, whose kernels are then prepared.
cudaError_t knownDevice(jumpout_dtype dtype, Device& device) {
  struct Known {
    std::mutex lock;
    Device device;
    bool ready;
  };
  static std::atomic<Known*> all{nullptr};
  Known* const known = publishedArray(all, static_cast<size_t>(support().devices) * kFloatingDtypes);
  if (!known) return cudaErrorMemoryAllocation;
  if (const cudaError_t error = cudaGetDevice(&device.index)) return error;
  Known& mine = known[device.index * kFloatingDtypes + dtype];
  const std::lock_guard<std::mutex> guard(mine.lock);
  if (!mine.ready) {
    if (const cudaError_t error = query(device)) return error;
    if (const cudaError_t error = kernelsOf(dtype).prepare(device)) return error;
    mine.device = device;
    mine.ready = true;
  }
  device = mine.device;
  return cudaSuccess;
}

// Makes the device of a call current, and reads its properties.
struct Place {
  Place(int32_t number, jumpout_dtype dtype, const Policy& policy) : scope(number) {
    status = scope.status();
    if (status == JUMPOUT_OK) status = statusOf(knownDevice(dtype, device));
    if (policy.multiprocessors > 0)
      device.multiprocessors = std::min(device.multiprocessors, policy.multiprocessors);
  }

  DeviceScope scope;
  Device device = {};
  jumpout_status status;
};

// ---- The pass -----------------------------------------------------------------------------------------------

// What all passes have in common.
template <class Args>
Pass passOf(const Args& args, const Device& device, const void* input, void* output, uint64_t seed = 0) {
  Pass pass{kernelsOf(args.dtype), device, static_cast<cudaStream_t>(args.stream), args.group_count,
            KeySchedule(seed)};
  Elements& e = pass.elements;
  e.input = input;
  e.output = output;
  e.length = args.length;
  e.offset = args.layout.element_offset;
  e.group_size = args.group_count > 1 ? args.layout.group_size : 0;
  e.first_group = groupOf(args.layout, e.offset);
  e.unit_size = args.layout.unit_size;
  e.channels = interleavesUnits(args.layout) ? args.layout.channels : 0;
  return pass;
}

bool elementsAligned(const Elements& e) {
  return isAligned(e.input) && isAligned(e.output) && isAligned(e.partner);
}

// Whether groups, and blocks of 8 elements, fall in with tiles of 16-byte pieces.
bool blocksFitTiles(const Elements& e) {
  return elementsAligned(e) && e.offset % kLanesPerBlock == 0 && groupsFitLanes(e);
}
bool fitsTiles(const Elements& e) { return blocksFitTiles(e) && e.unit_size == 1; }
bool takesTurns(const Elements& e) {
  return blocksFitTiles(e) && e.channels != 0 && e.channels % kLanesPerBlock == 0;
}

Pass passOf(const jumpout_device_forward_args& args, const Device& device) {
  Pass pass = passOf(args, device, args.input, args.output, args.seed);
  const uint64_t own_total = args.layout.group_size ? args.layout.group_size : uint64_t{args.length};
  const uint64_t total = args.total ? args.total : args.length ? own_total : 0;
  pass.elements.mask = args.mask;
  pass.records = pass.drawn = args.records;
  pass.workspace = static_cast<Workspace*>(args.workspace);
  pass.gate = args.options.relu ? Gate::kPositiveInput : Gate::kNone;
  pass.tiled = fitsTiles(pass.elements);
  pass.taking_turns = takesTurns(pass.elements);
  pass.draw = {args.options, args.seed, args.call, args.call_counter, args.active, total, args.all_active};
  constexpr uint64_t kRecordWords = sizeof(jumpout_record) / sizeof(uint64_t);
  static_assert(offsetof(jumpout_record, active) == 0, "clearing the counts of records clears the records");
  if (!args.active && !args.all_active && args.length)
    pass.counting = pass.tiled && pass.groups == 1 ? CountOutcome{&pass.workspace->sum, 1}
                                                   : CountOutcome{&args.records->active, kRecordWords};
  return pass;
}

Pass passOf(const jumpout_device_backward_args& args, const Device& device) {
  Pass pass = passOf(args, device, args.grad_output, args.grad_input);
  pass.records = args.records;
  pass.kept = args.mask;
  if (args.relu && !args.mask) {
    pass.gate = Gate::kNonzeroPartner;
    pass.elements.partner = args.output;
  }
  // A saved mask is read by the index here: offset and units play no part, if groups do not.
  const Elements& e = pass.elements;
  pass.tiled = args.mask ? elementsAligned(e) && groupsFitLanes(e) : fitsTiles(e);
  pass.taking_turns = !args.mask && takesTurns(e);
  return pass;
}

// ---- What the ways launch -----------------------------------------------------------------------------------

cudaError_t countFromZero(const Pass& pass) {
  const CountOutcome& counting = pass.counting;
  const size_t bytes = pass.groups * counting.stride * sizeof(uint64_t);
  const cudaError_t error = cudaMemsetAsync(counting.sums, 0, bytes, pass.stream);
  return error || !pass.elements.length ? error : pass.kernels.count(pass);
}

// The records of all groups, then the elements.
cudaError_t drawAndApply(const Pass& pass, Launcher apply) {
  if (pass.counting.sums)
    if (const cudaError_t error = countFromZero(pass)) return error;
  const cudaError_t error = drawRecords(pass);
  return error || !pass.elements.length ? error : apply(pass);
}

cudaError_t sweep(const Pass& pass) {
  return pass.groups == 1 ? pass.kernels.apply(pass) : drawAndApply(pass, pass.kernels.applyGroups);
}

template <Launcher Kernels::* kLauncher>
cudaError_t drawnBefore(const Pass& pass) {
  return drawAndApply(pass, pass.kernels.*kLauncher);
}

// What a device or its present partition will not launch, though another way may do.
bool isRefusal(cudaError_t error) {
  switch (error) {
    case cudaErrorCooperativeLaunchTooLarge:
    case cudaErrorLaunchOutOfResources:
    case cudaErrorInvalidClusterSize:
    case cudaErrorNotSupported:
    case cudaErrorInvalidConfiguration: return true;
    default: return false;
  }
}

// The count, then a sweep that begins where the count ended. The next call finds the workspace cleared in any case.
cudaError_t countAndSweep(const Pass& pass) {
  if (pass.groups > 1) return drawAndApply(pass, pass.kernels.applyGroups);
  if (const cudaError_t error = pass.kernels.count(pass)) return error;
  Pass counted = pass;
  counted.draw.active = pass.counting.sums;
  cudaError_t error = pass.kernels.apply(counted);
  if (pass.device.overlaps && isRefusal(error)) {
    cudaGetLastError();
    counted.device.overlaps = 0;
    error = pass.kernels.apply(counted);
  }
  if (error) cudaMemsetAsync(pass.counting.sums, 0, sizeof(uint64_t), pass.stream);
  return error;
}

template <Launcher Kernels::* kLauncher>
cudaError_t only(const Pass& pass) {
  return (pass.kernels.*kLauncher)(pass);
}

// ---- The choice ---------------------------------------------------------------------------------------------

// Whether a way that counts elements, holds them on the chip and then applies the mask can be tried.
bool mayBeHeld(const Pass& pass) {
  return pass.counting.sums && pass.tiled && isExactExponent(pass.draw.options.exponent);
}

// `one` is the border for a whole tensor, `many` the one for rows.
bool holdsRows(Way way, const Pass& pass, uint64_t one, uint64_t many) {
  const uint64_t border = pass.groups == 1 ? one : many;
  return mayBeHeld(pass) && pass.rowSize() <= std::min(border, pass.kernels.capacity(way, pass.device));
}

bool fitWarps(const Pass& pass, const Borders& border) {
  return holdsRows(Way::kWarpRows, pass, 0, border.warp_row);
}
bool fitBlocks(const Pass& pass, const Borders& border) {
  return holdsRows(Way::kBlockRows, pass, border.one_block, border.block_row);
}
bool fitClusters(const Pass& pass, const Borders& border) {
  return holdsRows(Way::kClusterRows, pass, border.one_cluster, border.cluster_row);
}

// How many chips would hold the tensor; 0 where none can.
uint64_t chipsOf(const Pass& pass) {
  const uint64_t capacity = pass.kernels.capacity(Way::kOnChip, pass.device);
  return mayBeHeld(pass) && pass.groups == 1 && capacity ? ceilDivided(pass.elements.length, capacity) : 0;
}

bool fitsChip(const Pass& pass, const Borders& border) {
  return chipsOf(pass) == 1 && pass.elements.length <= border.on_chip;
}
bool exceedsChip(const Pass& pass, const Borders& border) {
  return chipsOf(pass) > 1 && chipsOf(pass) <= border.beyond_chip;
}

// These exclude each other, in forward and in backward: when the last way is refused, its error is the result.
bool needsCounts(const Pass& pass, const Borders&) { return pass.tiled && pass.counting.sums; }
bool hasCounts(const Pass& pass, const Borders&) {
  return pass.tiled && !pass.counting.sums && pass.elements.length;
}
bool interleaves(const Pass& pass, const Borders&) { return pass.taking_turns && pass.elements.length; }
bool misfits(const Pass& pass, const Borders&) {
  return (!pass.tiled && !pass.taking_turns) || !pass.elements.length;
}
bool hasMask(const Pass& pass, const Borders&) { return pass.tiled && pass.kept; }
bool drawsAgain(const Pass& pass, const Borders&) { return pass.tiled && !pass.kept; }

struct Choice {
  Way way;
  bool (*fits)(const Pass&, const Borders&);
  Launcher launch;
};

constexpr Choice kForwardWays[] = {
    {Way::kWarpRows, fitWarps, only<&Kernels::warpRows>},
    {Way::kBlockRows, fitBlocks, only<&Kernels::blockRows>},
    {Way::kClusterRows, fitClusters, only<&Kernels::clusterRows>},
    {Way::kOnChip, fitsChip, only<&Kernels::onChip>},
    {Way::kBeyondChip, exceedsChip, only<&Kernels::onChip>},
    {Way::kTwoLaunches, needsCounts, countAndSweep},
    {Way::kSweep, hasCounts, sweep},
    {Way::kInterleaved, interleaves, drawnBefore<&Kernels::interleaved>},
    {Way::kGeneral, misfits, drawnBefore<&Kernels::general>},
};

constexpr Choice kBackwardWays[] = {
    {Way::kSweep, hasMask, only<&Kernels::backward>},
    {Way::kSweep, drawsAgain, only<&Kernels::applyAgain>},
    {Way::kInterleaved, interleaves, only<&Kernels::interleaved>},
    {Way::kGeneral, misfits, only<&Kernels::general>},
};

// Launches the first way that fits and that the device takes.
template <size_t kCount>
jumpout_status launchBy(const Choice (&ways)[kCount], const Pass& pass, const Borders& borders,
                        Taken* taken) {
  Taken told;
  cudaError_t error = cudaErrorNotSupported;
  for (const Choice& choice : ways) {
    if (!choice.fits(pass, borders)) continue;
    told.refused = told.way;
    told.way = choice.way;
    error = choice.launch(pass);
    if (!isRefusal(error)) break;
    cudaGetLastError();
  }
  if (taken) *taken = told;
  return statusOf(error);
}

}  // namespace

jumpout_status forward(const jumpout_device_forward_args& args, const Policy& policy, Taken* taken) noexcept {
  if (taken) *taken = {};
  const Place place(args.device, args.dtype, policy);
  if (place.status) return place.status;
  return launchBy(kForwardWays, passOf(args, place.device), policy.borders, taken);
}

jumpout_status backward(const jumpout_device_backward_args& args, const Policy& policy,
                        Taken* taken) noexcept {
  if (taken) *taken = {};
  if (args.length == 0) return JUMPOUT_OK;
  const Place place(args.device, args.dtype, policy);
  if (place.status) return place.status;
  return launchBy(kBackwardWays, passOf(args, place.device), policy.borders, taken);
}

jumpout_status countActive(const jumpout_device_count_args& args, const Policy& policy) noexcept {
  const Place place(args.device, args.dtype, policy);
  if (place.status) return place.status;
  Pass pass = passOf(args, place.device, args.input, nullptr);
  pass.counting = {args.active, 1};
  return statusOf(countFromZero(pass));
}

jumpout_status capacityOf(Way way, jumpout_dtype dtype, int32_t number, const Policy& policy,
                          uint64_t& elements) noexcept {
  const Place place(number, dtype, policy);
  if (place.status) return place.status;
  elements = kernelsOf(dtype).capacity(way, place.device);
  return JUMPOUT_OK;
}

}  // namespace jumpout::cuda

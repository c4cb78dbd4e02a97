// Chooses the way that a call is computed, and launches it.
#include "cuda/backend.hpp"

#include <iterator>
#include <mutex>
#include <new>

#include "core/dtype.hpp"
#include "core/layout.hpp"
#include "core/rate.hpp"
#include "cuda/borders.hpp"
#include "cuda/cuda_support.hpp"
#include "cuda/kernels/count.cuh"
#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/launch.hpp"
#include "cuda/runtime/errors.hpp"

namespace jumpout::cuda {
namespace {

constexpr uint64_t kVectorBytes = 16;
constexpr uint64_t kRecordWords = sizeof(jumpout_record) / sizeof(uint64_t);

const Kernels& kernelsOf(jumpout_dtype dtype) {
  static constexpr const Kernels* kKernels[] = {&kFloat32Kernels, &kFloat16Kernels, &kBFloat16Kernels};
  static_assert(std::size(kKernels) == kFloatingDtypes);
  return *kKernels[dtype];
}

cudaError_t query(Device& device) {
  int value = 0;
  const auto ask = [&](cudaDeviceAttr attribute) {
    return cudaDeviceGetAttribute(&value, attribute, device.index);
  };
  if (const cudaError_t error = ask(cudaDevAttrMultiProcessorCount)) return error;
  device.multiprocessors = value;
  if (const cudaError_t error = ask(cudaDevAttrMaxThreadsPerMultiProcessor)) return error;
  device.resident_threads = value;
  if (const cudaError_t error = ask(cudaDevAttrCooperativeLaunch)) return error;
  device.cooperative = value != 0;
  if (const cudaError_t error = ask(cudaDevAttrClusterLaunch)) return error;
  device.clusters = value != 0;
  // Older drivers do not take such launches into graphs.
  constexpr int kOverlapsInGraphs = 12030;
  if (const cudaError_t error = cudaDriverGetVersion(&value)) return error;
  device.overlaps = value >= kOverlapsInGraphs;
  if (const cudaError_t error = ask(cudaDevAttrMaxSharedMemoryPerBlockOptin)) return error;
  device.shared_bytes = static_cast<size_t>(value);
  return cudaSuccess;
}

// The current device's properties, asked for once per dtype, whose kernels are then prepared.
cudaError_t knownDevice(jumpout_dtype dtype, Device& device) {
  struct Known {
    Device device;
    bool ready;
  };
  static Known* const known =
      new (std::nothrow) Known[static_cast<size_t>(support().devices) * kFloatingDtypes]();
  static std::mutex& lock = *new std::mutex();
  if (!known) return cudaErrorMemoryAllocation;
  if (const cudaError_t error = cudaGetDevice(&device.index)) return error;
  Known& mine = known[device.index * kFloatingDtypes + dtype];
  const std::lock_guard<std::mutex> guard(lock);
  if (!mine.ready) {
    if (const cudaError_t error = query(device)) return error;
    if (const cudaError_t error = kernelsOf(dtype).prepare(device)) return error;
    mine = {device, true};
  }
  device = mine.device;
  return cudaSuccess;
}

cudaError_t currentDevice(const Policy& policy, jumpout_dtype dtype, Device& device) {
  const cudaError_t error = knownDevice(dtype, device);
  if (policy.multiprocessors > 0)
    device.multiprocessors = std::min(device.multiprocessors, policy.multiprocessors);
  return error;
}

bool isAligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % kVectorBytes == 0; }

Elements elementsOf(const void* input, void* output, const jumpout_layout& layout, size_t length,
                    size_t groups) {
  Elements e = {};
  e.input = input;
  e.output = output;
  e.length = length;
  e.offset = layout.element_offset;
  e.group_size = groups > 1 ? layout.group_size : 0;
  e.first_group = groupOf(layout, layout.element_offset);
  e.unit_size = layout.unit_size;
  return e;
}

// Whether draws and groups fall in with tiles of 16-byte pieces.
bool fitsTiles(const Elements& e) {
  return isAligned(e.input) && isAligned(e.output) && isAligned(e.partner) &&
         e.offset % kLanesPerBlock == 0 && e.group_size % kLanesPerBlock == 0;
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

struct Forward {
  const jumpout_device_forward_args& args;
  const Borders& border;
  Taken& taken_way;
  const Kernels& kernels;
  const Device& device;
  cudaStream_t stream;
  Elements e;
  Draw draw;
  KeySchedule keys;
  Gate gate;
  Workspace* workspace;
  bool tiled;  // elements, draws and groups fit tiles

  // From records.
  cudaError_t apply() const {
    if (tiled) return kernels.applyGroups(device, e, args.records, keys, gate, stream);
    return kernels.general(device, e, args.records, gate, nullptr, stream);
  }

  cudaError_t drawAll() const {
    return drawRecords(device, draw, e.first_group, args.group_count, args.records, workspace, stream);
  }

  // Counts were made elsewhere, or are not needed.
  cudaError_t counted() const {
    if (args.group_count == 1 && tiled && args.length) {
      taken_way.way = Way::kSweep;
      return kernels.apply(device, e, args.records, keys, draw, workspace, gate, false, stream);
    }
    taken_way.way = tiled && args.length ? Way::kSweep : Way::kGeneral;
    const cudaError_t drawn = drawAll();
    return drawn || !args.length ? drawn : apply();
  }

  RowsLaunch rowsLaunch() const {
    const uint64_t size = args.group_count > 1 ? e.group_size : args.length;
    return {e, args.group_count, size, args.records, &keys, &draw, workspace, gate};
  }

  // True where the way was taken, successfully or not.
  bool taken(Way way, cudaError_t error, cudaError_t& result) const {
    if (isRefusal(error)) {
      cudaGetLastError();
      taken_way.refused = way;
      return false;
    }
    taken_way.way = way;
    result = error;
    return true;
  }

  // One launch that holds each row on the chip.
  bool heldRows(cudaError_t& result) const {
    const bool single = args.group_count == 1;
    const RowsLaunch rows = rowsLaunch();
    const uint64_t block = std::min(kernels.block_row, single ? border.one_block : border.block_row);
    const uint64_t cluster = std::min(kernels.cluster_row, single ? border.one_cluster : border.cluster_row);
    if (!single && rows.row_size <= std::min(kernels.warp_row, border.warp_row) &&
        taken(Way::kWarpRows, kernels.warpRows(device, rows, stream), result))
      return true;
    if (rows.row_size <= block && taken(Way::kBlockRows, kernels.blockRows(device, rows, 1, stream), result))
      return true;
    if (rows.row_size <= cluster && device.clusters) {
      const auto largest = static_cast<unsigned>(kernels.cluster_row / kernels.block_row);
      unsigned blocks = single ? largest : 2;
      while (blocks < largest && rows.row_size > kernels.block_row * blocks) blocks *= 2;
      return taken(Way::kClusterRows, kernels.blockRows(device, rows, blocks, stream), result);
    }
    return false;
  }

  // One launch that holds the tensor, or what fits of it, on the chip.
  bool onChip(cudaError_t& result) const {
    const uint64_t capacity = kernels.onChipCapacity(device);
    if (args.group_count > 1 || !capacity) return false;
    const uint64_t chips = ceilDivided(args.length, capacity);
    if (chips > 1 ? chips > border.beyond_chip : args.length > border.on_chip) return false;
    return taken(chips > 1 ? Way::kBeyondChip : Way::kOnChip,
                 kernels.onChip(device, e, args.records, keys, draw, workspace, gate, stream), result);
  }

  // With the count that the kernel before leaves in the workspace. The next call finds that cleared in any case.
  cudaError_t applyOwnCount() const {
    Draw counted = draw;
    counted.active = &workspace->sum;
    const auto launched = [&](bool overlaps) {
      return kernels.apply(device, e, args.records, keys, counted, workspace, gate, overlaps, stream);
    };
    cudaError_t error = launched(device.overlaps);
    if (device.overlaps && isRefusal(error)) {
      cudaGetLastError();
      error = launched(false);
    }
    if (error) cudaMemsetAsync(&workspace->sum, 0, sizeof workspace->sum, stream);
    return error;
  }

  // The count, then a sweep that begins where the count ended.
  cudaError_t twoSweeps() const {
    taken_way.way = tiled ? Way::kTwoLaunches : Way::kGeneral;
    const bool single = args.group_count == 1;
    if (single && tiled) {
      const cudaError_t counted = kernels.count(device, e, {&workspace->sum, 1}, true, stream);
      return counted ? counted : applyOwnCount();
    }
    const cudaError_t cleared =
        cudaMemsetAsync(args.records, 0, args.group_count * sizeof(jumpout_record), stream);
    if (cleared) return cleared;
    const CountOutcome outcome{&args.records->active, kRecordWords};
    const bool aligned = isAligned(e.input) && e.group_size % kLanesPerBlock == 0;
    if (const cudaError_t error = kernels.count(device, e, outcome, aligned, stream)) return error;
    if (const cudaError_t error = drawAll()) return error;
    return apply();
  }

  cudaError_t run() const {
    if (args.active || args.all_active || !args.length) return counted();
    cudaError_t result = cudaSuccess;
    const bool holds = tiled && isExactExponent(draw.options.exponent);
    if (holds && (heldRows(result) || onChip(result))) return result;
    return twoSweeps();
  }
};

}  // namespace

jumpout_status forward(const jumpout_device_forward_args& args, const Policy& policy, Taken* taken) noexcept {
  const DeviceScope scope(args.device);
  if (scope.status()) return scope.status();
  Device device = {};
  if (const cudaError_t error = currentDevice(policy, args.dtype, device)) return statusOf(error);
  Elements e = elementsOf(args.input, args.output, args.layout, args.length, args.group_count);
  e.mask = args.mask;
  const uint64_t total = args.total               ? args.total
                         : args.layout.group_size ? args.layout.group_size
                                                  : static_cast<uint64_t>(args.length);
  const Draw draw{args.options,      args.seed,   args.call,
                  args.call_counter, args.active, args.length || args.total ? total : 0,
                  args.all_active};
  Taken unasked;
  Taken& told = taken ? *taken : unasked;
  told = {};
  const Forward pass{args,
                     policy.borders,
                     told,
                     kernelsOf(args.dtype),
                     device,
                     static_cast<cudaStream_t>(args.stream),
                     e,
                     draw,
                     KeySchedule(args.seed),
                     args.options.relu ? Gate::kPositiveInput : Gate::kNone,
                     static_cast<Workspace*>(args.workspace),
                     fitsTiles(e) && e.unit_size == 1};
  return statusOf(pass.run());
}

jumpout_status backward(const jumpout_device_backward_args& args, const Policy& policy,
                        Taken* taken) noexcept {
  if (taken) *taken = {};
  if (args.length == 0) return JUMPOUT_OK;
  const DeviceScope scope(args.device);
  if (scope.status()) return scope.status();
  Device device = {};
  if (const cudaError_t error = currentDevice(policy, args.dtype, device)) return statusOf(error);
  const Kernels& kernels = kernelsOf(args.dtype);
  const auto stream = static_cast<cudaStream_t>(args.stream);
  Elements e = elementsOf(args.grad_output, args.grad_input, args.layout, args.length, args.group_count);
  const bool grouped = args.group_count > 1;
  const auto tell = [&](bool tiled) {
    if (taken) taken->way = tiled ? Way::kSweep : Way::kGeneral;
    return tiled;
  };
  if (args.mask) {
    // Without groups the offset plays no part.
    const bool tiled = tell(grouped ? fitsTiles(e) : isAligned(e.input) && isAligned(e.output));
    return statusOf(tiled ? kernels.backward(device, e, args.mask, args.records, grouped, stream)
                          : kernels.general(device, e, args.records, Gate::kNone, args.mask, stream));
  }
  const Gate gate = args.relu ? Gate::kNonzeroPartner : Gate::kNone;
  e.partner = args.relu ? args.output : nullptr;
  const bool tiled = tell(fitsTiles(e) && e.unit_size == 1);
  return statusOf(tiled ? kernels.applyAgain(device, e, args.records, gate, grouped, stream)
                        : kernels.general(device, e, args.records, gate, nullptr, stream));
}

jumpout_status countActive(const jumpout_device_count_args& args, const Policy& policy) noexcept {
  const DeviceScope scope(args.device);
  if (scope.status()) return scope.status();
  Device device = {};
  if (const cudaError_t error = currentDevice(policy, args.dtype, device)) return statusOf(error);
  const auto stream = static_cast<cudaStream_t>(args.stream);
  const size_t bytes = args.group_count * sizeof(uint64_t);
  if (const cudaError_t error = cudaMemsetAsync(args.active, 0, bytes, stream)) return statusOf(error);
  if (args.length == 0) return JUMPOUT_OK;
  const Elements e = elementsOf(args.input, nullptr, args.layout, args.length, args.group_count);
  const CountOutcome outcome{args.active, 1};
  const bool aligned = isAligned(e.input) && (args.group_count == 1 || fitsTiles(e));
  return statusOf(kernelsOf(args.dtype).count(device, e, outcome, aligned, stream));
}

jumpout_status capacityOf(Way way, jumpout_dtype dtype, int32_t number, const Policy& policy,
                          uint64_t& elements) noexcept {
  const DeviceScope scope(number);
  if (scope.status()) return scope.status();
  Device device = {};
  if (const cudaError_t error = currentDevice(policy, dtype, device)) return statusOf(error);
  const Kernels& kernels = kernelsOf(dtype);
  switch (way) {
    case Way::kNothing: elements = 0; break;
    case Way::kWarpRows: elements = kernels.warp_row; break;
    case Way::kBlockRows: elements = kernels.block_row; break;
    case Way::kClusterRows: elements = device.clusters ? kernels.cluster_row : 0; break;
    case Way::kOnChip: elements = kernels.onChipCapacity(device); break;
    case Way::kBeyondChip: elements = kernels.onChipCapacity(device) ? ~uint64_t{0} : 0; break;
    case Way::kTwoLaunches:
    case Way::kSweep:
    case Way::kGeneral: elements = ~uint64_t{0}; break;
  }
  return JUMPOUT_OK;
}

}  // namespace jumpout::cuda

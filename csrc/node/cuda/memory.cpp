#include "node/cuda/memory.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "node/errors.hpp"

namespace jumpout::node {

namespace {

// Long-lived memory must not hold on to every stream that ever used it. Where `stream` waits for one that JavaScript let
// go of, its own use stands for both.
void forgetGoneStreams(std::vector<StreamPointer>& uses, const DeviceStream& stream) {
  uses.erase(std::remove_if(uses.begin(), uses.end(),
                            [&](const StreamPointer& use) {
                              return use->gone && jumpout_cuda_stream_wait(stream.device, stream.handle,
                                                                           use->handle) == JUMPOUT_OK;
                            }),
             uses.end());
}

}  // namespace

void DeviceMemory::noteUse(const StreamPointer& stream) {
  constexpr size_t kMany = 8;
  for (const StreamPointer& use : uses) {
    if (use == stream) return;
  }
  if (uses.size() >= kMany) forgetGoneStreams(uses, *stream);
  uses.push_back(stream);
}

DeviceMemory::~DeviceMemory() {
  if (reaper != nullptr) {
    reaper->give(release, std::move(uses));
    return;
  }
  void* handles[16];
  size_t count = 0;
  for (const StreamPointer& use : uses) {
    // More streams than anybody uses: wait for the rest rather than ask for memory in a destructor.
    if (count == std::size(handles)) {
      jumpout_cuda_stream_synchronize(use->device, use->handle);
    } else {
      handles[count++] = use->handle;
    }
  }
  jumpout_cuda_free(device, pointer, handles, count);
}

MemoryPointer allocateMemory(int32_t device, size_t bytes, const StreamPointer& stream) {
  const bool atOnce = stream == nullptr || stream->capturing();
  auto memory = std::make_shared<DeviceMemory>(device, nullptr, bytes);
  void* const handle = atOnce ? nullptr : stream->handle;
  require(jumpout_cuda_allocate(device, std::max<size_t>(bytes, 1), handle, atOnce, &memory->pointer),
          kOnDeviceNames);
  if (!atOnce) memory->noteUse(stream);
  return memory;
}

}  // namespace jumpout::node

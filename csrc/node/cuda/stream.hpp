// Streams as the addon knows them: shared by JavaScript, by the memory that work on them uses, and by work in flight.
#pragma once

#include <cstdint>
#include <memory>

#include "jumpout_cuda.h"

namespace jumpout::node {

struct Capture;

struct DeviceStream {
  int32_t device;
  void* handle;                // nullptr: the legacy default stream
  bool owned;                  // created here
  bool gone = false;           // JavaScript released it
  int32_t waiting = 0;         // promises that wait for it in another thread
  void* workspace = nullptr;   // of the passes that are not captured
  Capture* capture = nullptr;  // the capture that records it, where that was begun here

  DeviceStream(int32_t device, void* handle, bool owned) : device(device), handle(handle), owned(owned) {}
  ~DeviceStream();
  DeviceStream(const DeviceStream&) = delete;
  DeviceStream& operator=(const DeviceStream&) = delete;

  // Also where another library began the capture.
  bool capturing() const;
  jumpout_status synchronize() const { return jumpout_cuda_stream_synchronize(device, handle); }
};

using StreamPointer = std::shared_ptr<DeviceStream>;

StreamPointer makeStream(int32_t device);

// The same stream, for work in the background. No capture may begin on it until all copies of this pointer are gone.
StreamPointer whileWaiting(const StreamPointer& stream);

}  // namespace jumpout::node

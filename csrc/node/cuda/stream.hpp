// Streams as the addon knows them: shared by JavaScript, by the memory that work on them uses, and by work in flight.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "jumpout_cuda.h"

namespace jumpout::node {

struct Capture;

struct DeviceStream {
  int32_t device;
  void* handle;                // nullptr: the legacy default stream
  bool owned;                  // created here
  int32_t names = 1;           // Stream objects of JavaScript, or the addon itself
  int32_t waiting = 0;         // promises that wait for it in another thread
  void* workspace = nullptr;   // of the passes that are not captured
  Capture* capture = nullptr;  // the capture that records it, where that was begun here

  DeviceStream(int32_t device, void* handle, bool owned) : device(device), handle(handle), owned(owned) {}
  ~DeviceStream();
  DeviceStream(const DeviceStream&) = delete;
  DeviceStream& operator=(const DeviceStream&) = delete;

  bool gone() const { return names == 0; }
  // Also where another library began the capture.
  bool capturing() const;
  jumpout_status synchronize() const { return jumpout_cuda_stream_synchronize(device, handle); }
};

using StreamPointer = std::shared_ptr<DeviceStream>;

StreamPointer makeStream(int32_t device);

// The streams of one environment, as CUDA names them: however often one is wrapped, it is one DeviceStream, so that all of
// its names know of its capture and of the promises that wait for it.
class KnownStreams {
 public:
  StreamPointer make(int32_t device);
  StreamPointer wrap(int32_t device, void* handle);

 private:
  const StreamPointer& add(const StreamPointer& stream);

  std::map<std::pair<int32_t, void*>, std::weak_ptr<DeviceStream>> streams_;
};

// The same stream, for work in the background. No capture may begin on it until all copies of this pointer are gone.
StreamPointer whileWaiting(const StreamPointer& stream);

}  // namespace jumpout::node

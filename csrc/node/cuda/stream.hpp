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
  bool gone = false;           // JavaScript let go of it
  int32_t waiting = 0;         // promises that wait for it in another thread
  void* workspace = nullptr;   // of the calls that run when they are made
  Capture* capture = nullptr;  // what records it, where that was begun here

  DeviceStream(int32_t device, void* handle, bool owned) : device(device), handle(handle), owned(owned) {}
  ~DeviceStream();
  DeviceStream(const DeviceStream&) = delete;
  DeviceStream& operator=(const DeviceStream&) = delete;

  // Also where somebody else began the capture.
  bool capturing() const;
};

using StreamPointer = std::shared_ptr<DeviceStream>;

}  // namespace jumpout::node

// Arrays on the device between canaries, poisoned before every use, calls by a policy, and nothing else of CUDA.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "cuda/backend.hpp"
#include "jumpout_cuda.h"

namespace device_tests {

// A call that must succeed failed: the section cannot continue, and if it is sticky no other can.
struct DeviceFailure : std::runtime_error {
  DeviceFailure(const std::string& what, bool sticky) : std::runtime_error(what), sticky(sticky) {}
  bool sticky;
};

inline void require(jumpout_status status, const char* what) {
  if (status == JUMPOUT_OK) return;
  std::string text = std::string(what) + ": " + jumpout_status_text(status);
  if (*jumpout_status_field()) text += std::string(" (") + jumpout_status_field() + ")";
  const jumpout_cuda_error error =
      status == JUMPOUT_CUDA_ERROR ? jumpout_last_cuda_error() : jumpout_cuda_error{};
  if (error.number)
    text += std::string(": ") + error.name + " (" + std::to_string(error.number) + "): " + error.text;
  throw DeviceFailure(text, error.sticky != 0);
}

using jumpout::cuda::Policy;
using jumpout::cuda::Taken;

// A stream of one device with the workspace that its calls share. Calls go through the public API, or with a policy to what
// stands behind it, which then tells the way that ran.
class Device {
 public:
  explicit Device(int32_t number, std::optional<Policy> policy = {}) : number_(number), policy_(policy) {
    require(jumpout_cuda_stream_create(number, &stream_), "a stream");
    require(jumpout_cuda_allocate(number, JUMPOUT_WORKSPACE_BYTES, stream_, 1, &workspace_), "a workspace");
    require(jumpout_cuda_fill(number, workspace_, 0, JUMPOUT_WORKSPACE_BYTES, stream_), "a zeroed workspace");
  }
  ~Device() {
    jumpout_cuda_free(number_, workspace_, &stream_, 1);
    jumpout_cuda_stream_destroy(number_, stream_);
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  int32_t number() const { return number_; }
  void* stream() const { return stream_; }
  void* workspace() const { return workspace_; }
  const std::optional<Policy>& policy() const { return policy_; }

  Taken forward(const jumpout_device_forward_args& args) const {
    Taken taken;
    require(policy_ ? jumpout::cuda::forward(args, *policy_, &taken) : jumpout_device_forward(&args),
            "forward");
    return taken;
  }
  Taken backward(const jumpout_device_backward_args& args) const {
    Taken taken;
    require(policy_ ? jumpout::cuda::backward(args, *policy_, &taken) : jumpout_device_backward(&args),
            "backward");
    return taken;
  }
  void count(const jumpout_device_count_args& args) const {
    require(policy_ ? jumpout::cuda::countActive(args, *policy_) : jumpout_device_count_active(&args),
            "count");
  }

  void synchronize() const { require(jumpout_cuda_stream_synchronize(number_, stream_), "the stream"); }

 private:
  int32_t number_;
  std::optional<Policy> policy_;
  void* stream_ = nullptr;
  void* workspace_ = nullptr;
};

// `bytes` of device memory that begin `lead` bytes after a canary of a multiple of 256 bytes. Either a canary follows, or
// the allocation ends with the last byte, so that a memory checker sees reads beyond it.
class Guarded {
 public:
  Guarded(const Device& device, size_t bytes, size_t lead, bool canary_behind)
      : device_(device), bytes_(bytes), before_(kCanary + lead), behind_(canary_behind ? kCanary : 0) {
    require(jumpout_cuda_allocate(device.number(), before_ + bytes_ + behind_, device.stream(), 1, &memory_),
            "device memory");
    poison();
  }
  ~Guarded() {
    void* stream = device_.stream();
    jumpout_cuda_free(device_.number(), memory_, &stream, 1);
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  template <class T = void>
  T* data() const {
    return reinterpret_cast<T*>(static_cast<char*>(memory_) + before_);
  }

  void poison() {
    require(
        jumpout_cuda_fill(device_.number(), memory_, kPoison, before_ + bytes_ + behind_, device_.stream()),
        "poison");
  }

  void write(const void* host) {
    if (bytes_)
      require(jumpout_cuda_copy(device_.number(), data(), host, bytes_, device_.stream()), "a copy");
  }

  // Everything, canaries included; what was enqueued before is done then.
  std::vector<unsigned char> read() {
    std::vector<unsigned char> all(before_ + bytes_ + behind_);
    require(jumpout_cuda_copy(device_.number(), all.data(), memory_, all.size(), device_.stream()), "a copy");
    device_.synchronize();
    canary_broken_ = false;
    for (size_t i = 0; i < before_; ++i) canary_broken_ |= all[i] != kPoison;
    for (size_t i = before_ + bytes_; i < all.size(); ++i) canary_broken_ |= all[i] != kPoison;
    return {all.begin() + static_cast<ptrdiff_t>(before_),
            all.begin() + static_cast<ptrdiff_t>(before_ + bytes_)};
  }

  // Of the last read.
  bool intactAround() const { return !canary_broken_; }

  static constexpr unsigned char kPoison = 0xA5;

 private:
  static constexpr size_t kCanary = 256;

  const Device& device_;
  size_t bytes_, before_, behind_;
  void* memory_ = nullptr;
  bool canary_broken_ = false;
};

}  // namespace device_tests

// Device memory, copies, streams and graphs of jumpout_cuda.h, and errors of the device's entry points. On a GPU, or on the
// CPU with JUMPOUT_CUDA=EMULATED.
#include "device_runtime.hpp"

#include <cstdlib>
#include <cstring>

#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace device_runtime {
namespace {

void devices() {
  const int32_t count = jumpout_cuda_device_count();
  check::that(count > 0, "there is a device");
  for (int32_t number = 0; number < count; ++number) {
    jumpout_cuda_device device = {};
    ok(jumpout_cuda_device_of(number, &device), "a device");
    check::that(device.name[0] && device.compute_major >= 7 && device.multiprocessors > 0 &&
                    device.memory_bytes > 0 && device.l2_bytes > 0,
                std::string("what there is to know of a device: ") + device.name);
  }
  jumpout_cuda_device device;
  refused(jumpout_cuda_device_of(count, &device), JUMPOUT_BAD_DEVICE, "device", "a device too many");
  refused(jumpout_cuda_device_of(-2, &device), JUMPOUT_BAD_DEVICE, "device", "a device before the first");
  refused(jumpout_cuda_device_of(0, nullptr), JUMPOUT_NULL_POINTER, "found", "nowhere to say it");
  ok(jumpout_cuda_device_of(-1, &device), "the current device");
}

// Every function that takes a number refuses these, before anything else is looked at.
void wrongDevices() {
  for (const int32_t wrong : {-2, jumpout_cuda_device_count(), INT32_MAX}) {
    void* handle = nullptr;
    int32_t flag = 0;
    uint64_t value = 1;
    int host = 0;
    const auto no = [&](jumpout_status status, const char* what) {
      refused(status, JUMPOUT_BAD_DEVICE, "device",
              std::string(what) + " of device " + std::to_string(wrong));
    };
    no(jumpout_cuda_allocate(wrong, 8, nullptr, 1, &handle), "allocate");
    no(jumpout_cuda_free(wrong, &host, nullptr, 0), "free");
    no(jumpout_cuda_copy(wrong, &host, &host, 4, nullptr), "copy");
    no(jumpout_cuda_fill(wrong, &host, 0, 4, nullptr), "fill");
    no(jumpout_cuda_store(wrong, &value, &value, 1, nullptr), "store");
    no(jumpout_cuda_stream_create(wrong, &handle), "stream_create");
    no(jumpout_cuda_stream_synchronize(wrong, nullptr), "stream_synchronize");
    no(jumpout_cuda_stream_capturing(wrong, nullptr, &flag), "stream_capturing");
    no(jumpout_cuda_stream_wait(wrong, nullptr, nullptr), "stream_wait");
    no(jumpout_cuda_event_create(wrong, &handle), "event_create");
    no(jumpout_cuda_capture_begin(wrong, nullptr), "capture_begin");
    no(jumpout_cuda_capture_end(wrong, nullptr, &handle), "capture_end");
    no(jumpout_cuda_graph_launch(wrong, &host, nullptr), "graph_launch");
    check::that(host == 0 && handle == nullptr, "nothing was made or written");
  }
}

// CUDA's state does not survive fork(), and our locks may be held for ever: calls in a child return an error.
void children() {
#if !defined(_WIN32)
  const pid_t child = fork();
  if (child == 0) {
    jumpout_runtime runtime = {};
    void* memory = nullptr;
    const bool told = jumpout_cuda_device_count() == 0 && jumpout_get_runtime(&runtime) == JUMPOUT_OK &&
                      !runtime.cuda_available && runtime.cuda_reason &&
                      std::strstr(runtime.cuda_reason, "fork()") &&
                      jumpout_cuda_allocate(0, 64, nullptr, 0, &memory) == JUMPOUT_NO_CUDA;
    _exit(told ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  check::that(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child of fork() has no CUDA");
  check::that(jumpout_cuda_device_count() > 0, "its parent has");
#endif
}

void kinds() {
  const int32_t last = jumpout_cuda_device_count() - 1;
  int host = 0;
  check::that(kindOf(&host).kind == JUMPOUT_MEMORY_HOST && kindOf(&host).device == -1,
              "the stack is host memory");
  check::that(kindOf(nullptr).kind == JUMPOUT_MEMORY_HOST, "NULL is host memory");
  void* pinned = nullptr;
  ok(jumpout_cuda_allocate_pinned(1000, &pinned), "pinned memory");
  check::that(pinned && reinterpret_cast<uintptr_t>(pinned) % 64 == 0, "pinned memory is aligned");
  check::that(kindOf(static_cast<char*>(pinned) + 999).kind == JUMPOUT_MEMORY_PINNED,
              "pinned memory is known");
  static_cast<char*>(pinned)[999] = 1;
  ok(jumpout_cuda_free_pinned(pinned), "its end");
  check::that(isFreed(pinned), "it is gone");
  ok(jumpout_cuda_free_pinned(nullptr), "the end of nothing");
  ok(jumpout_cuda_allocate_pinned(0, &pinned), "no pinned memory");
  check::that(pinned != nullptr, "even no pinned memory has an address");
  ok(jumpout_cuda_free_pinned(pinned), "its end");
  refused(jumpout_cuda_allocate_pinned(8, nullptr), JUMPOUT_NULL_POINTER, "memory",
          "nowhere to put pinned memory");
  void* managed = nullptr;
  cuda(cudaMallocManaged(&managed, 64), "managed memory");
  check::that(kindOf(managed).kind == JUMPOUT_MEMORY_MANAGED, "managed memory is known");
  cuda(cudaFree(managed), "its end");
  for (const int32_t device : {0, last}) {
    void* memory = allocated(device, 4096);
    for (const size_t offset : {0, 1, 4095}) {
      const jumpout_memory found = kindOf(static_cast<char*>(memory) + offset);
      check::that(found.kind == JUMPOUT_MEMORY_DEVICE && found.device == device, "device memory is known");
    }
    freed(device, memory);
    check::that(isFreed(memory), "freed memory is not");
  }
  refused(jumpout_cuda_memory_of(&host, nullptr), JUMPOUT_NULL_POINTER, "memory", "nowhere to say it");
}

}  // namespace

std::vector<uint64_t> numbersOf(int32_t device, const void* memory, size_t count, void* stream) {
  std::vector<uint64_t> numbers(count, 0xDEAD);
  ok(jumpout_cuda_copy(device, numbers.data(), memory, count * sizeof(uint64_t), stream),
     "a look at the device");
  return numbers;
}

void memory() {
  devices();
  children();
  wrongDevices();
  kinds();
  const int32_t last = jumpout_cuda_device_count() - 1;
  for (const int32_t device : {0, last, -1}) {
    const Stream stream(device == -1 ? 0 : device);
    for (const bool at_once : {false, true}) {
      std::vector<void*> all;
      for (const size_t bytes : {0, 1, 255, 256, 257, 100000})
        all.push_back(allocated(device, bytes, stream.handle, at_once));
      for (size_t i = 1; i < all.size(); ++i)
        check::that(all[i] != all[i - 1], "every allocation is another");
      for (void* memory : all) freed(device, memory, {stream.handle});
      for (void* memory : all) check::that(isFreed(memory), "all is freed");
    }
  }
  int current = -1;
  cuda(cudaGetDevice(&current), "the current device");
  check::that(current == 0, "the current device is the same as ever");

  void* none = &current;
  refusedAsTooMuch(jumpout_cuda_allocate(0, kTooMuch, nullptr, 1, &none), "too much memory");
  check::that(none == nullptr, "too much memory is none");
  refusedAsTooMuch(jumpout_cuda_allocate(0, kTooMuch, nullptr, 0, &none), "in order");
  freed(0, allocated(0, 64));  // and goes on
  refused(jumpout_cuda_allocate(0, 64, nullptr, 1, nullptr), JUMPOUT_NULL_POINTER, "memory",
          "nowhere to put it");
  ok(jumpout_cuda_free(0, nullptr, nullptr, 3), "freeing nothing");
  void* memory = allocated(0, 64);
  refused(jumpout_cuda_free(0, memory, nullptr, 1), JUMPOUT_NULL_POINTER, "streams", "streams that are none");
  freed(0, memory);
  if (kEmulated) failed(jumpout_cuda_free(0, memory, nullptr, 0), cudaErrorInvalidValue, "", "freeing twice");
}

namespace {

void directions() {
  const int32_t last = jumpout_cuda_device_count() - 1;
  std::vector<uint64_t> numbers(1000);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = i * i;
  const size_t bytes = numbers.size() * sizeof(uint64_t);
  const Stream stream(last);
  for (void* on : {static_cast<void*>(nullptr), stream.handle}) {
    void *here = allocated(last, bytes, on), *there = allocated(0, bytes), *pinned = nullptr;
    ok(jumpout_cuda_allocate_pinned(bytes, &pinned), "pinned memory");
    ok(jumpout_cuda_copy(last, here, numbers.data(), bytes, on), "host to device");
    check::that(numbersOf(last, here, numbers.size(), on) == numbers, "what went up comes down");
    ok(jumpout_cuda_copy(last, there, here, bytes, on), "device to device");
    ok(jumpout_cuda_copy(last, pinned, there, bytes, on), "device to pinned");
    ok(jumpout_cuda_stream_synchronize(last, on), "done");
    check::that(std::memcmp(pinned, numbers.data(), bytes) == 0, "by way of another device");
    std::vector<uint64_t> copy(numbers.size());
    ok(jumpout_cuda_copy(last, copy.data(), numbers.data(), bytes, on), "host to host");
    check::that(copy == numbers, "host to host is done at once");
    std::memset(pinned, 0x11, bytes);
    ok(jumpout_cuda_copy(last, here, pinned, bytes, on), "pinned to device");
    check::that(numbersOf(last, here, 3, on) == std::vector<uint64_t>(3, 0x1111111111111111),
                "from pinned memory");
    freed(last, here, {on});
    freed(0, there, {nullptr});
    ok(jumpout_cuda_free_pinned(pinned), "its end");
  }
}

void copyArguments() {
  const int32_t last = jumpout_cuda_device_count() - 1;
  void* memory = allocated(0, 64);
  uint64_t host[8] = {};
  ok(jumpout_cuda_copy(0, nullptr, nullptr, 0, nullptr), "a copy of nothing");
  ok(jumpout_cuda_fill(0, nullptr, 1, 0, nullptr), "a fill of nothing");
  ok(jumpout_cuda_store(0, nullptr, nullptr, 0, nullptr), "a store of nothing");
  refused(jumpout_cuda_copy(0, nullptr, host, 8, nullptr), JUMPOUT_NULL_POINTER, "to", "a copy to nowhere");
  refused(jumpout_cuda_copy(0, memory, nullptr, 8, nullptr), JUMPOUT_NULL_POINTER, "from",
          "a copy from nowhere");
  refused(jumpout_cuda_fill(0, nullptr, 1, 8, nullptr), JUMPOUT_NULL_POINTER, "memory", "a fill of nowhere");
  refused(jumpout_cuda_store(0, nullptr, host, 1, nullptr), JUMPOUT_NULL_POINTER, "to", "a store to nowhere");
  uint64_t* numbers = static_cast<uint64_t*>(memory);
  refused(jumpout_cuda_store(0, numbers, nullptr, 1, nullptr), JUMPOUT_NULL_POINTER, "values",
          "a store of nowhere");
  refused(jumpout_cuda_fill(0, host, 1, 8, nullptr), JUMPOUT_NOT_ON_DEVICE, "memory", "a fill of the host");
  refused(jumpout_cuda_store(0, host, host, 1, nullptr), JUMPOUT_NOT_ON_DEVICE, "to", "a store to the host");
  uint64_t* odd = reinterpret_cast<uint64_t*>(static_cast<char*>(memory) + 4);
  refused(jumpout_cuda_store(0, odd, host, 1, nullptr), JUMPOUT_MISALIGNED, "to", "a store between numbers");
  if (last > 0) {
    refused(jumpout_cuda_fill(last, memory, 1, 8, nullptr), JUMPOUT_BAD_DEVICE, "memory",
            "another device's memory");
    refused(jumpout_cuda_store(last, numbers, host, 1, nullptr), JUMPOUT_BAD_DEVICE, "to",
            "another device's memory");
    const Stream other(last);
    void* made = nullptr;
    for (const jumpout_status status : {jumpout_cuda_copy(0, memory, host, 8, other.handle),
                                        jumpout_cuda_fill(0, memory, 1, 8, other.handle),
                                        jumpout_cuda_store(0, numbers, host, 1, other.handle),
                                        jumpout_cuda_allocate(0, 8, other.handle, 0, &made),
                                        jumpout_cuda_stream_synchronize(0, other.handle)})
      check::that(status == JUMPOUT_BAD_DEVICE,
                  "a stream of another device: status " + std::to_string(status));
    refused(jumpout_cuda_copy(0, memory, host, 8, other.handle), JUMPOUT_BAD_DEVICE, "stream",
            "a stream elsewhere");
  }
  if (kEmulated) {
    failed(jumpout_cuda_copy(0, memory, host, 65, nullptr), cudaErrorInvalidValue, "", "more than there is");
    freed(0, memory);
    refused(jumpout_cuda_fill(0, memory, 1, 8, nullptr), JUMPOUT_NOT_ON_DEVICE, "memory", "freed memory");
  } else {
    freed(0, memory);
  }
  for (const uint64_t value : host) check::that(value == 0, "the host is as it was");
}

void fillsAndStores() {
  const int32_t last = jumpout_cuda_device_count() - 1;
  const Stream stream(last);
  constexpr size_t kMost = 1000;
  uint64_t* memory =
      static_cast<uint64_t*>(allocated(last, (kMost + 2) * sizeof(uint64_t), stream.handle, false));
  for (const size_t count :
       {size_t{1}, size_t{2}, size_t{31}, size_t{255}, size_t{256}, size_t{257}, kMost}) {
    ok(jumpout_cuda_fill(last, memory, 0xAB, (kMost + 2) * sizeof(uint64_t), stream.handle), "a fill");
    std::vector<uint64_t> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = ~uint64_t{0} / (i + 1);
    const std::vector<uint64_t> kept = values;
    ok(jumpout_cuda_store(last, memory + 1, values.data(), count, stream.handle), "a store");
    values.assign(count, 0);  // the launch has taken them along
    const std::vector<uint64_t> found = numbersOf(last, memory, kMost + 2, stream.handle);
    bool right = found[0] == 0xABABABABABABABAB;
    for (size_t i = 0; i <= kMost; ++i) right &= found[i + 1] == (i < count ? kept[i] : found[0]);
    check::that(right, "a store of " + std::to_string(count) + " numbers and no other");
  }
  freed(last, memory, {stream.handle});
}

}  // namespace

void copies() {
  directions();
  copyArguments();
  fillsAndStores();
}

}  // namespace device_runtime

int main(int argc, char** argv) {
  using namespace device_runtime;
  if (argc > 1) return runScenario(argv[1]);
  if (jumpout_cuda_device_count() == 0) {
    std::printf("no CUDA device: %s\n", jumpout_status_text(JUMPOUT_NO_CUDA));
    return 77;
  }
  memory();
  copies();
  frees();
  streams();
  graphs();
  threads();
  arguments();
  failures(argv[0]);
  return check::report();
}

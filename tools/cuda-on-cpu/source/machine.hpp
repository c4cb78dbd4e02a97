// The machine that a kernel runs on: threads in warps in blocks, some of which run at the same time.
//
// One operating system thread runs them all; a CUDA thread runs until it must wait in a collective, sleeps or exits, and
// then the next one runs, in the order of CUDA_ON_CPU_ORDER.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "context.hpp"
#include "cuda_on_cpu/collectives.h"
#include "cuda_pipeline.h"
#include "run.hpp"
#include "settings.hpp"

namespace cuda_on_cpu {

struct Block;
struct Warp;

struct Thread {
  Context context;
  Block* block;
  Warp* warp;
  uint3 index;
  unsigned rank;  // in the block
  unsigned lane;
  bool exited;
  // The last collective that it reached.
  Operation operation;
  Place place;
  unsigned mask;
  uint64_t result;
  // Whether it has arrived at the barrier of its cluster without waiting yet, and in which phase of the barrier.
  bool inCluster;
  unsigned clusterPhase;
  // Copies that the thread has not waited for, each with its group.
  struct Copying {
    AsyncCopy copy;
    size_t group;
  };
  std::vector<Copying> copies;
  size_t committed;
  // For ThreadSanitizer: the last words it read atomically.
  static constexpr int kReads = 16;
  const void* readSinceFence[kReads];
  int nextRead;
  bool fenced;
};

// Lanes that meet in a warp collective.
struct Meeting {
  unsigned mask = 0;
  unsigned arrived;
  Operation operation;
  int width;
  uint64_t values[warpSize];
  int arguments[warpSize];
  // Two, in turn, so that a thread that leaves late does not synchronize with what others did after this meeting.
  char* order[2];
  unsigned phase = 0;
};

struct Warp {
  static constexpr int kMeetings = 8;
  Thread* threads;
  unsigned size;
  // One bit per lane.
  unsigned live, ready, sleeping, atBlockBarrier, atClusterBarrier, atGridBarrier;
  unsigned meetingsInUse;  // one bit each
  Meeting meetings[kMeetings];
};

struct Barrier {
  unsigned arrived;
  Operation operation;
  Place place;
  int predicates;
  int results[2];
  char* order[2];
  unsigned phase;
};

struct SharedArray {
  const void* tag;
  char* memory;
  size_t bytes;
};

struct Block {
  uint3 index;
  unsigned rankInCluster;
  Thread* threads;
  Warp* warps;
  unsigned live;  // threads
  Barrier barrier;
  Barrier* clusterBarrier;
  std::vector<SharedArray> arrays;
  char* dynamicMemory;
  size_t staticBytes;
  bool waitedForKernelBefore;
};

class Machine {
 public:
  Machine(const Shape& shape, const std::function<void()>& kernel, Order order);

  // False if the kernel did something that CUDA forbids: message() says what.
  bool run();
  const char* message() const { return message_; }
  size_t staticBytes() const { return staticBytes_; }

  // The rest is for the intrinsics of the running thread.
  static Machine* current();
  static bool isRunning();
  Thread& running() { return *running_; }
  const Shape& shape() const { return shape_; }
  [[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 2, 3)));

  void arrive(Operation operation, const Place& place, unsigned mask = 0);
  void wait();
  void wake(Warp& warp, unsigned lanes);
  void sleep();
  void mayYield();
  Barrier& gridBarrier() { return gridBarrier_; }
  Warp* firstWarp() { return warps_.data(); }
  void letPass(Barrier& barrier, Warp* first, size_t warps, unsigned Warp::* waiting);
  void noteStaticBytes(size_t bytes);
  void noteParametersRead();

 private:
  static void threadMain();
  [[noreturn]] void exitThread();

  size_t blocksTogether();
  void beginGroup(const uint64_t* clusters, size_t count);
  void beginBlock(Block& block, uint64_t number);
  void runGroup();
  void endGroup();
  Thread* pick();
  Warp* readyWarp();
  bool wakeSleepers();
  void switchTo(Thread* next, bool finished);
  uint64_t random(uint64_t below);
  void reportDeadlock();

  const Shape shape_;
  const std::function<void()>& kernel_;
  const Order order_;
  uint64_t randomState_;

  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<Block> blocks_;
  std::vector<Barrier> clusterBarriers_;
  Barrier gridBarrier_{};

  Context main_;
  Thread* running_ = nullptr;
  size_t currentWarp_ = 0;
  size_t live_ = 0, sleepers_ = 0;
  uint64_t sleepsInVain_ = 0;  // since any thread made progress
  size_t staticBytes_ = 0;
  bool failed_ = false;
  char message_[1024] = "";

  // The order that ThreadSanitizer knows: a launch follows earlier work of the host and precedes later work. A launch uses
  // no address twice, so that its blocks stay unordered.
  std::unique_ptr<char[]> launchOrder_;
  std::vector<std::unique_ptr<char[]>> groupOrders_;
};

// "file.cu:12", and the operation there.
struct Sentence {
  char text[160];
};
Sentence describe(Operation operation, const Place& place);

void freeSharedMemory(Block& block);
void makeSharedMemory(Block& block, size_t dynamicBytes);
void sharedMemoryDies(Block& block, size_t dynamicBytes);

}  // namespace cuda_on_cpu

#include "machine.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <numeric>
#include <string>

#include "sanitizers.hpp"
#include "stacks.hpp"

namespace cuda_on_cpu {
namespace {

thread_local Machine* machine = nullptr;
thread_local Stacks stacks;  // kept between launches

// Threads that spin this often without any progress elsewhere never end.
constexpr uint64_t kSleepsInVain = kThreadSanitizer ? 1u << 19 : 1u << 22;

constexpr unsigned kAllLanes = 0xffffffffu;
unsigned lanes(unsigned count) { return count >= warpSize ? kAllLanes : (1u << count) - 1; }

const char* nameOf(Operation operation) {
  switch (operation) {
    case Operation::kBarrier: return "__syncthreads";
    case Operation::kCountingBarrier: return "__syncthreads_count";
    case Operation::kGridBarrier: return "grid.sync";
    case Operation::kClusterBarrier: return "cluster.sync";
    case Operation::kClusterArrival: return "__cluster_barrier_arrive";
    case Operation::kClusterWait: return "__cluster_barrier_wait";
    case Operation::kWarpBarrier: return "__syncwarp";
    case Operation::kVote: return "__ballot_sync";
    case Operation::kShuffle: return "__shfl_sync";
    case Operation::kShuffleUp: return "__shfl_up_sync";
    case Operation::kShuffleDown: return "__shfl_down_sync";
    case Operation::kShuffleXor: return "__shfl_xor_sync";
    case Operation::kMatch: return "__match_any_sync";
    case Operation::kAdd: return "__reduce_add_sync";
    case Operation::kMin: return "__reduce_min_sync";
    case Operation::kMax: return "__reduce_max_sync";
    case Operation::kAnd: return "__reduce_and_sync";
    case Operation::kOr: return "__reduce_or_sync";
    case Operation::kXor: return "__reduce_xor_sync";
    case Operation::kSleep: return "__nanosleep";
    case Operation::kNone: break;
  }
  return "no collective";
}

}  // namespace

Sentence describe(Operation operation, const Place& place) {
  const char* slash = std::strrchr(place.file, '/');
  Sentence sentence;
  std::snprintf(sentence.text, sizeof sentence.text, "%s at %s:%d", nameOf(operation),
                slash == nullptr ? place.file : slash + 1, place.line);
  return sentence;
}

bool Machine::isRunning() { return machine != nullptr && machine->running_ != nullptr; }

Machine* Machine::current() {
  if (!isRunning()) {
    std::fprintf(stderr, "CUDA on CPU: device code was called by the host\n");
    std::abort();
  }
  return machine;
}

namespace {

// The ends of kernels without a wait so far.
std::vector<std::unique_ptr<char[]>>& unsettled() {
  static auto& all = *new std::vector<std::unique_ptr<char[]>>;
  return all;
}

void acquireUnsettled() {
  for (const std::unique_ptr<char[]>& order : unsettled()) acquire(&order[8]);
}

}  // namespace

void settleKernels() {
  acquireUnsettled();
  unsettled().clear();
}

void waitForKernelBefore() {
  Machine::current()->running().block->waitedForKernelBefore = true;
  acquireUnsettled();
}

Run runKernel(const Shape& shape, const std::function<void()>& kernel) {
  Machine launch(shape, kernel, orderOfNow());
  const bool well = launch.run();
  return {well ? "" : launch.message(), launch.staticBytes()};
}

// ---- A launch: groups of blocks, one after another -------------------------------------------------------------

Machine::Machine(const Shape& shape, const std::function<void()>& kernel, Order order)
    : shape_(shape), kernel_(kernel), order_(order), randomState_(order.seed), launchOrder_(new char[24]) {}

void parametersRead() { Machine::current()->noteParametersRead(); }
void Machine::noteParametersRead() { release(&launchOrder_[16]); }

bool Machine::run() {
  std::vector<uint64_t> clusters(shape_.blocks() / shape_.clusterBlocks);
  std::iota(clusters.begin(), clusters.end(), 0);
  if (order_.kind == Order::kReverse) std::reverse(clusters.begin(), clusters.end());
  if (order_.kind == Order::kRandom) {
    for (size_t i = clusters.size(); i > 1; --i) std::swap(clusters[i - 1], clusters[random(i)]);
  }
  if (!shape_.overlaps) settleKernels();
  release(&launchOrder_[0]);
  machine = this;
  for (size_t next = 0; next < clusters.size() && !failed_;) {
    Unwatched unwatched;
    const size_t together = std::min(blocksTogether(), clusters.size() - next);
    beginGroup(&clusters[next], together);
    runGroup();
    endGroup();
    next += together;
  }
  machine = nullptr;
  {
    const Unwatched unwatched;
    threads_.clear();
  }
  acquire(&launchOrder_[16]);
  unsettled().push_back(std::move(launchOrder_));
  if (failed_) settleKernels();
  if (failed_) stacks.unmap();  // with the frames that were left in them
  return !failed_;
}

// Counts clusters. Blocks of a plain launch need not run at the same time, but on a device they do.
size_t Machine::blocksTogether() {
  if (shape_.cooperative) return shape_.blocks();
  if (order_.kind != Order::kRandom) return 1;
  constexpr size_t kMostThreads = 4096;  // ThreadSanitizer knows 8128
  const size_t room = kMostThreads / (size_t{shape_.threads()} * shape_.clusterBlocks);
  return std::clamp<size_t>(1 + random(4), 1, std::max<size_t>(room, 1));
}

void Machine::beginGroup(const uint64_t* clusters, size_t count) {
  const size_t blocks = count * shape_.clusterBlocks;
  blocks_.resize(blocks);
  threads_.resize(blocks * shape_.threads());
  warps_.resize(blocks * shape_.warps());
  clusterBarriers_.assign(count, Barrier{});
  gridBarrier_ = Barrier{};
  stacks.makeRoomFor(threads_.size());

  constexpr size_t kWord = 8;  // what ThreadSanitizer tells apart
  const size_t words = 2 * (1 + count + blocks + Warp::kMeetings * warps_.size());
  groupOrders_.emplace_back(new char[words * kWord]);
  char* word = groupOrders_.back().get();
  const auto take = [&word](char*(&order)[2]) {
    for (char*& address : order) address = word, word += kWord;
  };
  take(gridBarrier_.order);
  for (Barrier& barrier : clusterBarriers_) take(barrier.order);
  for (size_t i = 0; i < blocks; ++i) {
    Block& block = blocks_[i];
    block.threads = &threads_[i * shape_.threads()];
    block.warps = &warps_[i * shape_.warps()];
    block.rankInCluster = static_cast<unsigned>(i % shape_.clusterBlocks);
    block.clusterBarrier = &clusterBarriers_[i / shape_.clusterBlocks];
    block.barrier = Barrier{};
    take(block.barrier.order);
    for (unsigned w = 0; w < shape_.warps(); ++w) {
      for (Meeting& meeting : block.warps[w].meetings) take(meeting.order);
    }
    beginBlock(block, clusters[i / shape_.clusterBlocks] * shape_.clusterBlocks + block.rankInCluster);
  }
  live_ = threads_.size();
  sleepers_ = 0;
  sleepsInVain_ = 0;
  currentWarp_ = 0;
}

void Machine::beginBlock(Block& block, uint64_t number) {
  const dim3 grid = shape_.grid, size = shape_.block;
  block.index = {static_cast<unsigned>(number % grid.x), static_cast<unsigned>(number / grid.x % grid.y),
                 static_cast<unsigned>(number / grid.x / grid.y)};
  block.live = shape_.threads();
  block.waitedForKernelBefore = false;
  makeSharedMemory(block, shape_.dynamicBytes);
  for (unsigned i = 0; i < shape_.warps(); ++i) {
    Warp& warp = block.warps[i];
    warp.threads = block.threads + i * warpSize;
    warp.size = std::min<unsigned>(warpSize, shape_.threads() - i * warpSize);
    warp.live = warp.ready = lanes(warp.size);
    warp.sleeping = warp.atBlockBarrier = warp.atClusterBarrier = warp.atGridBarrier = 0;
    warp.meetingsInUse = 0;
  }
  for (unsigned i = 0; i < shape_.threads(); ++i) {
    Thread& thread = block.threads[i];
    thread.block = &block;
    thread.warp = &block.warps[i / warpSize];
    thread.index = {i % size.x, i / size.x % size.y, i / size.x / size.y};
    thread.rank = i;
    thread.lane = i % warpSize;
    thread.exited = false;
    thread.operation = Operation::kNone;
    thread.place = Place{};
    thread.copies.clear();
    thread.committed = 0;
    thread.inCluster = false;
    std::fill(std::begin(thread.readSinceFence), std::end(thread.readSinceFence), nullptr);
    thread.nextRead = 0;
    thread.fenced = false;
    size_t bytes;
    const size_t number = static_cast<size_t>(&thread - threads_.data());
    void* stack = stacks.fresh(number, &bytes);
    begin(thread.context, stack, bytes, threadMain);
  }
}

void Machine::runGroup() {
  blockDim = shape_.block;
  gridDim = shape_.grid;
  adoptCurrent(main_);
  switchTo(pick(), false);
  if (live_ > 0 && !failed_) reportDeadlock();
}

void Machine::endGroup() {
  for (Thread& thread : threads_) {
    if (!thread.exited) releaseFor(thread.context, main_, &launchOrder_[8]);
    end(thread.context);
  }
  for (Block& block : blocks_) freeSharedMemory(block);
}

// ---- Turns -----------------------------------------------------------------------------------------------------

// To the caller of runGroup if no thread is next.
void Machine::switchTo(Thread* next, bool finished) {
  Thread* const self = running_;
  if (self == next) return;
  running_ = next;
  if (next != nullptr) {
    threadIdx = next->index;
    blockIdx = next->block->index;
  }
  switchContext(self == nullptr ? main_ : self->context, next == nullptr ? main_ : next->context, finished);
}

void Machine::threadMain() {
  Machine& self = *machine;
  acquire(&self.launchOrder_[0]);
  self.kernel_();
  release(&self.launchOrder_[8]);
  self.exitThread();
}

void Machine::exitThread() {
  Thread& thread = *running_;
  Warp& warp = *thread.warp;
  Block& block = *thread.block;
  const unsigned me = 1u << thread.lane;
  for (unsigned i = 0; i < Warp::kMeetings; ++i) {
    const Meeting& meeting = warp.meetings[i];
    if ((warp.meetingsInUse >> i & 1u) == 0 || (meeting.mask & me) == 0) continue;
    fail("the thread exits, but lanes 0x%08x wait for it in a %s with mask 0x%08x", meeting.arrived,
         nameOf(meeting.operation), meeting.mask);
  }
  if (!thread.copies.empty())
    fail("the thread exits without waiting for %zu of its copies", thread.copies.size());
  if (block.live == 1 && shape_.overlaps && !block.waitedForKernelBefore)
    fail("the block exits, but none of its threads waited for the kernel before it");
  thread.exited = true;
  warp.live &= ~me;
  --block.live;
  --live_;
  sleepsInVain_ = 0;
  if (block.live == 0) {
    sharedMemoryDies(block, shape_.dynamicBytes);
  } else if (block.barrier.arrived == block.live) {
    // __syncthreads waits for the threads that have not exited.
    letPass(block.barrier, block.warps, shape_.warps(), &Warp::atBlockBarrier);
  }
  switchTo(pick(), true);
  std::abort();
}

void Machine::arrive(Operation operation, const Place& place, unsigned mask) {
  running_->operation = operation;
  running_->place = place;
  running_->mask = mask;
}

void Machine::wait() { switchTo(pick(), false); }

void Machine::letPass(Barrier& barrier, Warp* first, size_t warps, unsigned Warp::* waiting) {
  barrier.results[barrier.phase] = barrier.predicates;
  barrier.phase ^= 1u;
  barrier.arrived = 0;
  barrier.predicates = 0;
  sleepsInVain_ = 0;
  for (Warp* warp = first; warp != first + warps; ++warp) {
    warp->ready |= warp->*waiting;
    warp->*waiting = 0;
  }
}

void Machine::wake(Warp& warp, unsigned lanes) {
  warp.ready |= lanes;
  sleepsInVain_ = 0;
}

void Machine::sleep() {
  if (++sleepsInVain_ > kSleepsInVain) {
    fail(
        "threads spin for a write that no thread makes; waiting for a later block needs a cooperative launch "
        "(%s)",
        describe(running_->operation, running_->place).text);
  }
  running_->warp->sleeping |= 1u << running_->lane;
  ++sleepers_;
  switchTo(pick(), false);
}

void Machine::mayYield() {
  if (order_.kind != Order::kRandom || random(4) != 0) return;
  running_->warp->ready |= 1u << running_->lane;
  switchTo(pick(), false);
}

// The next thread to run; null if none can.
Thread* Machine::pick() {
  Warp* warp = readyWarp();
  if (warp == nullptr && wakeSleepers()) warp = readyWarp();
  if (warp == nullptr) return nullptr;
  currentWarp_ = static_cast<size_t>(warp - warps_.data());
  unsigned lane;
  if (order_.kind == Order::kForward) {
    lane = static_cast<unsigned>(__builtin_ctz(warp->ready));
  } else if (order_.kind == Order::kReverse) {
    lane = 31u - static_cast<unsigned>(__builtin_clz(warp->ready));
  } else {
    const unsigned turn = static_cast<unsigned>(random(warpSize));
    const unsigned rotated = warp->ready >> turn | warp->ready << ((32 - turn) & 31u);
    lane = (static_cast<unsigned>(__builtin_ctz(rotated)) + turn) & 31u;
  }
  warp->ready &= ~(1u << lane);
  return &warp->threads[lane];
}

// The current warp as long as it can run; in random order any.
Warp* Machine::readyWarp() {
  const size_t count = warps_.size();
  size_t number = order_.kind == Order::kRandom ? random(count) : currentWarp_;
  for (size_t i = 0; i < count; ++i) {
    if (warps_[number].ready != 0) return &warps_[number];
    if (order_.kind == Order::kReverse) {
      number = number == 0 ? count - 1 : number - 1;
    } else {
      number = number + 1 == count ? 0 : number + 1;
    }
  }
  return nullptr;
}

bool Machine::wakeSleepers() {
  if (sleepers_ == 0) return false;
  for (Warp& warp : warps_) {
    warp.ready |= warp.sleeping;
    warp.sleeping = 0;
  }
  sleepers_ = 0;
  return true;
}

uint64_t Machine::random(uint64_t below) {
  randomState_ = randomState_ * 6364136223846793005u + 1442695040888963407u;
  return (randomState_ >> 33) % below;
}

// ---- Misuse ----------------------------------------------------------------------------------------------------

// Abandons all threads of the launch.
void Machine::fail(const char* format, ...) {
  const Thread& thread = *running_;
  const uint3 block = thread.block->index, index = thread.index;
  const int used = std::snprintf(message_, sizeof message_, "block (%u,%u,%u) thread (%u,%u,%u): ", block.x,
                                 block.y, block.z, index.x, index.y, index.z);
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message_ + used, sizeof message_ - static_cast<size_t>(used), format, arguments);
  va_end(arguments);
  failed_ = true;
  switchTo(nullptr, true);
  std::abort();
}

void Machine::reportDeadlock() {
  struct Waiting {
    size_t threads = 0;
    const Thread* first = nullptr;
  };
  std::map<std::string, Waiting> places;
  for (const Thread& thread : threads_) {
    std::string where = "exited";
    if (!thread.exited) {
      where = std::string("wait in ") + describe(thread.operation, thread.place).text;
      if (thread.mask != 0) {
        char mask[24];
        std::snprintf(mask, sizeof mask, " mask 0x%08x", thread.mask);
        where += mask;
      }
    }
    Waiting& waiting = places[where];
    if (waiting.threads++ == 0) waiting.first = &thread;
  }
  std::string text = "deadlock:";
  for (const auto& [where, waiting] : places) {
    text += "\n  " + std::to_string(waiting.threads) + " thread(s) " + where + ", first block " +
            std::to_string(waiting.first->block->index.x) + " thread " + std::to_string(waiting.first->rank);
  }
  std::snprintf(message_, sizeof message_, "%s", text.c_str());
  failed_ = true;
}

}  // namespace cuda_on_cpu

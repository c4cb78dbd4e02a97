// Barriers, votes, shuffles and reductions: the last thread to arrive computes the results of all.
#include "cuda_on_cpu/collectives.h"

#include <cstring>

#include "cooperative_groups.h"
#include "machine.hpp"
#include "sanitizers.hpp"

namespace cuda_on_cpu {
namespace {

// Returns the predicates that held. `expected` is the number of threads it waits for.
int passBarrier(Barrier& barrier, size_t expected, Warp* first, size_t warps, unsigned Warp::* waiting,
                Operation operation, bool predicate, const Place& place) {
  Machine& machine = *Machine::current();
  machine.arrive(operation, place);
  if (barrier.arrived == 0) {
    barrier.operation = operation;
    barrier.place = place;
  } else if (barrier.operation != operation || barrier.place.line != place.line ||
             std::strcmp(barrier.place.file, place.file) != 0) {
    machine.fail("divergent barrier: this thread is in %s, others wait in %s",
                 describe(operation, place).text, describe(barrier.operation, barrier.place).text);
  } else if (barrier.place.code != place.code) {
    machine.fail("divergent barrier: threads come to %s from two places of the kernel",
                 describe(operation, place).text);
  }
  const unsigned phase = barrier.phase;
  barrier.predicates += predicate;
  release(barrier.order[phase]);
  if (++barrier.arrived == expected) {
    machine.letPass(barrier, first, warps, waiting);
  } else {
    machine.running().warp->*waiting |= 1u << machine.running().lane;
    machine.wait();
  }
  acquire(barrier.order[phase]);
  return barrier.results[phase];
}

uint32_t combine(Operation operation, uint32_t a, uint32_t b) {
  switch (operation) {
    case Operation::kAdd: return a + b;
    case Operation::kMin: return a < b ? a : b;
    case Operation::kMax: return a > b ? a : b;
    case Operation::kAnd: return a & b;
    case Operation::kOr: return a | b;
    default: return a ^ b;
  }
}

// The lane that `lane` reads from.
int sourceOf(const Meeting& meeting, int lane) {
  const int width = meeting.width, argument = meeting.arguments[lane];
  const int first = lane / width * width;
  switch (meeting.operation) {
    case Operation::kShuffle: return first + (argument & (width - 1));
    case Operation::kShuffleUp: return lane - argument < first ? lane : lane - argument;
    case Operation::kShuffleDown: return lane + argument >= first + width ? lane : lane + argument;
    default: return (lane ^ argument) >= first + width ? lane : lane ^ argument;
  }
}

template <class Use>
void forEachLane(unsigned mask, Use use) {
  for (; mask != 0; mask &= mask - 1) use(__builtin_ctz(mask));
}

void finish(Machine& machine, const Meeting& meeting, Warp& warp) {
  Thread* const threads = warp.threads;
  switch (meeting.operation) {
    case Operation::kWarpBarrier: return;
    case Operation::kVote: {
      uint64_t votes = 0;
      forEachLane(meeting.mask, [&](int lane) { votes |= meeting.values[lane] << lane; });
      return forEachLane(meeting.mask, [&](int lane) { threads[lane].result = votes; });
    }
    case Operation::kMatch:
      return forEachLane(meeting.mask, [&](int lane) {
        uint64_t same = 0;
        forEachLane(meeting.mask, [&](int other) {
          same |= uint64_t{meeting.values[other] == meeting.values[lane]} << other;
        });
        threads[lane].result = same;
      });
    case Operation::kShuffle:
    case Operation::kShuffleUp:
    case Operation::kShuffleDown:
    case Operation::kShuffleXor:
      return forEachLane(meeting.mask, [&](int lane) {
        const int source = sourceOf(meeting, lane);
        if (source < 0 || source >= warpSize || (meeting.mask >> source & 1u) == 0) {
          const Thread& reader = threads[lane];
          machine.fail("%s: lane %d reads lane %d, which is not in mask 0x%08x",
                       describe(reader.operation, reader.place).text, lane, source, meeting.mask);
        }
        threads[lane].result = meeting.values[source];
      });
    default: {
      const int first = __builtin_ctz(meeting.mask);
      uint32_t all = static_cast<uint32_t>(meeting.values[first]);
      forEachLane(meeting.mask & (meeting.mask - 1), [&](int lane) {
        all = combine(meeting.operation, all, static_cast<uint32_t>(meeting.values[lane]));
      });
      return forEachLane(meeting.mask, [&](int lane) { threads[lane].result = all; });
    }
  }
}

// Lanes that come with one mask meet; lanes with other masks may do so at the same time.
unsigned findMeeting(Machine& machine, Warp& warp, unsigned mask, Operation operation, int width) {
  unsigned found = Warp::kMeetings;
  for (unsigned i = 0; i < Warp::kMeetings; ++i) {
    if ((warp.meetingsInUse >> i & 1u) == 0) {
      if (found == Warp::kMeetings) found = i;
    } else if (warp.meetings[i].mask == mask) {
      if (warp.meetings[i].operation != operation || warp.meetings[i].width != width) {
        const Thread& other = warp.threads[__builtin_ctz(warp.meetings[i].arrived)];
        machine.fail("%s: lanes of one mask are in another collective, %s",
                     describe(operation, machine.running().place).text,
                     describe(other.operation, other.place).text);
      }
      return i;
    }
  }
  if (found == Warp::kMeetings) machine.fail("more than %d warp collectives at a time", Warp::kMeetings);
  Meeting& meeting = warp.meetings[found];
  meeting.mask = mask;
  meeting.arrived = 0;
  meeting.operation = operation;
  meeting.width = width;
  warp.meetingsInUse |= 1u << found;
  return found;
}

}  // namespace

int blockBarrier(Operation operation, bool predicate, const Place& place) {
  Machine& machine = *Machine::current();
  Block& block = *machine.running().block;
  return passBarrier(block.barrier, block.live, block.warps, machine.shape().warps(), &Warp::atBlockBarrier,
                     operation, predicate, place);
}

void clusterBarrier(const Place& place) {
  Machine& machine = *Machine::current();
  const Shape& shape = machine.shape();
  Block& block = *machine.running().block;
  passBarrier(*block.clusterBarrier, size_t{shape.clusterBlocks} * shape.threads(),
              (&block - block.rankInCluster)->warps, size_t{shape.clusterBlocks} * shape.warps(),
              &Warp::atClusterBarrier, Operation::kClusterBarrier, false, place);
}

void clusterArrive(bool releases, const char* file, int line) {
  Machine& machine = *Machine::current();
  const Shape& shape = machine.shape();
  Thread& self = machine.running();
  Barrier& barrier = *self.block->clusterBarrier;
  machine.arrive(Operation::kClusterArrival, {file, line});
  if (self.inCluster)
    machine.fail("%s: the thread came before and has not waited", describe(self.operation, self.place).text);
  if (barrier.arrived > 0 && barrier.operation != Operation::kClusterArrival)
    machine.fail("divergent barrier: this thread is in %s, others wait in %s",
                 describe(self.operation, self.place).text, describe(barrier.operation, barrier.place).text);
  barrier.operation = self.operation;
  barrier.place = self.place;
  self.inCluster = true;
  self.clusterPhase = barrier.phase;
  if (releases) release(barrier.order[barrier.phase]);
  if (++barrier.arrived == size_t{shape.clusterBlocks} * shape.threads()) {
    machine.letPass(barrier, (self.block - self.block->rankInCluster)->warps,
                    size_t{shape.clusterBlocks} * shape.warps(), &Warp::atClusterBarrier);
  }
}

void clusterWait(const char* file, int line) {
  Machine& machine = *Machine::current();
  Thread& self = machine.running();
  const Barrier& barrier = *self.block->clusterBarrier;
  machine.arrive(Operation::kClusterWait, {file, line});
  if (!self.inCluster)
    machine.fail("%s: the thread has not come to the barrier", describe(self.operation, self.place).text);
  if (barrier.phase == self.clusterPhase) {
    self.warp->atClusterBarrier |= 1u << self.lane;
    machine.wait();
  }
  self.inCluster = false;
  acquire(barrier.order[self.clusterPhase]);
}

void gridBarrier(const Place& place) {
  Machine& machine = *Machine::current();
  const Shape& shape = machine.shape();
  if (!shape.cooperative) {
    machine.fail("%s in a launch that is not cooperative", describe(Operation::kGridBarrier, place).text);
  }
  passBarrier(machine.gridBarrier(), shape.blocks() * shape.threads(), machine.firstWarp(),
              shape.blocks() * shape.warps(), &Warp::atGridBarrier, Operation::kGridBarrier, false, place);
}

// Only __syncwarp orders memory among its lanes; votes, shuffles and reductions do not.
uint64_t warpCollective(Operation operation, unsigned mask, uint64_t value, int argument, int width,
                        const char* file, int line) {
  Machine& machine = *Machine::current();
  Thread& self = machine.running();
  Warp& warp = *self.warp;
  machine.arrive(operation, {file, line}, mask);
  const unsigned me = 1u << self.lane;
  if ((mask & me) == 0 || (mask & ~warp.live) != 0) {
    const Sentence where = describe(operation, {file, line});
    if ((mask & me) == 0)
      machine.fail("%s: mask 0x%08x does not name the lane itself, %u", where.text, mask, self.lane);
    machine.fail("%s: mask 0x%08x names lanes that exited or never were; there are 0x%08x", where.text, mask,
                 warp.live);
  }
  const unsigned number = findMeeting(machine, warp, mask, operation, width);
  Meeting& meeting = warp.meetings[number];
  meeting.values[self.lane] = value;
  meeting.arguments[self.lane] = argument;
  meeting.arrived |= me;
  char* const order = meeting.order[meeting.phase];
  if (operation == Operation::kWarpBarrier) release(order);
  if (meeting.arrived == mask) {
    finish(machine, meeting, warp);
    meeting.phase ^= 1u;
    warp.meetingsInUse &= ~(1u << number);
    machine.wake(warp, mask & ~me);
  } else {
    machine.wait();
  }
  if (operation == Operation::kWarpBarrier) acquire(order);
  return self.result;
}

// The full mask is the default and means the lanes that a block has.
void warpBarrier(unsigned mask, const char* file, int line) {
  const Warp& warp = *Machine::current()->running().warp;
  if (warp.size < warpSize) mask &= (1u << warp.size) - 1;
  warpCollective(Operation::kWarpBarrier, mask, 0, 0, warpSize, file, line);
}

ClusterPlace placeInCluster() {
  Machine& machine = *Machine::current();
  return {machine.running().block->rankInCluster, machine.shape().clusterBlocks};
}

unsigned int rankInBlock() { return Machine::current()->running().rank; }

}  // namespace cuda_on_cpu

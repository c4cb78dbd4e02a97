#include "cpu/sweep.hpp"

#include <algorithm>

#include "core/philox.hpp"
#include "core/rate.hpp"
#include "cpu/interleaved.hpp"

namespace jumpout::cpu {
namespace {

// Elements whose lanes, thresholds and scales are laid out side by side in the first-level cache.
constexpr size_t kTile = 1024;
constexpr size_t kTilePadding = 64;  // kernels read whole vectors

// Shorter stretches of one group cost more in set-up than the tile they save.
constexpr size_t kWorthOneSweep = 256;

constexpr size_t wordFloor(size_t element) { return element / kMaskWordBits * kMaskWordBits; }
constexpr size_t wordCeil(size_t element) { return wordFloor(element + kMaskWordBits - 1); }

uint16_t thresholdOf(const jumpout_group& group) {
  return static_cast<uint16_t>(thresholdOfRate(group.effective_rate));
}

}  // namespace

void Sweep::chooseStores(size_t length, size_t streaming_bytes) {
  const bool large = length * sizeof(float) >= streaming_bytes;
  const auto address = reinterpret_cast<uintptr_t>(output);
  if (!kernels.streams || !large || output == input || address % kPieceAlignment != 0) return;
  stores = address % kernels.vector_alignment == 0 ? Stores::kVectors : Stores::kPieces;
}

Range Sweep::rangeOf(size_t begin, size_t end) const {
  return {input + begin,  partner ? partner + begin : nullptr,
          output + begin, mask ? mask + begin / kMaskWordBits : nullptr,
          end - begin,    stores};
}

// Calls whole(row, from, to) for stretches of whole words that lie in one group, mixed(from, to) for the rest.
template <class Whole, class Mixed>
void Sweep::cut(size_t begin, size_t end, const Whole& whole, const Mixed& mixed) const {
  size_t done = begin;
  forEachRow(layout, begin, end, [&](size_t row, size_t from, size_t to) {
    const size_t first = std::max(done, wordCeil(from));
    const size_t last = to == end ? end : wordFloor(to);
    if (last < first + kWorthOneSweep && !(first == begin && last == end)) return;
    if (done < first) mixed(done, first);
    whole(row, first, last);
    done = last;
  });
  if (done < end) mixed(done, end);
}

void Sweep::applyDraws(size_t begin, size_t end) const {
  if (interleavesUnits(layout)) return applyInterleavedDraws(begin, end);
  const auto mixed = [&](size_t from, size_t to) { applyMixedDraws(from, to); };
  if (layout.unit_size != 1 || layout.element_offset % kLanesPerBlock != 0) return mixed(begin, end);
  const auto whole = [&](size_t row, size_t from, size_t to) {
    const Draws draws{seed, keepSubsequence(call), (layout.element_offset + from) / kLanesPerBlock};
    const float scale = static_cast<float>(groups[row].scale);
    kernels.applyDraws(gate, rangeOf(from, to), draws, thresholdOf(groups[row]), scale);
  };
  cut(begin, end, whole, mixed);
}

void Sweep::applyMask(const uint32_t* kept, size_t begin, size_t end) const {
  const auto whole = [&](size_t row, size_t from, size_t to) {
    kernels.applyMask(gate, rangeOf(from, to), kept + (from - begin) / kMaskWordBits,
                      static_cast<float>(groups[row].scale), nullptr);
  };
  const auto mixed = [&](size_t from, size_t to) {
    float scales[kTile + kTilePadding];
    for (size_t tile = from; tile < to; tile += kTile) {
      const size_t tile_end = std::min(to, tile + kTile);
      forEachRow(layout, tile, tile_end, [&](size_t row, size_t first, size_t last) {
        std::fill(scales + (first - tile), scales + (last - tile), static_cast<float>(groups[row].scale));
      });
      std::fill_n(scales + (tile_end - tile), kTilePadding, 0.0f);
      kernels.applyMask(gate, rangeOf(tile, tile_end), kept + (tile - begin) / kMaskWordBits, 0.0f, scales);
    }
  };
  cut(begin, end, whole, mixed);
}

// The lanes of the units that elements [begin, end) belong to, one per element. Returns where the first lies in `lanes`.
const uint16_t* Sweep::lanesOf(size_t begin, size_t end, uint16_t* drawn, uint16_t* spread) const {
  const uint64_t first = layout.element_offset + begin;
  const uint64_t first_unit = unitOf(layout, first);
  const uint64_t last_unit = unitOf(layout, layout.element_offset + (end - 1));
  const uint64_t first_block = first_unit / kLanesPerBlock;
  const size_t blocks = static_cast<size_t>(last_unit / kLanesPerBlock - first_block + 1);
  kernels.drawLanes({seed, keepSubsequence(call), first_block}, blocks, drawn);
  const uint16_t* lane = drawn + first_unit % kLanesPerBlock;
  if (layout.unit_size == 1) return lane;
  uint64_t left = layout.unit_size - first % layout.unit_size;
  for (size_t i = 0, count = end - begin; i < count; left = layout.unit_size, ++lane) {
    const size_t run = static_cast<size_t>(std::min<uint64_t>(left, count - i));
    std::fill_n(spread + i, run, *lane);
    i += run;
  }
  return spread;
}

void Sweep::applyMixedDraws(size_t begin, size_t end) const {
  alignas(64) uint16_t drawn[kTile + 2 * kLanesPerBlock + kLanePadding] = {};
  alignas(64) uint16_t spread[kTile + kTilePadding] = {};
  alignas(64) uint16_t thresholds[kTile + kTilePadding] = {};
  alignas(64) float scales[kTile + kTilePadding] = {};
  for (size_t tile = begin; tile < end; tile += kTile) {
    const size_t tile_end = std::min(end, tile + kTile);
    const uint16_t* lanes = lanesOf(tile, tile_end, drawn, spread);
    forEachRow(layout, tile, tile_end, [&](size_t row, size_t first, size_t last) {
      std::fill(thresholds + (first - tile), thresholds + (last - tile), thresholdOf(groups[row]));
      std::fill(scales + (first - tile), scales + (last - tile), static_cast<float>(groups[row].scale));
    });
    kernels.applyLanes(gate, rangeOf(tile, tile_end), lanes, thresholds, scales);
  }
}

void Sweep::applyInterleavedDraws(size_t begin, size_t end) const {
  constexpr size_t kDecided = 8192;  // elements whose decisions are packed side by side, 1 KiB
  const uint64_t offset = layout.element_offset;
  InterleavedUnits units(kernels, layout, {seed, keepSubsequence(call), 0}, offset + (end - 1));
  uint32_t kept[kDecided / kMaskWordBits + 2] = {};
  for (size_t tile = begin; tile < end; tile += kDecided) {
    const size_t tile_end = std::min(end, tile + kDecided);
    BitWriter writer(kept);
    forEachRow(layout, tile, tile_end, [&](size_t row, size_t from, size_t to) {
      units.decide(offset + from, to - from, thresholdOf(groups[row]), writer);
    });
    applyMask(kept, tile, tile_end);
  }
}

}  // namespace jumpout::cpu

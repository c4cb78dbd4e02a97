// Objects that JavaScript names by numbers: a descriptor carries any number of them across in one array. A number
// is a slot and how often it was used, so that one that was let go is never mistaken for its successor.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace jumpout::node {

template <typename T>
class HandleTable {
 public:
  // Never 0.
  double add(std::shared_ptr<T> object) {
    if (free_.empty()) {
      slots_.push_back({});
      free_.reserve(slots_.size());  // so that `remove` needs no memory
      free_.push_back(slots_.size() - 1);
    }
    const size_t index = free_.back();
    free_.pop_back();
    Slot& slot = slots_[index];
    slot.object = std::move(object);
    ++slot.generation;
    return static_cast<double>(slot.generation * kSlots + index);
  }

  // nullptr for a number that was let go, or never given.
  const std::shared_ptr<T>* find(double handle) const {
    const Slot* slot = slotOf(handle);
    return slot != nullptr && slot->object ? &slot->object : nullptr;
  }

  std::shared_ptr<T> remove(double handle) {
    auto* slot = const_cast<Slot*>(slotOf(handle));
    if (slot == nullptr || !slot->object) return nullptr;
    if (slot->generation < kLastGeneration) free_.push_back(static_cast<size_t>(slot - slots_.data()));
    return std::move(slot->object);
  }

  void clear() {
    std::vector<Slot> dying;
    dying.swap(slots_);
    free_.clear();
  }

 private:
  struct Slot {
    uint64_t generation = 0;
    std::shared_ptr<T> object;
  };

  static constexpr uint64_t kSlots = uint64_t{1} << 28;
  static constexpr uint64_t kLastGeneration = (uint64_t{1} << 25) - 1;  // handles are exact in a double

  const Slot* slotOf(double handle) const {
    if (!(handle >= static_cast<double>(kSlots) && handle < 0x1p53)) return nullptr;
    const auto number = static_cast<uint64_t>(handle);
    const uint64_t index = number % kSlots;
    if (index >= slots_.size() || slots_[index].generation != number / kSlots) return nullptr;
    return &slots_[index];
  }

  std::vector<Slot> slots_;
  std::vector<size_t> free_;
};

}  // namespace jumpout::node

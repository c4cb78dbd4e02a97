// Objects that JavaScript names by numbers, so that one array of numbers carries any count of them to native code. No
// number is used twice: the number of a removed object finds nothing.
#pragma once

#include <memory>
#include <unordered_map>
#include <utility>

namespace jumpout::node {

template <typename T>
class HandleTable {
 public:
  // Never 0.
  double add(std::shared_ptr<T> object) {
    objects_.emplace(last_ + 1.0, std::move(object));
    return ++last_;
  }

  // nullptr for the number of no object. Valid until the object is removed.
  const std::shared_ptr<T>* find(double handle) const {
    const auto found = objects_.find(handle);
    return found == objects_.end() ? nullptr : &found->second;
  }

  std::shared_ptr<T> remove(double handle) {
    auto node = objects_.extract(handle);
    return node ? std::move(node.mapped()) : nullptr;
  }

  void clear() { const auto dying = std::exchange(objects_, {}); }

 private:
  std::unordered_map<double, std::shared_ptr<T>> objects_;
  double last_ = 0.0;
};

}  // namespace jumpout::node

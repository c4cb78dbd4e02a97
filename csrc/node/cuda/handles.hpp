// Objects that JavaScript names by numbers, so that one array of numbers carries any count of them to native code. No
// number is used twice: the number of a removed object finds nothing.
#pragma once

#include <memory>
#include <unordered_map>
#include <utility>

#include "node/errors.hpp"

namespace jumpout::node {

template <typename T>
class HandleTable {
 public:
  // Never 0.
  double add(std::shared_ptr<T> object) {
    objects_.emplace(last_ + 1.0, std::move(object));
    return ++last_;
  }

  // Valid until the object is removed. Throws a Failure in these words where the number finds nothing.
  const std::shared_ptr<T>& get(double handle, const char* expected, const char* argument,
                                const char* got) const {
    const auto found = objects_.find(handle);
    if (found == objects_.end()) throw wrongValue(expected, argument, got);
    return found->second;
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

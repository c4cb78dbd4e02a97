// The libraries that this process has loaded, on each system.
#pragma once

#include <functional>

namespace jumpout::tensorflow {

// The function of that name in a library or, but on Windows, in one that it needs; null: none.
using Find = std::function<void*(const char* name)>;

// Calls `wanted` for each library, in the order in which they were loaded. One that is wanted stays loaded from then on.
void forEachLibrary(const std::function<bool(const Find&)>& wanted);

}  // namespace jumpout::tensorflow

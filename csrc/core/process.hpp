// The id of this process. After fork() the child has the memory and locks of its parent as they were, but not its threads.
#pragma once

#if !defined(_WIN32)
#include <unistd.h>
#endif

namespace jumpout {

// Read from the system each time (60 ns): not every way to fork runs the handlers of pthread_atfork, and not every way to
// unload a library removes them.
inline long processId() {
#if defined(_WIN32)
  return 0;  // no fork()
#else
  return static_cast<long>(getpid());
#endif
}

}  // namespace jumpout

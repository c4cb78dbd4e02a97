// Which process this is. After fork() the child has the memory of its parent but not its threads, and locks as they were.
#pragma once

#if !defined(_WIN32)
#include <unistd.h>
#endif

namespace jumpout {

// Asked of the system each time (60 ns): handlers of pthread_atfork are not run by every way to fork, nor undone by every
// way to unload a library.
inline long processId() {
#if defined(_WIN32)
  return 0;  // no fork()
#else
  return static_cast<long>(getpid());
#endif
}

}  // namespace jumpout

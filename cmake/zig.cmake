# Cross-compiles with zig, whose clang brings headers, libraries and linkers of every system: JUMPOUT_ZIG is its program,
# JUMPOUT_ZIG_TARGET what it calls the platform, as in x86_64-linux-gnu.2.17, where 2.17 is the oldest glibc to run with.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES JUMPOUT_ZIG JUMPOUT_ZIG_TARGET)
set(linux Linux)
set(macos Darwin)
set(windows Windows)
string(REGEX MATCH "^([^-]+)-([a-z]+)" matched "${JUMPOUT_ZIG_TARGET}")
set(CMAKE_SYSTEM_PROCESSOR "${CMAKE_MATCH_1}")
set(CMAKE_SYSTEM_NAME "${${CMAKE_MATCH_2}}")

set(CMAKE_C_COMPILER "${JUMPOUT_ZIG}" cc -target ${JUMPOUT_ZIG_TARGET})
set(CMAKE_CXX_COMPILER "${JUMPOUT_ZIG}" c++ -target ${JUMPOUT_ZIG_TARGET})

if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(CMAKE_SHARED_LINKER_FLAGS_INIT -Wl,-z,defs) # what is missing is missed here
elseif(CMAKE_SYSTEM_NAME STREQUAL "Darwin")
  set(CMAKE_USER_MAKE_RULES_OVERRIDE_CXX "${CMAKE_CURRENT_LIST_DIR}/zig-macos.cmake")
endif()

# CMake knows no archiver with a command in front of its arguments, and asks for tools that only other steps would use.
set(CMAKE_AR "${JUMPOUT_ZIG}")
set(CMAKE_CXX_ARCHIVE_CREATE "<CMAKE_AR> ar qc <TARGET> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_APPEND "<CMAKE_AR> ar q <TARGET> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_FINISH "<CMAKE_AR> ranlib <TARGET>")
set(CMAKE_RC_COMPILER "${JUMPOUT_ZIG}")
set(CMAKE_INSTALL_NAME_TOOL "${JUMPOUT_ZIG}")

# Read after what CMake knows of macOS, for zig.cmake.
set(CMAKE_SHARED_LIBRARY_RUNTIME_C_FLAG -Wl,-rpath,) # CMake sets it where it can ask macOS for its version
# zig's linker crashes at a bundle. Node loads a library as well; its name would be where it was built.
string(CONCAT CMAKE_CXX_CREATE_SHARED_MODULE "${CMAKE_CXX_CREATE_SHARED_LIBRARY}" " -install_name @rpath/jumpout.node")

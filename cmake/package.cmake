# The C library, for other programs and addons: libjumpout.a, libjumpout.so, headers and find_package(jumpout). The build of
# the addon installs it into build/Release (lib/native-paths.ts); without Node: cmake --install FOLDER --prefix PREFIX.
include(CMakePackageConfigHelpers)

set_target_properties(jumpout_core PROPERTIES OUTPUT_NAME $<IF:$<BOOL:${MSVC}>,jumpout_static,jumpout>)

add_library(jumpout_shared SHARED $<TARGET_OBJECTS:jumpout_objects>)
target_link_libraries(jumpout_shared PRIVATE jumpout_usage)
set_target_properties(jumpout_shared PROPERTIES
  OUTPUT_NAME jumpout
  LINKER_LANGUAGE CXX
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  WINDOWS_EXPORT_ALL_SYMBOLS ON)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(exports "${PROJECT_SOURCE_DIR}/cmake/exports.map") # templates of the C++ library would be visible as well
  target_link_options(jumpout_shared PRIVATE "LINKER:--version-script=${exports}"
    LINKER:-z,nodelete) # pool threads outlive dlclose
  set_target_properties(jumpout_shared PROPERTIES LINK_DEPENDS "${exports}")
elseif(APPLE)
  target_link_options(jumpout_shared PRIVATE "LINKER:-exported_symbol,_jumpout_*")
endif()

# What a C program has to name that links the static library.
set(JUMPOUT_CXX_LIBRARIES "")
foreach(library IN LISTS CMAKE_CXX_IMPLICIT_LINK_LIBRARIES)
  if(library MATCHES "^(stdc\\+\\+|c\\+\\+|c\\+\\+abi|m)$")
    list(APPEND JUMPOUT_CXX_LIBRARIES ${library})
  endif()
endforeach()
list(REMOVE_DUPLICATES JUMPOUT_CXX_LIBRARIES)

set(JUMPOUT_CUDART "")
if(JUMPOUT_WITH_CUDA)
  get_filename_component(JUMPOUT_CUDART "${CUDA_cudart_static_LIBRARY}" NAME)
  install(FILES "${CUDA_cudart_static_LIBRARY}" DESTINATION lib/jumpout) # who links needs no toolkit
endif()

if(JUMPOUT_BUILD_ADDON)
  set(CMAKE_INSTALL_MESSAGE NEVER) # nobody waits for it
endif()
set(config "${CMAKE_CURRENT_BINARY_DIR}/package")
set(JUMPOUT_SONAME "$<$<NOT:$<PLATFORM_ID:Windows>>:$<TARGET_SONAME_FILE_NAME:jumpout_shared>>")
configure_file(cmake/jumpout-config.cmake.in "${config}/jumpout-config.cmake.in" @ONLY)
file(GENERATE OUTPUT "${config}/jumpout-config.cmake" INPUT "${config}/jumpout-config.cmake.in")
write_basic_package_version_file("${config}/jumpout-config-version.cmake" COMPATIBILITY SameMinorVersion)

install(TARGETS jumpout_core jumpout_shared ARCHIVE DESTINATION lib LIBRARY DESTINATION lib RUNTIME DESTINATION bin)
install(FILES csrc/include/jumpout.h csrc/include/jumpout_cuda.h DESTINATION include)
install(FILES "${config}/jumpout-config.cmake" "${config}/jumpout-config-version.cmake" DESTINATION lib/cmake/jumpout)

if(JUMPOUT_BUILD_ADDON)
  add_custom_target(jumpout_package ALL
    COMMAND "${CMAKE_COMMAND}" --install "${CMAKE_BINARY_DIR}" --prefix "${PROJECT_SOURCE_DIR}/build/Release"
      --config $<CONFIG>
    DEPENDS jumpout_core jumpout_shared
    VERBATIM)
endif()

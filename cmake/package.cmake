# The C library, for other programs and addons. In a project that adds this folder: jumpout::static, jumpout::shared, and
# jumpout::jumpout, which is the shared one where BUILD_SHARED_LIBS is on. Installed (JUMPOUT_INSTALL): the same targets by
# find_package(jumpout). The build of the addon installs into build/Release (lib/runtime.ts); without Node: cmake
# --install FOLDER --prefix PREFIX.
jumpout_add_api(jumpout_api_exported JUMPOUT_EXPORTS)
add_library(jumpout_shared SHARED $<TARGET_OBJECTS:jumpout_objects> $<TARGET_OBJECTS:jumpout_api_exported>)
target_include_directories(jumpout_shared INTERFACE csrc/include)
target_link_libraries(jumpout_shared PRIVATE jumpout_private)
# The whole version is in the file's name, by which a process tells libraries apart: two versions of the addon each load
# their own.
set_target_properties(jumpout_shared PROPERTIES
  OUTPUT_NAME jumpout
  RUNTIME_OUTPUT_NAME jumpout-${PROJECT_VERSION}
  LINKER_LANGUAGE CXX
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION}
  INSTALL_NAME_DIR @rpath
  BUILD_WITH_INSTALL_NAME_DIR ON
  IMPORT_PREFIX "" # jumpout.lib and jumpout-X.Y.Z.dll on Windows, whatever the compiler
  IMPORT_SUFFIX .lib)
if(WIN32) # nothing is hidden there, but by a list of all that is not
  set(exports "")
  foreach(header IN ITEMS jumpout jumpout_cuda)
    file(STRINGS csrc/include/${header}.h declarations REGEX "^[a-z].*jumpout_[a-z_]+\\(")
    list(TRANSFORM declarations REPLACE ".*(jumpout_[a-z_]+)\\(.*" "\\1\n")
    list(APPEND exports ${declarations})
  endforeach()
  string(JOIN "" exports "EXPORTS\n" ${exports})
  file(CONFIGURE OUTPUT jumpout.def CONTENT "${exports}" @ONLY)
  target_sources(jumpout_shared PRIVATE "${PROJECT_BINARY_DIR}/jumpout.def")
  set_target_properties(jumpout_shared PROPERTIES PREFIX "")
endif()
set_target_properties(jumpout_static PROPERTIES OUTPUT_NAME $<IF:$<BOOL:${MSVC}>,jumpout_static,jumpout>)
jumpout_exports(jumpout_shared jumpout_*)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  target_link_options(jumpout_static INTERFACE LINKER:-z,nodelete) # pool threads outlive dlclose here too
endif()

set(JUMPOUT_DEFAULT static)
if(BUILD_SHARED_LIBS OR NOT JUMPOUT_INSTALL_STATIC)
  set(JUMPOUT_DEFAULT shared)
endif()
add_library(jumpout::static ALIAS jumpout_static)
add_library(jumpout::shared ALIAS jumpout_shared)
add_library(jumpout::jumpout ALIAS jumpout_${JUMPOUT_DEFAULT})

if(NOT JUMPOUT_INSTALL)
  set_target_properties(jumpout_static jumpout_shared jumpout_api_exported PROPERTIES EXCLUDE_FROM_ALL ON)
  return()
endif()

# ---- Installed -----------------------------------------------------------------------------------------------------

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
if(JUMPOUT_BUILD_ADDON)
  set(CMAKE_INSTALL_MESSAGE NEVER) # nobody waits for it
  set(CMAKE_INSTALL_BINDIR .) # where Windows looks for what the addon needs
  set(CMAKE_INSTALL_LIBDIR lib)
  set(CMAKE_INSTALL_INCLUDEDIR include)
endif()

set(JUMPOUT_CUDART "")
if(JUMPOUT_WITH_CUDA)
  get_filename_component(JUMPOUT_CUDART "${CUDA_cudart_static_LIBRARY}" NAME)
endif()

set(package "${CMAKE_INSTALL_LIBDIR}/cmake/jumpout")
set(config "${PROJECT_BINARY_DIR}/package")
set(JUMPOUT_SONAME "$<$<NOT:$<PLATFORM_ID:Windows>>:$<TARGET_SONAME_FILE_NAME:jumpout_shared>>")
configure_package_config_file(cmake/jumpout-config.cmake.in "${config}/jumpout-config.cmake.in"
  INSTALL_DESTINATION "${package}"
  PATH_VARS CMAKE_INSTALL_BINDIR CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
file(GENERATE OUTPUT "${config}/jumpout-config.cmake" INPUT "${config}/jumpout-config.cmake.in")
write_basic_package_version_file("${config}/jumpout-config-version.cmake" COMPATIBILITY SameMinorVersion)

set(namelink NAMELINK_SKIP)
if(JUMPOUT_INSTALL_STATIC)
  set(namelink "")
  install(TARGETS jumpout_static ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  if(JUMPOUT_WITH_CUDA)
    install(FILES "${CUDA_cudart_static_LIBRARY}"
      DESTINATION "${CMAKE_INSTALL_LIBDIR}/jumpout") # who links needs no toolkit
  endif()
else()
  set_target_properties(jumpout_static PROPERTIES EXCLUDE_FROM_ALL ON)
endif()
install(TARGETS jumpout_shared
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" ${namelink}
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
if(JUMPOUT_BUILD_TENSORFLOW)
  add_library(jumpout_tensorflow SHARED csrc/tensorflow/library.cpp)
  target_link_libraries(jumpout_tensorflow PRIVATE jumpout_private jumpout_tensorflow_ops jumpout_shared)
  set_target_properties(jumpout_tensorflow PROPERTIES
    BUILD_WITH_INSTALL_RPATH ON
    INSTALL_RPATH "$<IF:$<PLATFORM_ID:Darwin>,@loader_path,$ORIGIN>"
    INSTALL_NAME_DIR @rpath
    BUILD_WITH_INSTALL_NAME_DIR ON)
  if(WIN32)
    set_target_properties(jumpout_tensorflow PROPERTIES PREFIX "")
  endif()
  jumpout_exports(jumpout_tensorflow jumpout_tensorflow_*)
  install(TARGETS jumpout_tensorflow
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(FILES csrc/include/jumpout.h csrc/include/jumpout_cuda.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES "${config}/jumpout-config.cmake" "${config}/jumpout-config-version.cmake" DESTINATION "${package}")

# After the addon, which is made anew where any of it changed: a custom target would not do in a folder named C#.
if(JUMPOUT_BUILD_ADDON)
  set_property(TARGET jumpout_addon APPEND PROPERTY LINK_DEPENDS
    "$<TARGET_FILE:jumpout_shared>" "${config}/jumpout-config.cmake")
  if(JUMPOUT_BUILD_TENSORFLOW)
    set_property(TARGET jumpout_addon APPEND PROPERTY LINK_DEPENDS "$<TARGET_FILE:jumpout_tensorflow>")
  endif()
  if(JUMPOUT_INSTALL_STATIC)
    add_dependencies(jumpout_addon jumpout_static)
  endif()
  add_custom_command(TARGET jumpout_addon POST_BUILD VERBATIM COMMAND
    "${CMAKE_COMMAND}" --install "${PROJECT_BINARY_DIR}" --prefix "${JUMPOUT_ADDON_DIR}" --config $<CONFIG>)
endif()

# jumpout_exports(TARGET PATTERN...): the library exports symbols of these names alone, and stays loaded. Templates of the C++
# library would be visible as well, and another addon may bring a jumpout of its own.
function(jumpout_exports target)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    # A path from where the linker runs: a comma or a dollar sign in an absolute one would not reach it.
    set(map "${target}.map")
    string(REPLACE ";" "; " patterns "${ARGN}")
    file(CONFIGURE OUTPUT "${map}" CONTENT "{ global: @patterns@; local: *; };\n" @ONLY)
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${PROJECT_BINARY_DIR}/${map}")
    if(CMAKE_GENERATOR MATCHES "Ninja")
      file(RELATIVE_PATH map "${CMAKE_BINARY_DIR}" "${PROJECT_BINARY_DIR}/${map}")
    endif()
    target_link_options(${target} PRIVATE "LINKER:--version-script=${map}"
      LINKER:-z,nodelete) # pool threads outlive dlclose
  elseif(APPLE AND NOT JUMPOUT_ZIG) # whose linker has no such option, and whose C++ library is hidden anyway
    list(TRANSFORM ARGN PREPEND "LINKER:-exported_symbol,_")
    target_link_options(${target} PRIVATE ${ARGN})
  endif()
endfunction()

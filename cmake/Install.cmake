# What `cmake --install` puts under a prefix: the command, the library of programs that use tables, and its headers.
# Other projects find it by find_package(steelyard) and link steelyard::steelyard.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

if(TARGET steelyard)
  install(TARGETS steelyard RUNTIME)
endif()
if(NOT TARGET steelyard_api)
  return()
endif()
# The library itself and what it is linked from.
foreach(module base wire filter runtime transport placement rpc client api)
  set_target_properties(steelyard_${module} PROPERTIES EXPORT_NAME ${module})
  install(TARGETS steelyard_${module} EXPORT steelyard ARCHIVE)
endforeach()
set_target_properties(steelyard_api PROPERTIES EXPORT_NAME steelyard)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/steelyard)
install(EXPORT steelyard NAMESPACE steelyard:: FILE steelyardTargets.cmake DESTINATION ${package_folder})
install(DIRECTORY include/steelyard DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/steelyardConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/steelyardConfig.cmake ${PROJECT_BINARY_DIR}/steelyardConfigVersion.cmake
        DESTINATION ${package_folder})

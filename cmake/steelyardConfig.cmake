# find_package(steelyard): the target steelyard::steelyard.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(fmt)
include(${CMAKE_CURRENT_LIST_DIR}/steelyardTargets.cmake)

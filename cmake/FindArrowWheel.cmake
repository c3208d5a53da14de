# Arrow C++ as tools/install_arrow.sh leaves it in .deps/arrow.
#
#   ArrowWheel_FOUND      headers and both libraries are there
#   ArrowWheel::parquet   libparquet and, through it, libarrow
set(SY_ARROW_ROOT ${PROJECT_SOURCE_DIR}/.deps/arrow CACHE PATH "Where Arrow C++ lies: include/ and lib/")
find_path(ArrowWheel_INCLUDE parquet/api/reader.h PATHS ${SY_ARROW_ROOT}/include NO_DEFAULT_PATH)
# The wheel ships versioned names only.
file(GLOB sy_parquet_libraries ${SY_ARROW_ROOT}/lib/libparquet.so.*)
file(GLOB sy_arrow_libraries ${SY_ARROW_ROOT}/lib/libarrow.so.*)
list(LENGTH sy_parquet_libraries sy_parquet_count)
list(LENGTH sy_arrow_libraries sy_arrow_count)

set(ArrowWheel_FOUND FALSE)
if(ArrowWheel_INCLUDE AND sy_parquet_count EQUAL 1 AND sy_arrow_count EQUAL 1)
  set(ArrowWheel_FOUND TRUE)
  if(NOT TARGET ArrowWheel::parquet)
    add_library(ArrowWheel::arrow SHARED IMPORTED)
    set_target_properties(ArrowWheel::arrow PROPERTIES IMPORTED_LOCATION ${sy_arrow_libraries}
                                                       INTERFACE_INCLUDE_DIRECTORIES ${ArrowWheel_INCLUDE})
    add_library(ArrowWheel::parquet SHARED IMPORTED)
    set_target_properties(ArrowWheel::parquet PROPERTIES IMPORTED_LOCATION ${sy_parquet_libraries}
                                                         INTERFACE_LINK_LIBRARIES ArrowWheel::arrow)
  endif()
else()
  message(STATUS "Arrow C++ not found: .parquet files will be refused; install it with tools/install_arrow.sh")
endif()

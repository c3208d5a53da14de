# steelyard_precompiled(<target> LIBRARY|PROGRAM|TEST): give a target the headers that most files include,
# compiled once for all targets of its kind. A quarter of the time of a build.
#
# Only where SY_PRECOMPILE is ON: a precompiled header hides an include that a file lacks. The presets dev and clang
# (clang-tidy, and ./test --full) go without and find it.
set(common_headers <algorithm> <array> <chrono> <cmath> <cstdint> <cstring> <deque> <functional> <map> <memory> <optional>
                   <set> <span> <string> <string_view> <unordered_map> <utility> <variant> <vector> <fmt/format.h>
                   <wire/message_codec.h>)

# What is compiled for a program is position independent in another way (-fPIE) than what is for a library: a header for
# each. Every kind has an object library that owns the header.
function(steelyard_precompiled_kind kind)
  cmake_parse_arguments(arg "" "" "HEADERS;OPTIONS;LINK" ${ARGN})
  set(empty ${PROJECT_BINARY_DIR}/precompiled_${kind}.cc)
  file(GENERATE OUTPUT ${empty} CONTENT "")
  add_library(precompiled_${kind} OBJECT EXCLUDE_FROM_ALL ${empty})
  target_precompile_headers(precompiled_${kind} PRIVATE ${arg_HEADERS})
  target_include_directories(precompiled_${kind} PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_compile_options(precompiled_${kind} PRIVATE ${arg_OPTIONS})
  target_link_libraries(precompiled_${kind} PRIVATE ${arg_LINK})
  if(NOT kind STREQUAL "LIBRARY")
    set_target_properties(precompiled_${kind} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(precompiled_${kind} PRIVATE -fPIE)
  endif()
endfunction()

if(SY_PRECOMPILE)
  # fmt::fmt says so to those that link it; all who take the header have to be told the same.
  add_compile_definitions(FMT_SHARED)
  # The compiler cache runs the preprocessor apart. GCC forgets that what it precompiled are system headers, and then
  # reports what it believes to see in library code that it inlined; these two are known to be wrong (GCC bugs 105329 and
  # 105651).
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess> $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>
                      $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
  steelyard_precompiled_kind(LIBRARY HEADERS ${common_headers})
  steelyard_precompiled_kind(PROGRAM HEADERS ${common_headers})
  if(SY_TESTS)
    steelyard_precompiled_kind(TEST HEADERS ${common_headers} <random> <gtest/gtest.h>
                               OPTIONS ${SY_TEST_OPTIONS} LINK GTest::gtest)
  endif()
endif()

function(steelyard_precompiled target kind)
  if(SY_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM precompiled_${kind})
    cmake_language(EVAL CODE "cmake_language(DEFER CALL steelyard_compile_apart ${target})")
  endif()
endfunction()

# A header that was compiled with other options cannot be used. Called when the folder has said which files have some.
function(steelyard_compile_apart target)
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    get_source_file_property(options ${source} COMPILE_OPTIONS)
    if(options)
      set_source_files_properties(${source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()

# Warnings, sanitizers, reproducible floating point, the compiler cache and the linker.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
                    -ffp-contract=off
                    -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.
                    $<$<BOOL:${SY_WERROR}>:-Werror>
                    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
# GCC would look for garbage in the 300 MB that a file takes, again and again: an eighth of the time to compile.
add_compile_options("$<$<CXX_COMPILER_ID:GNU>:SHELL:--param ggc-min-expand=10000 --param ggc-min-heapsize=600000>")
if(SY_SANITIZE)
  add_compile_options(-fsanitize=${SY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # A null pointer that is used stops the program without their checks, which are a fifth of the time to compile.
  add_compile_options($<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=null,object-size,vptr>)
  add_link_options(-fsanitize=${SY_SANITIZE})
  add_compile_definitions(XXH_NO_INLINE_HINTS=1)  # At -Og GCC fails to inline what xxhash says it must.
else()
  add_compile_options(-fstack-protector-strong $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
if(SY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # Coverage counters in every module; the targets link the driver.
endif()
# Lines and functions for traces, without types and variables: a fifth less time to compile. The dev preset has all;
# sanitizers run at -Og and -O1, which take no longer than -O0 and halve the time of their tests (CMakePresets.json).
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_options(-g1)
endif()
add_compile_definitions(_GLIBCXX_ASSERTIONS)
if(SY_PLANTED_BUGS)
  add_compile_definitions(SY_PLANTED_BUGS)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# What is tested is optimised; optimising the tests themselves would cost a third of the time of a build.
set(SY_TEST_OPTIONS $<$<CONFIG:RelWithDebInfo>:-Og>)

# Objects are the same in every clone: paths are mapped away above, and the cache must not hash the folder.
find_program(SY_CCACHE ccache)
if(SY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
                                  CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros ${SY_CCACHE})
endif()
find_program(SY_MOLD mold)
if(SY_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

// SY_CHECK stays on in release builds, SY_DCHECK in debug builds; for programmer errors only, never for input.
#pragma once

#include <cstdio>
#include <cstdlib>

#define SY_CHECK(condition)                                                                  \
  ((condition)                                                                               \
       ? static_cast<void>(0)                                                                \
       : (std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition), \
          std::abort()))

#ifdef NDEBUG
#define SY_DCHECK(condition) static_cast<void>(0)
#else
#define SY_DCHECK(condition) SY_CHECK(condition)
#endif

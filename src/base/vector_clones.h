// SY_VECTOR_CLONES: compile a function for several vector widths; the processor's is chosen when the program starts.
#pragma once

// Every clone gives the same bits: multiplications and additions are never fused (-ffp-contract=off).
// Not under sanitizers, whose runtime is not up when the choice is made, and not with clang, which only checks.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SY_VECTOR_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SY_VECTOR_CLONES
#endif

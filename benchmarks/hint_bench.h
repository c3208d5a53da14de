// What the slots of recent lists are worth: pushes of lists that were just pulled, as a server gets them from a worker.
#pragma once

#include <cstddef>

#include "bench_row.h"

namespace steelyard::bench {

/// Add to rows of lists that were just pulled: where the pull has left their slots, beside looking every key up again.
/// One thread, 468,000 keys of 2 floats in 32 segments, lists of 1,800 uniform keys.
BenchRow RunHintedPushes(std::size_t rounds);

}  // namespace steelyard::bench

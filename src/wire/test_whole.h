// ExpectWhole: for tests: a message comes back as it was sent, and no shorter body is taken for it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>

#include "wire/message_codec.h"

namespace steelyard::wire {

template <typename Message>
void ExpectWhole(const Message& message) {
  const Buffer body = Encode(message);
  const auto again = Decode<Message>(body.bytes());
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_TRUE(std::ranges::equal(Encode(again.value()).bytes(), body.bytes()));
  for (std::size_t size = 0; size < body.size(); ++size)
    EXPECT_FALSE(Decode<Message>(body.bytes().first(size)).ok()) << "at " << size;
}

}  // namespace steelyard::wire

// Goal: a signature finds the list it was made of or nothing; the cache keeps what was used last, within its bytes.
#include "filter/key_cache.h"

#include <gtest/gtest.h>

#include <cstring>

#include "filter/test_inputs.h"

namespace steelyard::filter {
namespace {

TEST(KeyCache, SignaturesDifferInEveryPart) {
  const std::vector<Key> keys = SteppedKeys(1000, 20, 1);
  const KeySignature signature = SignatureOf(1, 2, keys);
  EXPECT_EQ(SignatureOf(1, 2, keys), signature);
  EXPECT_NE(SignatureOf(2, 2, keys), signature);
  EXPECT_NE(SignatureOf(1, 1, keys), signature);
  EXPECT_NE(SignatureOf(1, 2, std::span(keys).first(999)), signature);
  for (const std::size_t changed : {0U, 500U, 999U}) {
    std::vector<Key> others = keys;
    ++others[changed];
    EXPECT_NE(SignatureOf(1, 2, others), signature) << changed;
  }
  EXPECT_EQ(SignatureOf(1, 2, {}).count, 0U);
}

TEST(KeyCache, FindsWhatWasInsertedAndReportsMisses) {
  KeyCache cache(std::size_t{1} << 20);
  const std::vector<Key> keys = SteppedKeys(1000, 20, 1);
  EXPECT_FALSE(cache.Find(SignatureOf(1, 2, keys)).has_value());
  const KeySignature signature = cache.Insert(1, 2, keys);
  EXPECT_EQ(signature, SignatureOf(1, 2, keys));
  const std::size_t bytes = cache.bytes();
  (void)cache.Insert(1, 2, keys);  // Again: it takes no more room.
  EXPECT_EQ(cache.bytes(), bytes);
  const auto found = cache.Find(signature);
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->size(), keys.size() * sizeof(Key));
  cache.Clear();  // The keys that were found live on.
  EXPECT_EQ(std::memcmp(found->bytes().data(), keys.data(), found->size()), 0);
  EXPECT_FALSE(cache.Find(signature).has_value());
  EXPECT_EQ(cache.bytes(), 0U);
  EXPECT_EQ(cache.hits(), 1U);
  EXPECT_EQ(cache.misses(), 2U);
}

TEST(KeyCache, DropsWhatWasNotUsedForTheLongest) {
  KeyCache cache(5000);  // Four lists of 100 keys and what keeps them.
  std::vector<KeySignature> signatures;
  for (SegmentId segment = 0; segment < 4; ++segment) {
    signatures.push_back(cache.Insert(1, segment, SteppedKeys(100, 20, segment)));
    EXPECT_LE(cache.bytes(), 5000U);
  }
  EXPECT_TRUE(cache.Find(signatures[0]).has_value());
  (void)cache.Insert(1, 2, SteppedKeys(100, 20, 2));
  (void)cache.Insert(1, 9, SteppedKeys(100, 20, 9));
  EXPECT_LE(cache.bytes(), 5000U);
  EXPECT_TRUE(cache.Find(signatures[0]).has_value());
  EXPECT_FALSE(cache.Find(signatures[1]).has_value());
  EXPECT_TRUE(cache.Find(signatures[2]).has_value());
}

TEST(KeyCache, AListLargerThanTheCacheDropsNothing) {
  KeyCache cache(5000);
  const KeySignature small = cache.Insert(1, 0, SteppedKeys(100, 20, 1));
  const KeySignature large = cache.Insert(1, 0, SteppedKeys(1000, 20, 1));
  EXPECT_TRUE(cache.Find(small).has_value());
  EXPECT_FALSE(cache.Find(large).has_value());
}

TEST(KeyCache, NamesAloneAreBoundedToo) {
  KeyCache cache(10'000);
  std::vector<Key> keys{0};
  for (Key key = 1; key <= 1000; ++key) {
    keys[0] = key;
    cache.Remember(SignatureOf(1, 0, keys));
    ASSERT_LE(cache.bytes(), 10'000U);
  }
  const auto last = cache.Find(SignatureOf(1, 0, keys));
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->size(), 0U);
}

}  // namespace
}  // namespace steelyard::filter

// Goal: sorted distinct keys and right positions, whatever the keys. Method: std::set as the oracle, crowded keys.
#include "data/localise.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/hash.h"

namespace steelyard::data {
namespace {

void ExpectLocalised(Minibatch& batch) {
  static Localiser localiser;  // Reused, so that a large minibatch comes before small ones.
  localiser.Localise(batch);
  const std::set<Key> distinct(batch.rows.keys.begin(), batch.rows.keys.end());
  ASSERT_EQ(batch.keys, std::vector<Key>(distinct.begin(), distinct.end()));
  ASSERT_EQ(batch.positions.size(), batch.rows.keys.size());
  for (std::size_t i = 0; i < batch.positions.size(); ++i) {
    ASSERT_LT(batch.positions[i], batch.keys.size());
    ASSERT_EQ(batch.keys[batch.positions[i]], batch.rows.keys[i]);
  }
}

TEST(Localise, AnEmptyMinibatchHasNoKeys) {
  Minibatch batch;
  batch.keys = {1, 2};
  ExpectLocalised(batch);
  EXPECT_TRUE(batch.keys.empty());
}

TEST(Localise, TheEndsOfTheKeySpaceFit) {
  Minibatch batch;
  batch.rows.keys = {kKeyMax, 0, kKeyMax, kKeyMax - 1, 1, 0};
  ExpectLocalised(batch);
}

TEST(Localise, MatchesASetOnSpreadKeysOfManySizes) {
  std::mt19937_64 random(20141006);
  Minibatch batch;
  for (const std::size_t count : {40'000, 1, 2, 5, 63, 4992, 2048, 17}) {
    batch.rows.keys.clear();
    for (std::size_t i = 0; i < count; ++i) {
      batch.rows.keys.push_back(KeyOfId(random() % (count / 2 + 1)));
    }
    ExpectLocalised(batch);
  }
}

TEST(Localise, MatchesASetOnKeysThatCrowdTogether) {
  std::mt19937_64 random(7);
  Minibatch batch;
  for (const Key base : {Key{0}, kKeyMax - 5000, Key{1} << 63}) {
    batch.rows.keys.clear();
    for (int i = 0; i < 3000; ++i) batch.rows.keys.push_back(base + random() % 5000);
    ExpectLocalised(batch);
  }
}

TEST(Localise, MatchesASetWhenTheNextMinibatchHasManyMoreKeys) {
  std::mt19937_64 random(9);
  Minibatch batch;
  for (const std::size_t distinct : {10, 5000, 40, 3000}) {
    batch.rows.keys.clear();
    for (std::size_t i = 0; i < 5000; ++i) batch.rows.keys.push_back(KeyOfId(random() % distinct));
    batch.rows.keys.push_back(kKeyMax);
    ExpectLocalised(batch);
  }
}

}  // namespace
}  // namespace steelyard::data

// Goal: names hashed together have the keys and names of names hashed one by one. Method: KeyOfName() as the oracle, every
// length.
#include "data/name_batch.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/hash.h"

namespace steelyard::data {
namespace {

TEST(NameBatch, GivesTheKeysOfNamesOfEveryLength) {
  std::mt19937_64 random(5);
  NameBook book(true);
  NameBatch batch(book);
  std::vector<Key> keys(1000);
  for (const std::size_t count : {1, 127, 128, 129, 1000}) {
    std::vector<std::string> names;
    batch.Start(keys.data());
    for (std::size_t i = 0; i < count; ++i) {
      std::string prefix(random() % 20, ' ');
      std::string text(1 + random() % 20, ' ');
      for (char& c : prefix) c = static_cast<char>('a' + random() % 26);
      for (char& c : text) c = static_cast<char>('a' + random() % 26);
      names.push_back(prefix + text);
      const std::string padded_prefix = prefix + std::string(NameBatch::kHalfBytes, '?');
      const std::string padded_text = text + std::string(NameBatch::kHalfBytes, '?');
      batch.Add({padded_prefix.data(), prefix.size()}, {padded_text.data(), text.size()});
    }
    batch.Finish();
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(keys[i], KeyOfName(names[i])) << names[i];
    for (const auto& [key, name] : book.Take()) ASSERT_EQ(key, KeyOfName(name)) << name;
  }
}

}  // namespace
}  // namespace steelyard::data

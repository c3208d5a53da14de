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
  std::vector<Key> keys(1000 + NameSlots::kLanes);
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

TEST(NameBatch, JoinsSpacesAndNames) {
  std::mt19937_64 random(6);
  NameBook book(false);
  NameBatch batch(book);
  std::vector<Key> keys(500 + NameSlots::kLanes);
  std::vector<std::string> names;
  batch.Start(keys.data());
  for (int i = 0; i < 500; ++i) {
    const std::string space(random() % 20, 's');
    const std::string text(random() % 20, 't');
    names.push_back(space.empty() ? text : space + '=' + text);
    if (names.back().empty()) {
      names.pop_back();
      continue;
    }
    const std::string padding(NameBatch::kHalfBytes, '?');
    const std::string padded_space = space + padding;
    const std::string padded_text = text + padding;
    batch.AddIn({padded_space.data(), space.size()}, {padded_text.data(), text.size()});
  }
  batch.Finish();
  for (std::size_t i = 0; i < names.size(); ++i)
    ASSERT_EQ(keys[i], KeyOfName(names[i])) << names[i];
}

TEST(NameBatch, PassesOverEmptyCells) {
  std::mt19937_64 random(7);
  NameBook book(false);
  NameBatch batch(book);
  for (int round = 0; round < 50; ++round) {
    std::string row;
    std::vector<std::uint32_t> stops = {kBeforeText};
    std::vector<NameBatch::Column> columns;
    std::vector<std::string> names;
    const auto count = static_cast<std::uint32_t>(1 + random() % 300);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::string cell(random() % 3 == 0 ? 0 : random() % 20, 'c');
      const std::string prefix(random() % 20, 'p');
      row += cell;
      stops.push_back(static_cast<std::uint32_t>(row.size()));
      row += ',';
      columns.emplace_back(prefix, i);
      if (!cell.empty()) names.push_back(prefix + cell);
    }
    row += std::string(NameBatch::kHalfBytes, '?');
    std::vector<Key> keys(count + NameSlots::kLanes);
    batch.Start(keys.data());
    ASSERT_EQ(batch.AddCells(columns, {.text = row.data(), .stops = stops.data(), .count = count}),
              names.size());
    batch.Finish();
    for (std::size_t i = 0; i < names.size(); ++i) ASSERT_EQ(keys[i], KeyOfName(names[i]));
  }
}

}  // namespace
}  // namespace steelyard::data

// Goal: every cell of a row is found, however long the row. Method: a loop over bytes as the oracle.
#include "data/cells.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "data/number.h"

namespace steelyard::data {
namespace {

TEST(Cells, AreThoseBetweenDelimiters) {
  std::mt19937_64 random(9);
  std::vector<std::uint32_t> stops;
  for (const std::size_t bytes : {0, 1, 63, 64, 65, 1000, 16'384, 16'385, 100'000}) {
    for (const char delimiter : {',', ';', '\t'}) {
      for (const std::uint64_t one_in : {1, 5, 1'000'000}) {
        std::string row(bytes, 'x');
        std::vector<std::string> wanted(1);
        for (char& c : row) {
          c = random() % one_in == 0 ? delimiter : 'x';
          if (c == delimiter)
            wanted.emplace_back();
          else
            wanted.back() += c;
        }
        const std::string padded = row + std::string(kReadAheadBytes, delimiter);
        const Cells cells = SplitAt(delimiter, {padded.data(), bytes}, stops);
        ASSERT_EQ(cells.count, wanted.size()) << bytes;
        for (std::size_t i = 0; i < cells.count; ++i) ASSERT_EQ(cells[i], wanted[i]) << i;
      }
    }
  }
}

}  // namespace
}  // namespace steelyard::data

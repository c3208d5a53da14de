// FeatureBuilder: from the values of a row's columns to its keys, by a schema.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "data/key_set.h"
#include "data/schema.h"
#include "steelyard/types.h"

namespace steelyard::data {

/// One feature of one row before crosses are made.
struct Component {
  Key key = 0;
  float value = 1;
  bool present = false;  ///< An empty cell gives no feature, and no cross that uses it.
};

/// The key of a feature is KeyOfName("name=value"), of a numeric one KeyOfName("name"); the key of a cross folds its
/// components' keys with CrossKey() in the order the schema lists them. So keys depend on schema and content alone.
constexpr Key CrossKey(Key left, Key right) {
  return KeyOfId(left * 0x9E3779B97F4A7C15ULL + right);
}

/// Threads: confined to one thread.
class FeatureBuilder {
 public:
  FeatureBuilder(const Schema& schema, bool keep_names);

  /// Turn a cell into a component of feature `index`. False when the value does not fit; error() says why.
  bool OfText(std::size_t index, std::string_view cell, Component& component);
  bool OfInteger(std::size_t index, std::int64_t cell, Component& component);
  bool OfUnsigned(std::size_t index, std::uint64_t cell, Component& component);
  bool OfReal(std::size_t index, double cell, Component& component);
  bool OfTime(std::size_t index, std::int64_t seconds, Component& component);

  /// Make the row's keys, [components.size()] in the schema's order. Valid until the next call.
  void Build(std::span<const Component> components);
  std::span<const Key> keys() const { return {keys_.data(), count_}; }
  /// As many as keys, or none when all are 1.
  std::span<const float> values() const {
    return has_numeric_ ? std::span<const float>(values_.data(), count_) : std::span<const float>();
  }

  std::vector<std::pair<Key, std::string>> TakeNames() { return std::exchange(names_, {}); }
  const std::string& error() const { return error_; }

 private:
  static constexpr std::size_t kCachedNumbers = 2048;  // Covers every part of a time: 1440 minutes.

  /// The last text that was a time, and what became of it.
  struct Repeated {
    std::string text;
    Component component;
  };

  bool Number(std::size_t index, std::int64_t number, Component& component);
  void Named(std::size_t index, std::string_view value, Component& component);
  bool Numeric(std::size_t index, double value, Component& component);
  bool Bucket(std::size_t index, double value, Component& component);
  void NameRow(std::span<const Component> components);
  std::string NameOfCross(const CrossSpec& cross, std::span<const Component> components) const;

  Schema schema_;
  bool keep_names_;
  bool has_numeric_ = false;
  std::vector<std::uint32_t> alone_;   ///< Features that stand for themselves.
  std::vector<std::string> prefixes_;  ///< [features] "name=", then a value is written behind it.
  std::vector<std::size_t> prefix_sizes_;  ///< [features]
  std::vector<std::int64_t>
      whole_widths_;  ///< [features] the width where it is a whole number, else 0.
  std::vector<std::array<Key, kCachedNumbers>>
      number_keys_;                 ///< [features] by small number; 0: not known.
  std::vector<Repeated> repeated_;  ///< [features]
  std::vector<Key> own_keys_;       ///< [features] of the name alone: the key of a numeric one.
  std::vector<Key> keys_;
  std::vector<float> values_;
  std::size_t count_ = 0;
  std::unordered_map<Key, std::string> texts_;  ///< keep_names: component key -> value as written.
  KeySet named_;
  std::vector<std::pair<Key, std::string>> names_;
  std::string error_;
};

}  // namespace steelyard::data

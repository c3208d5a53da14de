// Names that fit into a slot wait for others; a longer one is hashed at once, behind those that wait.
#include "data/name_batch.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace steelyard::data {

NameBatch::Column::Column(std::string before, std::uint32_t cell_index)
    : prefix(std::move(before)), cell(cell_index) {
  prefix.reserve(std::max(prefix.size(), 2 * kHalfBytes));
}

std::size_t NameBatch::AddCells(std::span<const Column> columns, const Cells& cells) {
  std::size_t added = 0;
  std::size_t count = count_;
  for (const Column& column : columns) {
    const std::string_view cell = cells[column.cell];
    const std::size_t prefix_bytes = column.prefix.size();
    if (count == kNamesMax || prefix_bytes > kHalfBytes || cell.size() > kHalfBytes) {
      count_ = count;
      if (!cell.empty()) Add(column.prefix, cell);
      count = count_;
    } else {
      // An empty cell's name is written, and then overwritten by the next one.
      char* const name = Slot(count);
      std::memcpy(name, column.prefix.data(), kHalfBytes);
      std::memcpy(name + prefix_bytes, cell.data(), kHalfBytes);
      sizes_[count] = static_cast<std::uint32_t>(prefix_bytes + cell.size());
      count += cell.empty() ? 0 : 1;
    }
    added += cell.empty() ? 0 : 1;
  }
  count_ = count;
  return added;
}

void NameBatch::AddLong(std::string_view prefix, std::string_view text) {
  Flush();
  long_name_.assign(prefix);
  long_name_.append(text);
  *keys_ = KeyOfName(long_name_);
  book_.Note(*keys_, long_name_);
  ++keys_;
}

void NameBatch::AddLongIn(std::string_view space, std::string_view text) {
  if (space.empty()) return AddLong(space, text);
  const std::string prefix = std::string(space) + '=';
  AddLong(prefix, text);
}

void NameBatch::Flush() {
  KeysOfNames({.text = Slot(0), .sizes = sizes_.data(), .count = count_}, keys_);
  if (book_.wanted()) {
    for (std::size_t i = 0; i < count_; ++i) book_.Note(keys_[i], {Slot(i), sizes_[i]});
  }
  keys_ += count_;
  count_ = 0;
}

}  // namespace steelyard::data

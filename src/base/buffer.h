// Buffer: an immutable, shared run of bytes; what frames carry between threads without a copy.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>

namespace steelyard {

/// Bytes that are written once, then only read.
///
/// Ownership: copies share the same storage; the last one frees it.
/// Threads:   safe to copy and read from any thread once filled.
class Buffer {
 public:
  Buffer() = default;

  /// Allocate `size` bytes, 64-byte aligned and not initialised.
  static Buffer Allocate(std::size_t size) {
    Buffer buffer;
    if (size > 0) {
      auto* raw = static_cast<std::byte*>(::operator new(size, kAlignment));
      buffer.data_ =
          std::shared_ptr<std::byte>(raw, [](std::byte* p) { ::operator delete(p, kAlignment); });
    }
    buffer.size_ = size;
    return buffer;
  }

  std::span<const std::byte> bytes() const { return {data_.get(), size_}; }
  std::size_t size() const { return size_; }
  /// The storage, for the one who fills it before anybody else holds a copy.
  std::span<std::byte> writable() { return {data_.get(), size_}; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  std::shared_ptr<std::byte> data_;
  std::size_t size_ = 0;
};

}  // namespace steelyard

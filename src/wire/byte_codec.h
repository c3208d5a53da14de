// ByteReader and ByteWriter: bounds-checked little-endian fields; every body is written and read through these.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/buffer.h"

namespace steelyard::wire {

static_assert(std::endian::native == std::endian::little,
              "frames are copied as they lie in memory");

/// A field that is copied as its bytes: fixed-size integers and floats.
template <typename T>
concept Scalar = std::integral<T> || std::floating_point<T>;

/// Appends fields to a growing body.
class ByteWriter {
 public:
  template <Scalar T>
  void Put(T value) {
    Append(&value, sizeof value);
  }
  template <typename T>
    requires std::is_enum_v<T>
  void Put(T value) {
    Put(static_cast<std::underlying_type_t<T>>(value));
  }
  /// A string: u32 length, then its bytes.
  void PutString(std::string_view text) {
    Put(static_cast<std::uint32_t>(text.size()));
    Append(text.data(), text.size());
  }
  /// An array without its length; the reader must know the count.
  template <Scalar T>
  void PutArray(std::span<const T> values) {
    Append(values.data(), values.size_bytes());
  }
  /// Zeros up to the next multiple of 8 bytes, so that arrays of keys can be used where they lie.
  void Align8() { bytes_.resize((bytes_.size() + 7) & ~std::size_t{7}); }

  void Reserve(std::size_t bytes) { bytes_.reserve(bytes); }
  std::size_t size() const { return bytes_.size(); }

  std::span<const std::byte> bytes() const { return bytes_; }

  /// Copy the body into a Buffer.
  Buffer Finish() const {
    Buffer buffer = Buffer::Allocate(bytes_.size());
    if (!bytes_.empty()) std::memcpy(buffer.writable().data(), bytes_.data(), bytes_.size());
    return buffer;
  }

 private:
  void Append(const void* data, std::size_t size) {
    if (size == 0) return;
    const std::size_t at = bytes_.size();
    bytes_.resize(at + size);
    std::memcpy(bytes_.data() + at, data, size);
  }
  std::vector<std::byte> bytes_;
};

/// Reads fields from foreign bytes. The first short read makes ok() false and every later value zero, so that a
/// decoder may read a whole record and check once.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <Scalar T>
  T Get() {
    T value{};
    if (const std::byte* at = Take(sizeof value)) std::memcpy(&value, at, sizeof value);
    return value;
  }
  template <Scalar T>
  void Get(T& value) {
    value = Get<T>();
  }
  /// A string of at most `bytes_max` bytes.
  std::string GetString(std::size_t bytes_max) {
    const auto size = Get<std::uint32_t>();
    if (size > bytes_max) ok_ = false;
    const std::byte* at = ok_ ? Take(size) : nullptr;
    return at == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(at), size);
  }
  /// A view of `count` values where they lie; empty and !ok() when the body is too short or misaligned.
  template <Scalar T>
  std::span<const T> GetArray(std::uint64_t count) {
    if (count > remaining() / sizeof(T)) ok_ = false;
    if (!ok_ || count == 0) return {};
    const std::byte* at = Take(count * sizeof(T));
    if (at == nullptr || reinterpret_cast<std::uintptr_t>(at) % alignof(T) != 0) {
      ok_ = false;
      return {};
    }
    return {reinterpret_cast<const T*>(at), static_cast<std::size_t>(count)};
  }
  /// Fill `values` from an array that may lie anywhere.
  template <Scalar T>
  void CopyArray(std::span<T> values) {
    const std::byte* at = Take(values.size_bytes());
    if (at != nullptr && !values.empty()) std::memcpy(values.data(), at, values.size_bytes());
  }
  /// A number of records that follow, each of at least `record_bytes`: refused when they cannot fit.
  std::uint32_t GetCount(std::size_t record_bytes) {
    const auto count = Get<std::uint32_t>();
    if (count > remaining() / record_bytes) ok_ = false;
    return ok_ ? count : 0;
  }
  /// Skip the padding of ByteWriter::Align8(); anything but zeros is refused.
  void Align8() {
    while (ok_ && at_ % 8 != 0) {
      if (Get<std::uint8_t>() != 0) ok_ = false;
    }
  }
  void Fail() { ok_ = false; }

  bool ok() const { return ok_; }
  std::size_t remaining() const { return bytes_.size() - at_; }
  /// True when everything was read and nothing is left over.
  bool complete() const { return ok_ && at_ == bytes_.size(); }

 private:
  const std::byte* Take(std::uint64_t size) {
    if (!ok_ || size > remaining()) {
      ok_ = false;
      return nullptr;
    }
    const std::byte* at = bytes_.data() + at_;
    at_ += static_cast<std::size_t>(size);
    return at;
  }
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace steelyard::wire

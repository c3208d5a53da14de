// Encode() and Decode() for messages that list their fields once, in Fields(visitor).
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "steelyard/status.h"
#include "wire/byte_codec.h"
#include "wire/frame.h"

namespace steelyard::wire {

/// Longest string in a control message.
inline constexpr std::size_t kStringBytesMax = std::size_t{16} << 20;

namespace internal {

/// Writes every field it is shown.
class FieldWriter {
 public:
  template <typename... T>
  void operator()(const T&... fields) {
    (Field(fields), ...);
  }
  /// Never called: what is written is as its message would have it.
  void Refuse() {}
  ByteWriter& writer() { return writer_; }

 private:
  template <typename T>
  void Field(const T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      writer_.Put(value);
    } else {
      const_cast<T&>(value).Fields(*this);  // Fields() only shows its members to the visitor.
    }
  }
  void Field(const std::string& text) { writer_.PutString(text); }
  template <typename A, typename B>
  void Field(const std::pair<A, B>& pair) {
    Field(pair.first);
    Field(pair.second);
  }
  template <typename T>
  void Field(const std::vector<T>& items) {
    writer_.Put(static_cast<std::uint32_t>(items.size()));
    if constexpr (std::is_arithmetic_v<T>) {
      writer_.PutArray(std::span<const T>(items));
    } else {
      for (const T& item : items) Field(item);
    }
  }
  ByteWriter writer_;
};

/// Fills every field it is shown; a count is believed only when that many smallest items could still follow.
class FieldReader {
 public:
  explicit FieldReader(std::span<const std::byte> bytes) : reader_(bytes) {}
  template <typename... T>
  void operator()(T&... fields) {
    (Field(fields), ...);
  }
  /// For messages that could be written in two ways: it was not the one that is used.
  void Refuse() { reader_.Fail(); }
  const ByteReader& reader() const { return reader_; }

 private:
  template <typename T>
  void Field(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      const auto byte = reader_.Get<std::uint8_t>();
      if (byte > 1) reader_.Fail();
      value = byte == 1;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(reader_.Get<std::underlying_type_t<T>>());
    } else if constexpr (std::is_arithmetic_v<T>) {
      reader_.Get(value);
    } else {
      value.Fields(*this);
    }
  }
  void Field(std::string& text) { text = reader_.GetString(kStringBytesMax); }
  template <typename A, typename B>
  void Field(std::pair<A, B>& pair) {
    Field(pair.first);
    Field(pair.second);
  }
  template <typename T>
  void Field(std::vector<T>& items) {
    if constexpr (std::is_arithmetic_v<T>) {
      items.resize(reader_.GetCount(sizeof(T)));
      reader_.CopyArray(std::span<T>(items));
    } else {
      const std::uint32_t count = reader_.GetCount(4);
      items.clear();
      for (std::uint32_t i = 0; i < count && reader_.ok(); ++i) Field(items.emplace_back());
    }
  }
  ByteReader reader_;
};

/// What Decode() says of a body that does not hold its fields, or holds what Check() refused as `why`.
Status BodyRefused(MessageType type, std::size_t body_bytes, const Status& why);

}  // namespace internal

/// Return the body of `message`. Cost: one pass, one copy.
template <typename Message>
Buffer Encode(const Message& message) {
  internal::FieldWriter visitor;
  const_cast<Message&>(message).Fields(visitor);  // Fields() only shows its members to the visitor.
  return visitor.writer().Finish();
}

/// Return a frame that carries `message`; the sender fills in cluster and source.
template <typename Message>
Frame MakeFrame(const Message& message, std::uint64_t request_id = 0) {
  Frame frame;
  frame.body = Encode(message);
  frame.header.type = Message::kType;
  frame.header.request_id = request_id;
  frame.header.body_bytes = static_cast<std::uint32_t>(frame.body.size());
  return frame;
}

/// Parse a body; every byte must be used. Errors: kCorruption naming the message.
template <typename Message>
Result<Message> Decode(std::span<const std::byte> body) {
  internal::FieldReader visitor(body);
  Message message;
  message.Fields(visitor);
  const Status valid =
      visitor.reader().complete() ? message.Check() : Status(StatusCode::kCorruption, "");
  if (!valid.ok()) return internal::BodyRefused(Message::kType, body.size(), valid);
  return message;
}

/// What a question was answered with. Errors: as AnswerBody() and Decode().
template <typename Message>
Result<Message> DecodeAnswer(const Result<Frame>& answer) {
  const auto body = AnswerBody(answer, Message::kType);
  return body.ok() ? Decode<Message>(body.value()) : body.status();
}

}  // namespace steelyard::wire

#pragma once

#include <optional>
#include <string>
#include <utility>

namespace troupe {

/// Validated raw JSON kept as text: unions and free-form fields (a message's content, attributes).
/// Raw in JSON, a str in MessagePack. Empty means absent: the codecs leave it out.
struct json_text {
  std::string raw;

  bool empty() const noexcept { return raw.empty(); }
  bool operator==(const json_text&) const = default;
};

/// Raw bytes: bin in MessagePack, base64 in JSON.
struct byte_string {
  std::string data;

  bool operator==(const byte_string&) const = default;
};

/// Like optional, but written as null instead of being left out (OpenAI's shapes want that).
template <class T>
struct nullable {
  std::optional<T> value;

  nullable() = default;
  nullable(T v) : value(std::move(v)) {}
  nullable& operator=(T v) {
    value = std::move(v);
    return *this;
  }
  explicit operator bool() const noexcept { return value.has_value(); }
  const T& operator*() const { return *value; }
  bool operator==(const nullable&) const = default;
};

/// A string that no log line and no error message prints; travels as a plain string.
struct secret {
  std::string value;

  bool operator==(const secret&) const = default;
};

} // namespace troupe

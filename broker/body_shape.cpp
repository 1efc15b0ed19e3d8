#include "broker/body_shape.hpp"

#include "broker/frame_bodies.hpp"

#include <msgpack.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace troupe::wire {
namespace {

using std::string_view;

constexpr std::size_t depth_max = 32, name_max = 40;
constexpr string_view blot = "…";

constexpr std::array secret_parts{"password",      "passwd", "secret",  "token",  "credential",
                                  "authorization", "cookie", "api_key", "apikey", "private"};
constexpr std::array secret_names{"key",  "code",      "code_verifier", "otp",
                                  "hash", "signature", "nonce",         "state"};
constexpr std::array token_beginnings{"sk-", "tr-", "eyJ"};

std::string lower(string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

/// Names are the program's own; a map may have clients' words for keys.
bool is_plain_name(string_view name) {
  return !name.empty() && name.size() <= name_max && std::ranges::all_of(name, is_word);
}

std::string measured(string_view what, std::size_t size) {
  return "\"<" + std::string(what) + std::to_string(size) + ">\"";
}

/// A JSON string. Bytes that are no UTF-8 are the reader's terminal's business: only what JSON
/// forbids is escaped.
std::string in_quotes(string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F)
      out += c;
    else
      out += ' ';
  }
  return out + '"';
}

/// Also when it names a number: others are counts, of tokens for example.
bool is_secret_word(string_view name) {
  return std::ranges::find(secret_names, lower(name)) != secret_names.end();
}

/// Past `"name" :` of a secret name, where its text (behind the quote) or its number begins; npos
/// when there is none here.
std::size_t secret_value_at(string_view text, std::size_t quote) {
  const auto end = text.find('"', quote + 1);
  if (end == text.npos) return end;
  const auto name = text.substr(quote + 1, end - quote - 1);
  if (!is_secret_name(name)) return text.npos;
  auto at = text.find_first_not_of(" \t\r\n", end + 1);
  if (at == text.npos || text[at] != ':') return text.npos;
  at = text.find_first_not_of(" \t\r\n", at + 1);
  if (at == text.npos) return at;
  if (text[at] == '"') return at + 1;
  const bool is_number = std::isdigit(static_cast<unsigned char>(text[at])) != 0;
  return is_number && is_secret_word(name) ? at : text.npos;
}

/// Behind the JSON text, or number, that begins here.
std::size_t json_value_end(string_view text, std::size_t at) {
  if (text[at - 1] != '"') return std::min(text.find_first_of(",]} \t\r\n", at), text.size());
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return std::min(at, text.size());
}

/// How long the secret is that begins here; 0: there is none.
std::size_t secret_word(string_view text) {
  const auto word = [](string_view from) {
    return static_cast<std::size_t>(std::ranges::find_if_not(from, is_word) - from.begin());
  };
  constexpr string_view bearer = "bearer ";
  if (text.size() > bearer.size() && lower(text.substr(0, bearer.size())) == bearer)
    return bearer.size() + word(text.substr(bearer.size()));
  for (const string_view begin : token_beginnings)
    if (text.starts_with(begin))
      if (const auto n = word(text); n >= begin.size() + 8) return n;
  return 0;
}

/// Where the value begins of `name=value`, as links have it, when the name is a secret one; 0: it
/// is none.
std::size_t secret_parameter_at(string_view text) {
  const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_word) - text.begin());
  const bool is_one = end > 0 && end < text.size() && text[end] == '=';
  return is_one && is_secret_name(text.substr(0, end)) ? end + 1 : 0;
}

/// Writes JSON as msgpack-cxx walks over the body.
class text_visitor : public msgpack::v2::null_visitor {
public:
  explicit text_visitor(body_detail detail) : detail_(detail) {}

  [[nodiscard]] std::string take() && { return std::move(out_); }

  bool visit_nil() { return put("null"); }
  bool visit_boolean(bool v) { return put(v ? "true" : "false"); }
  bool visit_positive_integer(std::uint64_t v) { return put_number(v); }
  bool visit_negative_integer(std::int64_t v) { return put_number(v); }
  bool visit_float32(float v) { return put_number(v); }
  bool visit_float64(double v) { return put_number(v); }
  bool visit_bin(const char*, std::uint32_t size) { return put(measured("bytes ", size)); }
  bool visit_ext(const char*, std::uint32_t size) { return put(measured("ext ", size)); }
  bool visit_str(const char* text, std::uint32_t size) {
    const string_view value(text, size);
    if (in_key_) {
      name_ = value;
      return put(is_plain_name(value) ? in_quotes(value) : measured("", size));
    }
    const bool is_shown = detail_ == body_detail::plain && !is_secret();
    return put(is_shown ? in_quotes(blotted(value)) : measured("", size));
  }

  bool start_array(std::uint32_t) { return open('['); }
  bool start_array_item() { return next(); }
  bool end_array() { return close(']'); }
  bool start_map(std::uint32_t) { return open('{'); }
  bool start_map_key() {
    in_key_ = true;
    return next();
  }
  bool end_map_key() {
    in_key_ = false;
    secrets_.back() = secrets_.size() > 1 && secrets_[secrets_.size() - 2];
    if (is_secret_name(name_)) secrets_.back() = true;
    return put(":");
  }
  bool end_map() { return close('}'); }
  void parse_error(std::size_t, std::size_t) {}
  void insufficient_bytes(std::size_t, std::size_t) {}

private:
  /// What lies below a secret name is secret too.
  [[nodiscard]] bool is_secret() const { return !secrets_.empty() && secrets_.back(); }

  template <class Number>
  bool put_number(Number v) {
    return put(is_secret_word(name_) ? in_quotes(blot) : std::to_string(v));
  }
  bool put(string_view text) {
    if (out_.size() + text.size() > tapped_text_bytes) return false;
    out_ += text;
    return true;
  }
  bool open(char c) {
    if (secrets_.size() >= depth_max || in_key_) return false;
    secrets_.push_back(is_secret());
    is_first_ = true;
    return put({&c, 1});
  }
  bool next() { return std::exchange(is_first_, false) || put(","); }
  bool close(char c) {
    secrets_.pop_back();
    is_first_ = false;
    return put({&c, 1});
  }

  const body_detail detail_;
  std::string out_;
  string_view name_; // of the field; points into the body
  bool in_key_ = false, is_first_ = true;
  std::vector<bool> secrets_; // of the containers that are open
};

} // namespace

bool is_secret_name(std::string_view name) {
  if (name.size() > name_max) return true; // none of the program's own
  const auto word = lower(name);
  return std::ranges::any_of(secret_parts, [&](string_view p) { return word.contains(p); }) ||
         is_secret_word(word);
}

std::string blotted(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const bool begins_word = at == 0 || !is_word(text[at - 1]);
    if (const auto secret = begins_word ? secret_word(text.substr(at)) : 0; secret > 0) {
      out += blot;
      at += secret;
      continue;
    }
    if (const auto value = begins_word ? secret_parameter_at(text.substr(at)) : 0; value > 0) {
      out.append(text.substr(at, value)).append(blot);
      at = std::min(text.find_first_of("& \"'<>#;\n", at + value), text.size());
      continue;
    }
    if (text[at] == '"') {
      if (const auto value = secret_value_at(text, at); value != text.npos) {
        out.append(text.substr(at, value - at)).append(blot);
        at = json_value_end(text, value);
        continue;
      }
    }
    out += text[at++];
  }
  return out;
}

std::string body_text(std::string_view body, body_detail detail) {
  if (body.empty()) return {};
  const auto only = "<" + std::to_string(body.size()) + " bytes>";
  if (body.size() > shown_body_bytes) return only;
  text_visitor visitor(detail);
  std::size_t offset = 0;
  bool whole = false;
  try {
    whole = msgpack::v2::parse(body.data(), body.size(), offset, visitor);
  } catch (const std::exception&) {
    whole = false; // msgpack-cxx's own guards
  }
  if (!whole || offset != body.size()) return only;
  return std::move(visitor).take();
}

} // namespace troupe::wire

#include "broker/body_shape.hpp"

#include "broker/frame_bodies.hpp"

#include <msgpack.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <vector>

namespace troupe::wire {
namespace {

using std::string_view;

constexpr std::size_t depth_max = 32, name_max = 40;
constexpr int nested_max = 4; // JSON texts within each other
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

bool is_secret_word(string_view name) {
  return std::ranges::find(secret_names, name) != secret_names.end();
}

bool has_secret_part(string_view word) {
  return std::ranges::any_of(secret_parts, [&](string_view p) { return word.contains(p); });
}

/// Of tokens, as max_tokens: its number is no secret.
bool is_count_name(string_view name) {
  constexpr string_view counted = "tokens";
  auto word = lower(name.substr(0, name_max));
  const auto at = word.find(counted);
  return at != word.npos && !has_secret_part(word.erase(at, counted.size()));
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool begins_number(char c) {
  return c == '-' || std::isdigit(static_cast<unsigned char>(c)) != 0;
}

/// Where the JSON string ends whose first character is here: at its quote, or with the text.
std::size_t string_end(string_view text, std::size_t at) {
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return std::min(at, text.size());
}

/// Behind the JSON list or object that begins here, however deep; or where the text ends.
std::size_t container_end(string_view text, std::size_t at) {
  std::size_t depth = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') at = string_end(text, at + 1);
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && --depth == 0) return at + 1;
  }
  return text.size();
}

/// Behind the JSON value that begins here; of a string at its last quote.
std::size_t value_end(string_view text, std::size_t at) {
  if (text[at] == '"') return string_end(text, at + 1);
  if (text[at] == '[' || text[at] == '{') return container_end(text, at);
  return std::min(text.find_first_of(",]} \t\r\n", at), text.size());
}

/// What a JSON string says, as far as names and quotes go: of \\u only ASCII is looked at.
std::string unescaped(string_view text) {
  constexpr string_view letters = "nrtbf";
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      out += text[at];
      continue;
    }
    const char c = text[++at];
    unsigned code = 0;
    const auto digits = text.substr(at + 1, 4);
    if (c == 'u' && digits.starts_with("00") && digits.size() == 4 &&
        std::from_chars(digits.data() + 2, digits.data() + 4, code, 16).ptr == digits.end() &&
        code < 0x80) {
      out += static_cast<char>(code);
      at += 4;
    } else {
      out += letters.contains(c) ? ' ' : c;
    }
  }
  return out;
}

std::string escaped(string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

/// Past `"name" :` of a secret name, where its value begins; npos when there is none here.
std::size_t secret_value_at(string_view text, std::size_t quote) {
  const auto end = string_end(text, quote + 1);
  auto at = end;
  const auto skip = [&] {
    for (++at; at < text.size() && is_space(text[at]);) ++at;
    return at < text.size();
  };
  if (end == text.size() || !skip() || text[at] != ':' || !skip()) return text.npos;
  const auto name = unescaped(text.substr(quote + 1, end - quote - 1));
  if (!is_secret_name(name) || string_view(",]}:\\").contains(text[at])) return text.npos;
  return begins_number(text[at]) && is_count_name(name) ? text.npos : at;
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

  bool visit_nil() { return put_value("null"); }
  bool visit_boolean(bool v) { return put_value(v ? "true" : "false"); }
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
    const bool is_shown = detail_ == body_detail::plain && hidden() == hides::nothing;
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
    const bool is_below = open_.size() > 1 && open_[open_.size() - 2] == hides::all;
    const bool is_named = is_secret_name(name_);
    open_.back() = is_below || (is_named && !is_count_name(name_)) ? hides::all
                   : is_named                                      ? hides::all_but_numbers
                                                                   : hides::nothing;
    return put(":");
  }
  bool end_map() { return close('}'); }
  void parse_error(std::size_t, std::size_t) {}
  void insufficient_bytes(std::size_t, std::size_t) {}

private:
  /// What the value that comes next may not show.
  enum class hides : std::uint8_t { nothing, all_but_numbers, all };
  [[nodiscard]] hides hidden() const { return open_.empty() ? hides::nothing : open_.back(); }

  template <class Number>
  bool put_number(Number v) {
    return put(hidden() == hides::all ? in_quotes(blot) : std::to_string(v));
  }
  bool put_value(string_view text) {
    return put(hidden() == hides::nothing ? std::string(text) : in_quotes(blot));
  }
  bool put(string_view text) {
    if (out_.size() + text.size() > tapped_text_bytes) return false;
    out_ += text;
    return true;
  }
  bool open(char c) {
    if (open_.size() >= depth_max || in_key_) return false;
    // What lies below a secret name is secret too.
    open_.push_back(hidden() == hides::nothing ? hides::nothing : hides::all);
    is_first_ = true;
    return put({&c, 1});
  }
  bool next() { return std::exchange(is_first_, false) || put(","); }
  bool close(char c) {
    open_.pop_back();
    is_first_ = false;
    return put({&c, 1});
  }

  const body_detail detail_;
  std::string out_;
  string_view name_; // of the field; points into the body
  bool in_key_ = false, is_first_ = true;
  std::vector<hides> open_; // the containers, each with what the value in it may not show
};

std::string blotted(string_view text, int depth);

/// The JSON string behind this quote, without its end, if it holds a JSON text that has something
/// to hide; empty otherwise. What is nested too deeply or too long to look at is hidden whole.
std::string blotted_string(string_view text, std::size_t quote, int depth) {
  const bool is_itself_nested = quote > 0 && text[quote - 1] == '\\';
  const auto inside = text.substr(quote + 1, string_end(text, quote + 1) - quote - 1);
  if (is_itself_nested || !inside.contains('\\')) return {};
  const auto said = unescaped(inside);
  if (!said.contains('"')) return {};
  if (depth >= nested_max || said.size() > shown_body_bytes) return std::string(blot);
  const auto out = blotted(said, depth + 1);
  return out == said ? std::string() : escaped(out);
}

std::string blotted(string_view text, int depth) {
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
        const bool is_text = text[value] == '"';
        out.append(text.substr(at, value + (is_text ? 1 : 0) - at)).append(blot);
        at = value_end(text, value);
        continue;
      }
      if (const auto hidden = blotted_string(text, at, depth); !hidden.empty()) {
        out.append("\"").append(hidden);
        at = string_end(text, at + 1);
        if (at < text.size()) out += text[at++];
        continue;
      }
    }
    out += text[at++];
  }
  return out;
}

} // namespace

bool is_secret_name(std::string_view name) {
  if (name.size() > name_max) return true; // none of the program's own
  const auto word = lower(name);
  return has_secret_part(word) || is_secret_word(word);
}

std::string blotted(std::string_view text) {
  return blotted(text, 0);
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

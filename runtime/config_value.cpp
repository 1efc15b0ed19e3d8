#include "runtime/config_value.hpp"

#include "actors/ports/redirect_rules.hpp"
#include "messages/base/ip_address.hpp"
#include "messages/base/model_price.hpp"
#include "runtime/log_spdlog.hpp"

#include <arpa/inet.h>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <ranges>

namespace troupe {
namespace {

using assigned = std::expected<void, complaint>;

std::unexpected<complaint> wants(std::string_view what, std::string_view got) {
  return std::unexpected("wants " + std::string(what) + ", not " + std::string(got));
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 200)) out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  return out + '"';
}

/// What a source gave, for the end of a complaint.
std::string describe(const raw_value& from) {
  struct visitor {
    std::string operator()(const std::string& s) const { return in_quotes(s); }
    std::string operator()(std::int64_t n) const { return std::to_string(n); }
    std::string operator()(double) const { return "a number with a fraction"; }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(const std::vector<std::string>&) const { return "a list"; }
  };
  return std::visit(visitor{}, from.value);
}

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> out;
  for (const auto part : std::views::split(text, at)) {
    std::string_view word(part.begin(), part.end());
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    if (!word.empty()) out.emplace_back(word);
  }
  return out;
}

std::string one_of(std::string_view choices) {
  std::string out = "one of ";
  for (const auto& word : split(choices, ' ')) out += (out.ends_with("of ") ? "" : ", ") + word;
  return out;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number n{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

assigned check_listen(const std::string& text) {
  const auto parsed = parse_endpoint(text);
  if (!parsed) return wants("ADDR:PORT as in 127.0.0.1:8000 or [::1]:8000", in_quotes(text));
  unsigned char ignored[sizeof(in6_addr)];
  const char* address = parsed->address.c_str();
  if (parsed->address == "localhost" || inet_pton(AF_INET, address, ignored) == 1 ||
      inet_pton(AF_INET6, address, ignored) == 1) {
    return {};
  }
  return wants("an IP address or localhost before the port", in_quotes(text));
}

assigned check_bus_address(const std::string& text) {
  constexpr std::string_view scheme = "tcp://";
  if (text.starts_with(scheme) && parse_endpoint(text.substr(scheme.size()))) return {};
  return wants("tcp://ADDR:PORT as in tcp://127.0.0.1:7700", in_quotes(text));
}

/// As RFC 6454 serialises an origin, which is how a browser sends it: another spelling would never
/// be found equal.
assigned check_origin(const std::string& text) {
  const auto colon = text.find("://");
  const auto scheme = text.substr(0, colon);
  const bool written_so = std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view(".:-_[]/+").contains(c);
  });
  const bool whole = colon != text.npos && colon != 0 && scheme.find('/') == scheme.npos &&
                     colon + 3 < text.size() && text.find('/', colon + 3) == text.npos;
  const bool usual_port =
      (scheme == "https" && text.ends_with(":443")) || (scheme == "http" && text.ends_with(":80"));
  if (text == "*" || (written_so && whole && !usual_port)) return {};
  return wants(
      "an origin as browsers send it, as in https://app.example.com or "
      "http://localhost:5173 (lower case, no path, no usual port), or *",
      in_quotes(text));
}

/// Whether a text has its key's shape.
assigned check_shape(const std::string& text, const key_info& key) {
  switch (key.form) {
    case shape::any:
      return {};
    case shape::word:
    case shape::folder:
      if (text.empty()) return wants("a value", "an empty text");
      return {};
    case shape::listen:
      return check_listen(text);
    case shape::bus_address:
      return text.empty() ? assigned{} : check_bus_address(text);
    case shape::base_url:
      if (text.empty() || text.starts_with("http://") || text.starts_with("https://")) return {};
      return wants("an address that begins with http:// or https://", in_quotes(text));
    case shape::choice:
      if (const auto words = split(key.choices, ' ');
          std::ranges::find(words, text) != words.end()) {
        return {};
      }
      return wants(one_of(key.choices), in_quotes(text));
    case shape::log_level:
      if (parse_log_level(text)) return {};
      return wants("debug, info, warn or error", in_quotes(text));
    case shape::ip_range:
      if (parse_ip_range(text)) return {};
      return wants("an IP address, or a range as in 10.0.0.0/8", in_quotes(text));
    case shape::price:
      if (parse_price(text)) return {};
      return wants("MODEL=INPUT/OUTPUT in dollars a million tokens, as in gpt-4o=2.5/10",
                   in_quotes(text));
    case shape::redirect:
      if (redirect_rules::is_pattern(text)) return {};
      return wants("a URL, or an origin as in https://app.example.com/**", in_quotes(text));
    case shape::origin:
      return check_origin(text);
  }
  return {};
}

template <class Number>
assigned assign_number(Number& to, const raw_value& from, const key_info& key) {
  const std::uint64_t most = std::min<std::uint64_t>(key.most, std::numeric_limits<Number>::max());
  std::optional<std::uint64_t> n;
  if (const auto* whole = std::get_if<std::int64_t>(&from.value); whole && *whole >= 0) {
    n = static_cast<std::uint64_t>(*whole);
  } else if (const auto* text = std::get_if<std::string>(&from.value); text && !from.typed) {
    n = parse_number<std::uint64_t>(*text);
  }
  if (!n || *n < key.least || *n > most) {
    return wants("a whole number from " + std::to_string(key.least) + " to " + std::to_string(most),
                 describe(from));
  }
  to = static_cast<Number>(*n);
  return {};
}

/// Milliseconds of `20s` and the like.
std::optional<double> parse_duration(std::string_view text) {
  struct unit {
    std::string_view suffix;
    double milliseconds;
  };
  constexpr unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
  for (const auto& [suffix, factor] : units) {
    if (!text.ends_with(suffix)) continue;
    const auto n = parse_number<double>(text.substr(0, text.size() - suffix.size()));
    return n ? std::optional(*n * factor) : std::nullopt;
  }
  const auto n = parse_number<double>(text);
  return n ? std::optional(*n * 1000) : std::nullopt;
}

} // namespace

assigned assign(std::string& to, const raw_value& from, const key_info& key) {
  const auto* text = std::get_if<std::string>(&from.value);
  if (!text) return wants("a text", describe(from));
  if (auto fits = check_shape(*text, key); !fits) return fits;
  to = *text;
  return {};
}

assigned assign(secret& to, const raw_value& from, const key_info&) {
  const auto* text = std::get_if<std::string>(&from.value);
  if (!text) return wants("a text", "a value of another type");
  to.value = *text;
  return {};
}

assigned assign(bool& to, const raw_value& from, const key_info&) {
  const auto* text = std::get_if<std::string>(&from.value);
  const bool known = text && !from.typed && (*text == "true" || *text == "false");
  const auto* flag = std::get_if<bool>(&from.value);
  if (!flag && !known) return wants("true or false", describe(from));
  to = flag ? *flag : *text == "true";
  return {};
}

assigned assign(std::uint32_t& to, const raw_value& from, const key_info& key) {
  return assign_number(to, from, key);
}

assigned assign(std::uint64_t& to, const raw_value& from, const key_info& key) {
  return assign_number(to, from, key);
}

assigned assign(std::chrono::milliseconds& to, const raw_value& from, const key_info& key) {
  std::optional<double> ms;
  if (const auto* text = std::get_if<std::string>(&from.value)) ms = parse_duration(*text);
  if (const auto* whole = std::get_if<std::int64_t>(&from.value)) {
    ms = static_cast<double>(*whole) * 1000;
  }
  if (const auto* fraction = std::get_if<double>(&from.value)) ms = *fraction * 1000;
  const auto least = static_cast<double>(key.least);
  const auto most = static_cast<double>(key.most);
  if (!ms || !std::isfinite(*ms) || *ms < least || *ms > most) {
    return wants("a duration from " + show(std::chrono::milliseconds(key.least)) + " to " +
                     show(std::chrono::milliseconds(key.most)) + " as in 20s or 500ms",
                 describe(from));
  }
  to = std::chrono::milliseconds(std::llround(*ms));
  return {};
}

assigned assign(std::vector<std::string>& to, const raw_value& from, const key_info& key) {
  std::vector<std::string> list;
  if (const auto* several = std::get_if<std::vector<std::string>>(&from.value)) {
    list = *several;
  } else if (const auto* text = std::get_if<std::string>(&from.value)) {
    list = split(*text, ',');
  } else {
    return wants("a list of texts", describe(from));
  }
  for (const auto& item : list) {
    if (auto fits = check_shape(item, key); !fits) return fits;
  }
  to = std::move(list);
  return {};
}

std::string show(const std::string& value) {
  return value;
}

std::string show(const secret& value) {
  return value.value.empty() ? "" : "[secret]";
}

std::string show(bool value) {
  return value ? "true" : "false";
}

std::string show(std::uint32_t value) {
  return std::to_string(value);
}

std::string show(std::uint64_t value) {
  return std::to_string(value);
}

std::string show(std::chrono::milliseconds value) {
  const auto count = value.count();
  if (count % 1000 != 0) return std::to_string(count) + "ms";
  return std::to_string(count / 1000) + "s";
}

std::string show(const std::vector<std::string>& value) {
  std::string out = "[";
  for (const auto& item : value) out += (out.size() > 1 ? ", \"" : "\"") + item + '"';
  return out + ']';
}

} // namespace troupe

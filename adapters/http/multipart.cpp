#include "adapters/http/multipart.hpp"

#include "adapters/http/target.hpp"

#include <algorithm>
#include <optional>

namespace troupe::http {
namespace {

constexpr std::size_t boundary_bytes_max = 70;

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool same_word(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// A quoted string from its opening quote on. Browsers write a quote as %22 or \", and a lone
// backslash is part of the name, so only \" and \\ are escapes.
std::optional<std::string> take_quoted(std::string_view& rest) {
  std::string out;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest = rest.substr(i + 1);
      return out;
    }
    if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\')) ++i;
    out += rest[i];
  }
  return std::nullopt;
}

// Calls each(name, value) for the `; name=value` parameters of a header; false when malformed.
template <class Each>
bool for_parameters(std::string_view rest, Each each) {
  for (;;) {
    rest = trimmed(rest);
    if (rest.empty()) return true;
    if (rest.front() != ';') return false;
    rest = trimmed(rest.substr(1));
    if (rest.empty()) return true;
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos) return false;
    const auto name = trimmed(rest.substr(0, equals));
    rest = trimmed(rest.substr(equals + 1));
    if (rest.starts_with('"')) {
      auto value = take_quoted(rest);
      if (!value) return false;
      each(name, std::move(*value));
    } else {
      const auto end = std::min(rest.find(';'), rest.size());
      each(name, std::string(trimmed(rest.substr(0, end))));
      rest = rest.substr(end);
    }
  }
}

// RFC 5987: UTF-8'language'percent-encoded.
std::optional<std::string> extended_value(std::string_view text) {
  const auto first = text.find('\'');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = text.find('\'', first + 1);
  if (second == std::string_view::npos || !same_word(text.substr(0, first), "utf-8"))
    return std::nullopt;
  return percent_decode(text.substr(second + 1), false);
}

// A client's folders are its own business, and a name must not look like a path.
std::string base_name(std::string name) {
  if (const auto slash = name.find_last_of("/\\"); slash != std::string::npos)
    name.erase(0, slash + 1);
  std::erase_if(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  return name;
}

bool read_disposition(std::string_view value, form_part& part) {
  const auto end = std::min(value.find(';'), value.size());
  if (!same_word(trimmed(value.substr(0, end)), "form-data")) return false;
  bool named = false, extended = false;
  const bool whole =
      for_parameters(value.substr(end), [&](std::string_view name, std::string text) {
        if (same_word(name, "name")) {
          named = true;
          part.name = std::move(text);
        } else if (same_word(name, "filename") && !extended) {
          part.has_filename = true;
          part.filename = base_name(std::move(text));
        } else if (same_word(name, "filename*")) {
          if (auto decoded = extended_value(text)) {
            extended = part.has_filename = true;
            part.filename = base_name(std::move(*decoded));
          }
        }
      });
  return whole && named;
}

// Reads the header lines of a part; `rest` stands after the empty line then.
result<form_part> read_headers(std::string_view& rest) {
  form_part part;
  bool disposed = false;
  std::size_t used = 0;
  for (;;) {
    const auto end = rest.substr(0, part_header_bytes_max).find("\r\n");
    if (end == std::string_view::npos || (used += end + 2) > part_header_bytes_max)
      return fail(errc::invalid_argument, "a part of the form has a malformed or too long header");
    const auto line = rest.substr(0, end);
    rest = rest.substr(end + 2);
    if (line.empty()) break;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos)
      return fail(errc::invalid_argument, "a part of the form has a malformed header");
    if (!same_word(trimmed(line.substr(0, colon)), "content-disposition")) continue;
    if (disposed || !read_disposition(trimmed(line.substr(colon + 1)), part))
      return fail(errc::invalid_argument, "a part of the form has a malformed Content-Disposition");
    disposed = true;
  }
  if (!disposed)
    return fail(errc::invalid_argument, "a part of the form has no Content-Disposition");
  return part;
}

result<std::string> boundary_of(std::string_view content_type) {
  const auto end = std::min(content_type.find(';'), content_type.size());
  if (!same_word(trimmed(content_type.substr(0, end)), "multipart/form-data"))
    return fail(errc::unsupported_media, "send the file as multipart/form-data");
  std::string boundary;
  const bool whole =
      for_parameters(content_type.substr(end), [&](std::string_view name, std::string value) {
        if (same_word(name, "boundary")) boundary = std::move(value);
      });
  if (!whole || boundary.empty() || boundary.size() > boundary_bytes_max)
    return fail(errc::invalid_argument, "the content type names no usable boundary");
  return boundary;
}

// What follows a delimiter: `--` for the end, else padding and a line end. Nothing: malformed.
enum class after_delimiter { part, end, malformed };
after_delimiter step_over(std::string_view& rest) {
  if (rest.starts_with("--")) return after_delimiter::end;
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
  if (!rest.starts_with("\r\n")) return after_delimiter::malformed;
  rest.remove_prefix(2);
  return after_delimiter::part;
}

} // namespace

result<std::vector<form_part>> parse_form(std::string_view content_type, std::string_view body) {
  auto boundary = boundary_of(content_type);
  if (!boundary) return std::unexpected(std::move(boundary.error()));
  const auto delimiter = "\r\n--" + *boundary;
  // The first delimiter may stand at the very beginning, where its line end is missing.
  const std::string_view opening = std::string_view(delimiter).substr(2);
  auto rest = body;
  if (rest.starts_with(opening)) {
    rest.remove_prefix(opening.size());
  } else if (const auto at = rest.find(delimiter); at != std::string_view::npos) {
    rest.remove_prefix(at + delimiter.size());
  } else {
    return fail(errc::invalid_argument, "the form does not begin with its boundary");
  }
  std::vector<form_part> parts;
  for (;;) {
    const auto next = step_over(rest);
    if (next == after_delimiter::end) return parts;
    if (next == after_delimiter::malformed)
      return fail(errc::invalid_argument, "the form has a malformed boundary line");
    if (parts.size() == form_parts_max)
      return fail(errc::invalid_argument, "the form has too many parts");
    auto part = read_headers(rest);
    if (!part) return std::unexpected(std::move(part.error()));
    // An empty part's delimiter shares its line end with the empty line above it.
    const auto whole = std::string_view(rest.data() - 2, rest.size() + 2);
    const auto at = whole.find(delimiter);
    if (at == std::string_view::npos)
      return fail(errc::invalid_argument, "the form ends in the middle of a part");
    part->body = at == 0 ? std::string_view() : rest.substr(0, at - 2);
    parts.push_back(std::move(*part));
    rest = whole.substr(at + delimiter.size());
  }
}

} // namespace troupe::http

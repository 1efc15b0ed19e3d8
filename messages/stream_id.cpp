#include "messages/stream_id.hpp"

#include "messages/base/ids.hpp"
#include "messages/topology.hpp"

#include <charconv>

namespace troupe {
namespace {

constexpr std::string_view prefix = "strm_";
constexpr std::size_t node_digits = 16, uuid_digits = 32;

/// The whole text as a number.
std::optional<std::uint64_t> number_of(std::string_view digits, int base) {
  std::uint64_t value = 0;
  const auto* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value, base);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

} // namespace

std::string make_stream_id(std::uint64_t incarnation) {
  return make_id(std::string(prefix) + instance_text(incarnation));
}

std::optional<std::uint64_t> node_of_stream(std::string_view id) noexcept {
  if (!id.starts_with(prefix) || id.size() != prefix.size() + node_digits + uuid_digits)
    return std::nullopt;
  const auto node = number_of(id.substr(prefix.size(), node_digits), 16);
  return node == 0 ? std::nullopt : node; // 0 names none: a request to it would go to any
}

std::string to_string(const event_id& id) {
  return id.stream + ':' + std::to_string(id.number);
}

std::optional<event_id> event_id_of(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto number = number_of(text.substr(colon + 1), 10);
  const auto stream = text.substr(0, colon);
  if (!number || !node_of_stream(stream)) return std::nullopt;
  return event_id{std::string(stream), *number};
}

} // namespace troupe

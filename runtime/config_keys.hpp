#pragma once

#include "runtime/config.hpp"

#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

/// The facts about a setting that its type cannot carry, and the walk over all settings.
namespace troupe {

/// What the text of a setting must look like, beyond its type.
enum class shape : std::uint8_t {
  any,         ///< anything
  word,        ///< not empty
  listen,      ///< ADDR:PORT with an IP address or localhost
  bus_address, ///< tcp://ADDR:PORT
  base_url,    ///< http:// or https://
  choice,      ///< one of `choices`
  log_level,   ///< what parse_log_level() reads
  folder,      ///< a path, not empty
  ip_range,    ///< an IP address, or a range as in 10.0.0.0/8
  price,       ///< MODEL=INPUT/OUTPUT
  redirect,    ///< an absolute URL, or an origin and /**
  origin,      ///< scheme://host[:port] as browsers write it, or *
};

struct key_info {
  std::string_view key = {}; ///< `http.address`; of a section that users name: `issuers.*.kind`
  std::string_view help = {};
  std::string_view aliases = {}; ///< other environment variables, strongest first, parted by blanks
  std::string_view flag = {};    ///< `--http`, or empty
  shape form = shape::any;
  std::uint64_t least = 0; ///< numbers; milliseconds for durations
  std::uint64_t most = UINT64_MAX;
  std::string_view choices = {}; ///< parted by blanks
};

/// Every setting, in the order of the struct.
[[nodiscard]] std::span<const key_info> all_keys() noexcept;

/// Whether the key is one of many alike, with `*` for the name of its section.
[[nodiscard]] constexpr bool is_pattern(std::string_view key) noexcept {
  return key.contains('*');
}

/// The name in `issuers.NAME.kind`; empty when the key has no such form.
[[nodiscard]] std::string_view section_name(std::string_view key) noexcept;

/// The facts of a key, or nullptr when there is no such setting.
[[nodiscard]] const key_info* find_key(std::string_view key) noexcept;

/// `http.body_bytes` is TROUPE_HTTP_BODY_BYTES.
[[nodiscard]] std::string variable_of(std::string_view key);

/// The reverse for the keys of sections that users name, e.g. `issuers.acme.jwks_url` of
/// TROUPE_ISSUERS_ACME_JWKS_URL; nullopt for every other variable.
[[nodiscard]] std::optional<std::string> named_key_of(std::string_view variable);

/// The known key that a wrong one most resembles, or empty when none comes near.
[[nodiscard]] std::string nearest_key(std::string_view wrong);

namespace detail {

/// Sections that users name.
template <class T>
inline constexpr bool is_named_sections = false;
template <class Section>
inline constexpr bool is_named_sections<std::map<std::string, Section>> = true;

/// Calls f for the settings of one section, or for the one setting that is none.
template <class Section, class F>
void visit_section(const std::string& name, Section& section, F& f) {
  namespace describe = boost::describe;
  using type = std::remove_cvref_t<Section>;
  if constexpr (is_named_sections<type>) {
    for (auto& [each, inner] : section) visit_section(name + '.' + each, inner, f);
  } else if constexpr (describe::has_describe_members<type>::value) {
    using members = describe::describe_members<type, describe::mod_public>;
    boost::mp11::mp_for_each<members>(
        [&](auto member) { f(name + '.' + member.name, section.*member.pointer); });
  } else {
    f(name, section);
  }
}

} // namespace detail

/// Calls f(key, member) for every setting of the tree, in order.
template <class Config, class F>
void for_each_setting(Config& in, F&& f) {
  namespace describe = boost::describe;
  using sections = describe::describe_members<config, describe::mod_public>;
  boost::mp11::mp_for_each<sections>(
      [&](auto section) { detail::visit_section(section.name, in.*section.pointer, f); });
}

} // namespace troupe

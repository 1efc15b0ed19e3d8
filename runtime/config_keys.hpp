#pragma once

#include "runtime/config.hpp"

#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <cstdint>
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
  origin,      ///< scheme://host[:port] as browsers write it, or *
};

struct key_info {
  std::string_view key = {};
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

/// The facts of a key, or nullptr when there is no such setting.
[[nodiscard]] const key_info* find_key(std::string_view key) noexcept;

/// `http.body_bytes` is TROUPE_HTTP_BODY_BYTES.
[[nodiscard]] std::string variable_of(std::string_view key);

/// The known key that a wrong one most resembles, or empty when none comes near.
[[nodiscard]] std::string_view nearest_key(std::string_view wrong);

/// Calls f(key, member) for every setting of the tree, in order.
template <class Config, class F>
void for_each_setting(Config& in, F&& f) {
  namespace describe = boost::describe;
  using outer = describe::describe_members<config, describe::mod_public>;
  boost::mp11::mp_for_each<outer>([&](auto section) {
    auto& value = in.*section.pointer;
    using type = std::remove_cvref_t<decltype(value)>;
    if constexpr (describe::has_describe_members<type>::value) {
      using inner = describe::describe_members<type, describe::mod_public>;
      boost::mp11::mp_for_each<inner>([&](auto member) {
        f(std::string(section.name) + '.' + member.name, value.*member.pointer);
      });
    } else {
      f(std::string(section.name), value);
    }
  });
}

} // namespace troupe

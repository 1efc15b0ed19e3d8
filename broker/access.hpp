#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Who may do what on the bus: plain data, which a broker is given whole and anew when it changes.
namespace troupe {

inline constexpr std::size_t access_principals_max = 1024;
inline constexpr std::size_t access_keys_max = 16;  ///< of a principal, while they are rotated
inline constexpr std::size_t access_names_max = 64; ///< in one list of a rule
inline constexpr std::size_t principal_bytes = 64;

/// One principal: a name for whoever holds one of these keys. Lists name services or topics; `*`
/// stands for all.
struct access_rule {
  std::string principal;
  std::vector<std::string> public_keys; ///< Z85, 40 characters
  std::vector<std::string> may_register;
  std::vector<std::string> may_call;
  std::vector<std::string> may_publish;   ///< topics; for the event plane to come
  std::vector<std::string> may_subscribe; ///< as may_publish
  bool may_tap = false;                   ///< look on at what passes, whoever sends it

  bool operator==(const access_rule&) const = default;
};

/// Whether a list of a rule has the name, or `*`.
[[nodiscard]] bool allows(const std::vector<std::string>& list, std::string_view name);

/// All rules, found by key. Immutable; any thread.
class access_table {
public:
  /// No key twice: the last principal that names one would have it.
  explicit access_table(std::vector<access_rule> rules);
  access_table(const access_table&) = delete;
  access_table& operator=(const access_table&) = delete;

  /// Null for a key that nobody has; lives as long as the table.
  [[nodiscard]] const access_rule* find(std::string_view public_key) const;
  [[nodiscard]] const std::vector<access_rule>& rules() const noexcept { return rules_; }

private:
  const std::vector<access_rule> rules_;
  std::map<std::string, const access_rule*, std::less<>> by_key_;
};

} // namespace troupe

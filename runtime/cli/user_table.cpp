#include "runtime/cli/user_table.hpp"

#include "messages/base/ids.hpp"
#include "messages/codec/json_text.hpp"

#include <algorithm>
#include <array>
#include <boost/locale/utf.hpp>
#include <charconv>
#include <ctime>
#include <map>

namespace troupe::cli {
namespace {

using named_field = std::pair<std::string_view, user_field>;

/// The fields' own names first, then those of other programs (Django, FastAPI, GoTrue, …); of
/// several columns for one field the first of this list is taken.
constexpr std::array names = std::to_array<named_field>({
    {"id", user_field::id},
    {"email", user_field::email},
    {"password_hash", user_field::password_hash},
    {"name", user_field::name},
    {"role", user_field::role},
    {"is_admin", user_field::is_admin},
    {"is_active", user_field::is_active},
    {"email_verified", user_field::email_verified},
    {"created_at", user_field::created_at},
    {"user_metadata", user_field::user_metadata},
    {"ignored", user_field::ignored},
    {"uuid", user_field::id},
    {"email_address", user_field::email},
    {"hashed_password", user_field::password_hash},
    {"encrypted_password", user_field::password_hash},
    {"password", user_field::password_hash},
    {"full_name", user_field::name},
    {"display_name", user_field::name},
    {"account_role", user_field::role},
    {"is_superuser", user_field::is_admin},
    {"admin", user_field::is_admin},
    {"active", user_field::is_active},
    {"email_confirmed", user_field::email_verified},
    {"is_verified", user_field::email_verified},
    {"verified", user_field::email_verified},
    {"email_verified_at", user_field::email_verified},
    {"email_confirmed_at", user_field::email_verified},
    {"date_joined", user_field::created_at},
    {"raw_user_meta_data", user_field::user_metadata},
    {"metadata", user_field::user_metadata},
});
constexpr std::size_t own_names = 11;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return out;
}

bool is_utf8(std::string_view text) {
  using traits = boost::locale::utf::utf_traits<char>;
  for (auto at = text.begin(); at != text.end();)
    if (const auto c = traits::decode(at, text.end());
        c == boost::locale::utf::illegal || c == boost::locale::utf::incomplete)
      return false;
  return true;
}

std::unexpected<error> wrong(std::string what) {
  return fail(errc::invalid_argument, std::move(what));
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<bool> to_flag(std::string_view text) {
  const auto word = lower(text);
  for (const auto* yes : {"1", "true", "t", "yes", "y"})
    if (word == yes) return true;
  for (const auto* no : {"0", "false", "f", "no", "n"})
    if (word == no) return false;
  return std::nullopt;
}

/// With dashes; empty for what is none.
std::string to_uuid(std::string_view text) {
  auto out = lower(text);
  if (out.size() == 32)
    for (const std::size_t at : {20u, 16u, 12u, 8u}) out.insert(at, 1, '-');
  return is_uuid(out) ? out : std::string();
}

/// Puts one value into the user; answers what is wrong with it, or nothing.
std::optional<user_fault> put(user_field field, std::string_view text, import_user& to) {
  const auto flag = to_flag(text);
  const auto no_flag = [](const char* name) {
    return user_fault{name, "is neither true nor false"};
  };
  switch (field) {
    case user_field::ignored:
      break;
    case user_field::id:
      to.id = to_uuid(text);
      break;
    case user_field::email:
      to.email = text;
      break;
    case user_field::password_hash:
      to.password_hash.value = text;
      break;
    case user_field::name:
      to.name = text;
      break;
    case user_field::role:
      if (!to.account_role) to.account_role = lower(text); // is_admin may have come first
      break;
    case user_field::is_admin:
      if (!flag) return no_flag("is_admin");
      if (*flag) to.account_role = "admin";
      break;
    case user_field::is_active:
      if (!flag) return no_flag("is_active");
      to.active = *flag;
      break;
    case user_field::email_verified: {
      const auto at = to_rfc3339(text);
      if (!flag && !at.empty() && (at.size() < 20 || at[10] != 'T'))
        return no_flag("email_verified");
      to.email_confirmed = flag.value_or(!at.empty());
      break;
    }
    case user_field::created_at:
      to.created_at = to_rfc3339(text);
      break;
    case user_field::user_metadata: {
      auto json = make_json_text(std::string(text));
      if (!json || kind_of(*json) != json_kind::object)
        return user_fault{"user_metadata", "is no JSON object"};
      to.user_metadata = std::move(*json);
    }
  }
  return std::nullopt;
}

} // namespace

result<std::pair<std::string, user_field>> parse_mapping(std::string_view text) {
  const auto sign = text.find('=');
  const auto our = sign == text.npos ? std::string_view() : text.substr(sign + 1);
  for (std::size_t n = 0; n < own_names; ++n)
    if (names[n].first == our && sign > 0)
      return std::pair(std::string(text.substr(0, sign)), names[n].second);
  std::string known;
  for (std::size_t n = 0; n < own_names; ++n)
    known += (n == 0 ? "" : ", ") + std::string(names[n].first);
  return wrong("--map wants their_column=field, where field is one of " + known);
}

result<user_columns> map_columns(const std::vector<std::string>& header,
                                 const std::vector<std::pair<std::string, user_field>>& mappings) {
  std::vector<std::string> columns;
  for (const auto& name : header) columns.push_back(lower(trimmed(name)));
  user_columns out{std::vector(columns.size(), user_field::ignored), {}};
  std::vector<bool> is_mapped(columns.size());
  std::map<user_field, std::string> taken;
  for (const auto& [their, field] : mappings) {
    const auto at = std::ranges::find(columns, lower(trimmed(their)));
    if (at == columns.end()) return wrong("--map: there is no column " + their);
    const auto n = static_cast<std::size_t>(at - columns.begin());
    if (field != user_field::ignored && !taken.emplace(field, their).second)
      return wrong("--map: " + their + " and " + taken[field] + " are both the same field");
    out.of[n] = field;
    is_mapped[n] = true;
  }
  for (const auto& [name, field] : names) {
    const auto at = std::ranges::find(columns, name);
    const auto n = static_cast<std::size_t>(at - columns.begin());
    if (at == columns.end() || is_mapped[n] || field == user_field::ignored) continue;
    if (!taken.emplace(field, *at).second) continue;
    out.of[n] = field;
    is_mapped[n] = true;
  }
  for (std::size_t n = 0; n < columns.size(); ++n)
    if (!is_mapped[n]) out.left_out.push_back(header[n]);
  if (!taken.contains(user_field::email))
    return wrong("no column is the e-mail: name it with --map their_column=email");
  return out;
}

converted_user to_user(const user_columns& columns, const std::vector<std::string>& fields) {
  converted_user out;
  for (std::size_t n = 0; n < fields.size(); ++n) {
    const auto text = trimmed(fields[n]);
    const bool is_empty = text.empty() || text == "\\N";
    // No time of a confirmation, no confirmation.
    if (is_empty && columns.of[n] == user_field::email_verified) out.user.email_confirmed = false;
    if (is_empty || columns.of[n] == user_field::ignored) continue;
    auto fault = is_utf8(text) ? put(columns.of[n], text, out.user)
                               : user_fault{"", "is not UTF-8: save the table in this encoding"};
    if (fault && !out.wrong) out.wrong = std::move(fault);
  }
  return out;
}

std::string to_rfc3339(std::string_view text) {
  if (is_digits(text) && (text.size() <= 11 || text.size() == 13)) {
    std::int64_t at = 0;
    std::from_chars(text.data(), text.data() + text.size(), at);
    const auto seconds = static_cast<std::time_t>(text.size() == 13 ? at / 1000 : at);
    std::tm parts{};
    char shown[40] = {};
    if (gmtime_r(&seconds, &parts) == nullptr) return std::string(text);
    std::strftime(shown, sizeof shown, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return shown;
  }
  if (text.starts_with("0000-00-00")) return {};
  constexpr std::size_t day = 10, second = 19; // where these end
  std::string out(text);
  if (text.size() < day || text[4] != '-' || text[7] != '-') return out;
  if (out.size() == day) return out + "T00:00:00Z";
  if (out[day] == ' ') out[day] = 'T';
  if (out.size() < second) return out;
  const auto sign = out.find_first_of("+-Zz", second);
  if (sign == out.npos) return out + 'Z';
  if (out.size() - sign == 3) return out + ":00";                               // +02
  if (out.size() - sign == 5 && out[sign] != 'Z') out.insert(sign + 3, 1, ':'); // +0200
  return out;
}

} // namespace troupe::cli

#include "adapters/http/supabase_admin.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace troupe::http::supabase_admin {
namespace {

constexpr std::uint32_t page_size_max = 1000, page_number_max = 1'000'000;
constexpr double ban_seconds_max = 100.0 * 366 * 86400;

result<void> take(std::span<const json::parameter> query, std::string_view name, std::uint32_t most,
                  std::uint32_t& to) {
  const auto at = std::ranges::find(query, name, &json::parameter::first);
  if (at == query.end() || at->second.empty()) return {};
  const auto& text = at->second;
  std::uint32_t value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (wrong != std::errc() || end != text.data() + text.size() || value == 0 || value > most)
    return fail(errc::invalid_argument,
                std::string(name) + ": expected an integer from 1 to " + std::to_string(most),
                std::string(name));
  to = value;
  return {};
}

std::string link_to(std::uint64_t number, const page& of, std::string_view relation) {
  return "</auth/v1/admin/users?page=" + std::to_string(number) +
         "&per_page=" + std::to_string(of.size) + ">; rel=\"" + std::string(relation) + '"';
}

error refusal(std::string_view reason, std::string message, std::string param) {
  auto why = make_error(errc::invalid_argument, std::move(message), std::move(param));
  why.reason = reason;
  return why;
}

result<std::optional<std::int64_t>> ban_of(const admin_user_body& body) {
  if (!body.phone.empty())
    return std::unexpected(refusal("phone_provider_disabled",
                                   "there are no phones here: use an e-mail address", "phone"));
  if (body.ban_duration.empty()) return std::optional<std::int64_t>();
  auto seconds = seconds_of(body.ban_duration);
  if (!seconds)
    return std::unexpected(refusal("validation_failed",
                                   "ban_duration: expected none, or a duration as in 24h",
                                   "ban_duration"));
  return seconds;
}

} // namespace

result<page> page_of(std::span<const json::parameter> query) {
  page out;
  if (auto ok = take(query, "page", page_number_max, out.number); !ok)
    return std::unexpected(std::move(ok.error()));
  if (auto ok = take(query, "per_page", page_size_max, out.size); !ok)
    return std::unexpected(std::move(ok.error()));
  return out;
}

std::string page_lines(const page& shown, std::uint64_t total) {
  const auto last = std::max<std::uint64_t>(1, (total + shown.size - 1) / shown.size);
  std::string out = "X-Total-Count: " + std::to_string(total) + "\r\nLink: ";
  if (shown.number < last) out += link_to(shown.number + 1, shown, "next") + ", ";
  return out + link_to(last, shown, "last") + "\r\n";
}

std::string users_body(const user_list& users) {
  std::string out = R"({"users":[)";
  for (const auto& user : users.data) {
    if (!out.ends_with('[')) out += ',';
    out += json::encode(user);
  }
  return out + R"(],"aud":"authenticated"})";
}

std::string link_body(const link_reply& link) {
  auto facts = link;
  facts.user = {};
  // The members of the link follow those of the user; its own `user` is cut off their front.
  const auto whole = json::encode(facts);
  const auto cut = std::string_view(whole).substr(whole.find(R"("action_link":)"));
  auto user = json::encode(link.user);
  user.back() = ',';
  return user + std::string(cut);
}

result<create_user_request> create_of(admin_user_body body) {
  auto ban = ban_of(body);
  if (!ban) return std::unexpected(std::move(ban.error()));
  if (ban->value_or(0) != 0)
    return std::unexpected(refusal(
        "validation_failed", "ban_duration: create the user first, then ban it", "ban_duration"));
  create_user_request out;
  out.email = std::move(body.email).value_or("");
  out.password = std::move(body.password);
  out.email_confirmed = body.email_confirm.value_or(false);
  out.app_metadata = std::move(body.app_metadata);
  out.user_metadata = std::move(body.user_metadata);
  return out;
}

result<update_user_request> update_of(admin_user_body body) {
  auto ban = ban_of(body);
  if (!ban) return std::unexpected(std::move(ban.error()));
  update_user_request out;
  out.email = std::move(body.email);
  out.password = std::move(body.password);
  out.email_confirmed = body.email_confirm;
  out.banned_for = *ban;
  out.app_metadata = std::move(body.app_metadata);
  out.user_metadata = std::move(body.user_metadata);
  return out;
}

std::optional<std::int64_t> seconds_of(std::string_view duration) noexcept {
  if (duration == "none") return 0;
  double total = 0;
  if (duration.empty()) return std::nullopt;
  while (!duration.empty()) {
    double value = 0;
    const auto [end, wrong] = std::from_chars(duration.data(), duration.data() + duration.size(),
                                              value, std::chars_format::fixed);
    const auto used = static_cast<std::size_t>(end - duration.data());
    if (wrong != std::errc() || used == duration.size() || !(value >= 0)) return std::nullopt;
    const char unit = duration[used];
    const double factor = unit == 'h' ? 3600 : unit == 'm' ? 60 : unit == 's' ? 1 : -1;
    if (factor < 0) return std::nullopt;
    total += value * factor;
    duration.remove_prefix(used + 1);
  }
  if (!(total <= ban_seconds_max)) return std::nullopt;
  return static_cast<std::int64_t>(std::ceil(total));
}

} // namespace troupe::http::supabase_admin

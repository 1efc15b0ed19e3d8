#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Where a sign-in may send a browser, with tokens in the URL. Pure.
namespace troupe::redirect_rules {

/// What an operator allows beside the app itself. All are absolute URLs.
struct policy {
  std::string site_url;          ///< the app; empty: there is none
  std::vector<std::string> urls; ///< exact, or `https://app.example.com/**`: a whole origin
};

/// Whether an operator may write this among the urls: an absolute URL, or an origin and `/**`; of
/// at most limits::redirect_bytes, without spaces, control characters and other wildcards.
[[nodiscard]] bool is_pattern(std::string_view text) noexcept;

/// Whether `url` is the site or something below it, or is among the urls. Compared as text: what
/// is spelled otherwise is another URL, and so is one with a user name in front of the host.
[[nodiscard]] bool allows(const policy& in, std::string_view url) noexcept;

/// `wanted` where it is allowed, else the site.
[[nodiscard]] std::string target(const policy& in, std::string_view wanted);

using parameters = std::vector<std::pair<std::string_view, std::string>>;

/// The URL with these in its query, or in the place of its fragment; values are encoded.
[[nodiscard]] std::string with_query(std::string_view url, const parameters& more);
[[nodiscard]] std::string with_fragment(std::string_view url, const parameters& more);

/// Every byte but RFC 3986's unreserved characters as `%XX`.
[[nodiscard]] std::string encoded(std::string_view text);

} // namespace troupe::redirect_rules

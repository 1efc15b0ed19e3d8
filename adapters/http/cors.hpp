#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Which pages of other origins may read answers (the Fetch standard's CORS protocol). Pure.
namespace troupe::http {

/// Everything that answers say is written once, at the start: an answer costs a look-up.
class cors_policy {
public:
  /// Origins as browsers write them, compared byte by byte; `*`: any; empty: off.
  explicit cors_policy(const std::vector<std::string>& origins);

  [[nodiscard]] bool is_on() const noexcept { return any_ || !listed_.empty(); }
  [[nodiscard]] bool allows(std::string_view origin) const noexcept;

  /// The header lines of an answer, each with CRLF; they live as long as the policy. `origin` is
  /// the request's, empty when it had none. Pages of listed origins may send credentials, with `*`
  /// no page may.
  [[nodiscard]] std::string_view lines_for(std::string_view origin) const noexcept;

private:
  bool any_ = false;
  std::string others_; ///< for origins that are not listed
  std::map<std::string, std::string, std::less<>> listed_;
};

/// What a preflight's answer says beside that: the route's methods (`GET, HEAD, POST`), those of
/// the asked headers (`authorization,content-type`) that may be sent, and for how long a browser
/// may remember it.
[[nodiscard]] std::string preflight_lines(std::string_view methods, std::string_view asked);

} // namespace troupe::http

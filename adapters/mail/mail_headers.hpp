#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// The header fields of a mail (RFC 5322, RFC 2047). Pure.
namespace troupe::mail_headers {

struct mailbox {
  std::string name; ///< UTF-8; may be empty
  std::string address;
  bool operator==(const mailbox&) const = default;
};

/// `address` or `Name <address>`; quotes around the name are taken off. Nothing when it is neither.
[[nodiscard]] std::optional<mailbox> parse_mailbox(std::string_view text);

/// A mailbox as From and To have it: the name quoted or encoded where it must be.
[[nodiscard]] std::string to_field(const mailbox& who);

/// Unstructured text, e.g. a subject: as it is when it is short printable ASCII, else encoded-words
/// (UTF-8, Q) of at most 75 characters, parted by folds. `text` has no control characters.
[[nodiscard]] std::string to_field(std::string_view text);

/// RFC 5322, 3.3, in UTC: `Sat, 21 Nov 2026 13:42:04 +0000`.
[[nodiscard]] std::string to_field(std::chrono::sys_seconds when);

} // namespace troupe::mail_headers

#pragma once

#include "messages/base/error.hpp"

#include <string>
#include <string_view>

/// Errors in the shape and words of GoTrue, for the routes under /auth/v1. Pure.
namespace troupe::http {

/// The version of GoTrue's API whose errors have a word in `code`.
inline constexpr std::string_view supabase_version = "2024-01-01";

/// Whether a client that sends this as X-Supabase-Api-Version reads them; it compares dates.
[[nodiscard]] bool wants_error_words(std::string_view version) noexcept;

struct supabase_answer {
  unsigned status = 500;
  std::string body;
};

/// `{"code":"<word>","message"}` with words, `{"code":<status>,"error_code":"<word>","msg"}`
/// without; a password that is refused adds `weak_password`, and what tells_started() `started`,
/// which clients that do not know it skip. A store that is down stays 503, which clients try again;
/// with 4xx they would end their session.
[[nodiscard]] supabase_answer supabase_error(const error& why, bool words);

} // namespace troupe::http

#pragma once

#include "messages/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// The one table that maps errors to HTTP and to the shape of OpenAI's API. Pure.
namespace troupe::http {

/// The status of an answer: the error's own where it has one (a provider's), else from its code.
[[nodiscard]] unsigned status_of(const error& why) noexcept;

/// The word for programs of a status, e.g. `invalid_request_error`.
[[nodiscard]] std::string_view type_of(unsigned status) noexcept;

/// `{"error":{"message","type","param","code","started"}}`; param and code are null when empty. The
/// code of 499 and above without a word of its own is that of errc. `started`, where
/// tells_started(), says whether the work may have had an effect: `no`, `yes`, `unknown`. `more`:
/// further members of the inner object, each with a comma before it.
[[nodiscard]] std::string error_body(const error& why, std::string_view more = {});

/// Whether a client learns something from `started`: from failures, from 429, which it may send
/// again, and from a conflict with what has begun. Other refusals had no effect, of course.
[[nodiscard]] bool tells_started(unsigned status, started_state started) noexcept;

/// `,"started":"no"`, to stand behind other members of an object.
[[nodiscard]] std::string started_member(started_state started);

/// Milliseconds after which to try again; 0: no advice. 429 and 503 always have one.
[[nodiscard]] std::uint32_t retry_after_ms(const error& why) noexcept;

/// The reason phrase of a status line.
[[nodiscard]] std::string_view reason_phrase(unsigned status) noexcept;

} // namespace troupe::http

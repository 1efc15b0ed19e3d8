#include "messages/validate.hpp"

#include "messages/base/limits.hpp"
#include "messages/codec/attribute_filter.hpp"
#include "messages/codec/chat_json.hpp"
#include "messages/codec/json_text.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace troupe {
namespace {

constexpr std::size_t name_bytes = 200;
constexpr std::size_t model_bytes = 256; // it goes into the usage record
constexpr std::size_t email_bytes = 254;
constexpr std::size_t filename_bytes = 255;
constexpr std::size_t purpose_bytes = 64;
constexpr std::size_t service_bytes = 128;
constexpr std::size_t turn_bytes = 256u << 10;
constexpr std::size_t stores_a_search = 16;
constexpr std::uint32_t passages_max = 50;

std::unexpected<error> refuse(std::string param, std::string_view what) {
  std::string message = param + ": " + std::string(what);
  return fail(errc::invalid_argument, std::move(message), std::move(param));
}

result<void> required(std::string_view value, std::string param) {
  if (value.empty()) return refuse(std::move(param), "is required");
  return {};
}

result<void> at_most(std::string_view value, std::size_t bytes, std::string param) {
  if (value.size() > bytes) {
    return refuse(std::move(param), "is longer than " + std::to_string(bytes) + " bytes");
  }
  return {};
}

result<void> model_name(std::string_view model) {
  if (auto ok = required(model, "model"); !ok) return ok;
  return at_most(model, model_bytes, "model");
}

template <class Number>
std::string number_text(Number value) {
  if constexpr (std::is_integral_v<Number>) return std::to_string(value);
  return std::to_string(static_cast<long long>(value)); // the bounds here are whole numbers
}

template <class Number>
result<void> between(Number value, Number least, Number most, std::string param) {
  if (value >= least && value <= most) return {};
  return refuse(std::move(param),
                "must be between " + number_text(least) + " and " + number_text(most));
}

template <class Number>
result<void> between(const std::optional<Number>& value, Number least, Number most,
                     std::string param) {
  if (!value) return {};
  return between(*value, least, most, std::move(param));
}

result<void> at_least_one(const std::optional<std::int64_t>& value, std::string param) {
  if (value && *value < 1) return refuse(std::move(param), "must be at least 1");
  return {};
}

/// An absent value is fine.
result<void> object_if_there(const json_text& value, std::string param) {
  const json_kind kind = kind_of(value);
  if (kind == json_kind::absent || kind == json_kind::object) return {};
  return refuse(std::move(param), "expected an object, got " + std::string(name_of(kind)));
}

bool two_digits(std::string_view text, std::size_t at, int& out) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (at + 2 > text.size() || !digit(at) || !digit(at + 1)) return false;
  out = (text[at] - '0') * 10 + (text[at + 1] - '0');
  return true;
}

int days_of(int year, int month) {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/// `Z`, `+hh:mm` or `-hh:mm`.
bool is_offset(std::string_view text) {
  if (text == "Z" || text == "z") return true;
  int hours = 0, minutes = 0;
  return text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':' &&
         two_digits(text, 1, hours) && two_digits(text, 4, minutes) && hours < 24 && minutes < 60;
}

/// RFC 3339, section 5.6; a leap second passes.
bool is_rfc3339(std::string_view text) {
  int century = 0, years = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (text.size() < 20 || text.size() > 40 || !two_digits(text, 0, century) ||
      !two_digits(text, 2, years) || text[4] != '-' || !two_digits(text, 5, month) ||
      text[7] != '-' || !two_digits(text, 8, day) || (text[10] != 'T' && text[10] != 't') ||
      !two_digits(text, 11, hour) || text[13] != ':' || !two_digits(text, 14, minute) ||
      text[16] != ':' || !two_digits(text, 17, second)) {
    return false;
  }
  if (month < 1 || month > 12 || day < 1 || day > days_of(century * 100 + years, month))
    return false;
  if (hour > 23 || minute > 59 || second > 60) return false;
  text.remove_prefix(19);
  if (text.starts_with('.')) {
    const std::size_t end = text.find_first_not_of("0123456789", 1);
    if (end == std::string_view::npos || end == 1) return false;
    text.remove_prefix(end);
  }
  return is_offset(text);
}

result<void> time_if_there(std::string_view value, std::string param) {
  if (value.empty() || is_rfc3339(value)) return {};
  return refuse(std::move(param), "expected a time as in RFC 3339, e.g. 2026-01-31T12:00:00Z");
}

result<void> page(std::uint32_t limit, std::uint32_t most, std::string_view order) {
  if (auto ok = between<std::uint32_t>(limit, 1, most, "limit"); !ok) return ok;
  if (order != "asc" && order != "desc") return refuse("order", "must be asc or desc");
  return {};
}

result<void> check(const retrieval_options& in) {
  if (in.vector_store_ids.empty() || in.vector_store_ids.size() > stores_a_search) {
    return refuse("retrieval.vector_store_ids", "must name 1 to 16 vector stores");
  }
  return between<std::uint32_t>(in.max_num_results, 1, passages_max, "retrieval.max_num_results");
}

/// What a model can be sent: the roles and the shape of each message.
result<void> check(const chat_message& in, std::size_t index) {
  constexpr std::array<std::string_view, 6> roles{"system",    "developer", "user",
                                                  "assistant", "tool",      "function"};
  const std::string at = "messages[" + std::to_string(index) + "]";
  if (in.role.empty()) return refuse(at + ".role", "is required");
  if (std::ranges::find(roles, in.role) == roles.end()) {
    return refuse(at + ".role",
                  "must be one of system, developer, user, assistant, tool, function");
  }
  const json_kind kind = kind_of(in.content);
  const bool said = kind == json_kind::string || kind == json_kind::array;
  if (said) return {};
  if (kind != json_kind::absent && kind != json_kind::null) {
    return refuse(at + ".content",
                  "expected a string or an array of parts, got " + std::string(name_of(kind)));
  }
  if (in.role == "system" || in.role == "developer" || in.role == "user") {
    return refuse(at + ".content", "is required");
  }
  return {};
}

result<void> check(const chat_stream_body& in) {
  if (auto ok = required(in.message, "message"); !ok) return ok;
  if (auto ok = at_most(in.message, turn_bytes, "message"); !ok) return ok;
  if (in.model) {
    if (auto ok = at_most(*in.model, model_bytes, "model"); !ok) return ok;
  }
  if (in.vector_store_ids && in.vector_store_ids->size() > stores_a_search) {
    return refuse("vector_store_ids", "must name at most 16 vector stores");
  }
  return {};
}

result<void> check(const log_input& in, const std::string& before) {
  if (!in.level) return refuse(before + "level", "is required");
  if (auto ok = required(in.service, before + "service"); !ok) return ok;
  if (auto ok = at_most(in.service, service_bytes, before + "service"); !ok) return ok;
  if (auto ok = required(in.message, before + "message"); !ok) return ok;
  if (auto ok = at_most(in.message, limits::log_message_bytes, before + "message"); !ok) return ok;
  if (auto ok = object_if_there(in.attributes, before + "attributes"); !ok) return ok;
  return time_if_there(in.time, before + "time");
}

} // namespace

result<void> validate(const register_request& in) {
  if (auto ok = required(in.email, "email"); !ok) return ok;
  const std::size_t sign = in.email.find('@');
  const bool one_sign =
      sign != std::string::npos && in.email.find('@', sign + 1) == std::string::npos;
  const bool spaces = std::ranges::any_of(
      in.email, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; });
  if (!one_sign || sign == 0 || sign + 1 == in.email.size() || spaces) {
    return refuse("email", "is not an e-mail address");
  }
  if (auto ok = at_most(in.email, email_bytes, "email"); !ok) return ok;
  const std::size_t size = in.password.value.size();
  if (size < limits::password_bytes_min || size > limits::password_bytes_max) {
    return refuse("password", "must have 8 to 1024 bytes");
  }
  return at_most(in.name, name_bytes, "name");
}

result<void> validate(const login_request& in) {
  if (auto ok = required(in.email, "email"); !ok) return ok;
  if (auto ok = required(in.password.value, "password"); !ok) return ok;
  return at_most(in.password.value, limits::password_bytes_max, "password");
}

result<void> validate(const refresh_request& in) {
  return required(in.refresh_token.value, "refresh_token");
}

result<void> validate(const verify_request& in) {
  return required(in.token.value, "token");
}

result<void> validate(const create_key_request& in) {
  return at_most(in.name, name_bytes, "name");
}

result<void> validate(const chat_completion_body& in) {
  if (auto ok = model_name(in.model); !ok) return ok;
  if (in.messages.empty()) return refuse("messages", "must have at least one message");
  for (std::size_t i = 0; i < in.messages.size(); ++i) {
    if (auto ok = check(in.messages[i], i); !ok) return ok;
  }
  if (auto ok = between(in.temperature, 0.0, 2.0, "temperature"); !ok) return ok;
  if (auto ok = between(in.top_p, 0.0, 1.0, "top_p"); !ok) return ok;
  if (auto ok = between(in.presence_penalty, -2.0, 2.0, "presence_penalty"); !ok) return ok;
  if (auto ok = between(in.frequency_penalty, -2.0, 2.0, "frequency_penalty"); !ok) return ok;
  if (auto ok = between<std::int64_t>(in.n, 1, 128, "n"); !ok) return ok;
  if (auto ok = at_least_one(in.max_tokens, "max_tokens"); !ok) return ok;
  if (auto ok = at_least_one(in.max_completion_tokens, "max_completion_tokens"); !ok) return ok;
  if (in.retrieval) return check(*in.retrieval);
  return {};
}

result<void> validate(const chat_request& in) {
  if (in.retrieval) {
    if (auto ok = check(*in.retrieval); !ok) return ok;
  }
  if (in.format == chat_format::openai) {
    if (auto ok = model_name(in.model); !ok) return ok;
    if (kind_of(in.body) != json_kind::object) return refuse("body", "expected an object");
    return {};
  }
  if (!in.turn) return refuse("message", "is required");
  return check(*in.turn);
}

result<void> validate(const embeddings_request& in) {
  if (auto ok = model_name(in.model); !ok) return ok;
  const json_kind kind = kind_of(in.input);
  if (kind == json_kind::absent || kind == json_kind::null) return refuse("input", "is required");
  if (in.encoding_format && *in.encoding_format != "float" && *in.encoding_format != "base64") {
    return refuse("encoding_format", "must be float or base64");
  }
  if (auto ok = at_least_one(in.dimensions, "dimensions"); !ok) return ok;
  if (kind != json_kind::string && kind != json_kind::array) {
    return refuse("input", "expected a string or an array, got " + std::string(name_of(kind)));
  }
  if (kind == json_kind::array) {
    const std::size_t count = count_elements(in.input);
    if (count == 0 || count > limits::embedding_inputs) {
      return refuse("input", "must have 1 to 2048 elements");
    }
  }
  // Providers take token numbers too; the built-in embedder reads text.
  if (kind == json_kind::array && in.model != "local" && !holds_strings(in.input)) return {};
  auto texts = chat_json::strings_of(in.input, "input");
  if (!texts) return std::unexpected(std::move(texts.error()));
  for (std::size_t i = 0; i < texts->size(); ++i) {
    if (!(*texts)[i].empty()) continue;
    return refuse(kind == json_kind::array ? "input[" + std::to_string(i) + "]" : "input",
                  "is empty");
  }
  return {};
}

result<void> validate(const create_file_request& in) {
  // The client's form calls the part `file`, but the struct's field is what every entrance knows.
  if (auto ok = required(in.filename, "filename"); !ok) return ok;
  if (auto ok = at_most(in.filename, filename_bytes, "filename"); !ok) return ok;
  const bool odd = std::ranges::any_of(in.filename, [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f' || c == '/';
  });
  if (odd) return refuse("filename", "may hold neither control characters nor '/'");
  if (auto ok = required(in.purpose, "purpose"); !ok) return ok;
  return at_most(in.purpose, purpose_bytes, "purpose");
}

result<void> validate(const list_files_request& in) {
  return page(in.limit, 10000, in.order);
}

result<void> validate(const create_store_request& in) {
  if (auto ok = at_most(in.name, name_bytes, "name"); !ok) return ok;
  if (in.file_ids && in.file_ids->size() > limits::store_files_at_once) {
    return refuse("file_ids", "must name at most " +
                                  std::to_string(limits::store_files_at_once) + " files");
  }
  return object_if_there(in.metadata, "metadata");
}

result<void> validate(const list_stores_request& in) {
  return page(in.limit, 100, in.order);
}

result<void> validate(const attach_file_request& in) {
  if (auto ok = required(in.file_id, "file_id"); !ok) return ok;
  return check_attributes(in.attributes);
}

result<void> validate(const list_store_files_request& in) {
  constexpr std::array<std::string_view, 5> states{"", "in_progress", "completed", "failed",
                                                   "cancelled"};
  if (std::ranges::find(states, in.filter) == states.end()) {
    return refuse("filter", "must be one of in_progress, completed, failed, cancelled");
  }
  return page(in.limit, 100, in.order);
}

result<void> validate(const search_request& in) {
  if (in.query.empty()) return refuse("query", "is required");
  auto queries = chat_json::strings_of(in.query, "query");
  if (!queries) return std::unexpected(std::move(queries.error()));
  if (queries->empty() || queries->size() > 16) return refuse("query", "must have 1 to 16 strings");
  if (std::ranges::any_of(*queries, &std::string::empty)) return refuse("query", "is empty");
  if (in.vector_store_ids.size() > stores_a_search) {
    return refuse("vector_store_ids", "must name at most 16 vector stores");
  }
  if (auto ok = object_if_there(in.ranking_options, "ranking_options"); !ok) return ok;
  if (!in.filters.empty()) {
    if (auto filter = filter_of(in.filters); !filter) return std::unexpected(filter.error());
  }
  return between<std::uint32_t>(in.max_num_results, 1, passages_max, "max_num_results");
}

result<void> validate(const append_logs_request& in) {
  if (in.records.empty()) return refuse("records", "must have at least one record");
  if (in.records.size() > limits::log_batch) {
    return fail(errc::too_large,
                "at most " + std::to_string(limits::log_batch) + " records at once");
  }
  if (!in.users.empty() && in.users.size() != in.records.size()) {
    return refuse("users", "must be as many as records");
  }
  for (std::size_t i = 0; i < in.records.size(); ++i) {
    if (auto ok = check(in.records[i], "records[" + std::to_string(i) + "]."); !ok) return ok;
  }
  return {};
}

result<void> validate(const patch_log_request& in) {
  if (auto ok = required(in.id, "id"); !ok) return ok;
  // Absent attributes change nothing: an unknown record is then still answered with not_found.
  return object_if_there(in.attributes, "attributes");
}

result<void> validate(const list_logs_request& in) {
  if (auto ok = between<std::uint32_t>(in.limit, 1, 1000, "limit"); !ok) return ok;
  if (auto ok = time_if_there(in.since, "since"); !ok) return ok;
  return time_if_there(in.until, "until");
}

} // namespace troupe

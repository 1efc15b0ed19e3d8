#include "messages/validate.hpp"

#include "messages/codec/attribute_filter.hpp"
#include "messages/codec/chat_json.hpp"
#include "messages/field_check.hpp"

#include <algorithm>
#include <string>

/// What field_rules.hpp says is held first; here is only what depends on more than one field's
/// length, range or words.
namespace troupe {
namespace {

using field_check::check_fields;
using field_check::refuse;

/// What a model can be sent: the shape of each message.
result<void> check(const chat_message& in, std::size_t index) {
  const std::string at = "messages[" + std::to_string(index) + "].";
  if (auto ok = check_fields(in, at); !ok) return ok;
  const json_kind kind = kind_of(in.content);
  if (kind == json_kind::string || kind == json_kind::array) return {};
  if (kind != json_kind::absent && kind != json_kind::null) {
    return refuse(at + "content",
                  "expected a string or an array of parts, got " + std::string(name_of(kind)));
  }
  if (in.role == "system" || in.role == "developer" || in.role == "user") {
    return refuse(at + "content", "is required");
  }
  return {};
}

result<void> check(const retrieval_options& in) {
  return check_fields(in, "retrieval.");
}

} // namespace

result<void> validate(const register_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  return check_email(in.email);
}

result<void> validate(const login_request& in) {
  return check_fields(in);
}

result<void> validate(const refresh_request& in) {
  return check_fields(in);
}

result<void> validate(const verify_request& in) {
  return check_fields(in);
}

result<void> validate(const chat_completion_body& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  for (std::size_t i = 0; i < in.messages.size(); ++i) {
    if (auto ok = check(in.messages[i], i); !ok) return ok;
  }
  if (in.retrieval) return check(*in.retrieval);
  return {};
}

result<void> validate(const chat_request& in) {
  if (in.retrieval) {
    if (auto ok = check(*in.retrieval); !ok) return ok;
  }
  if (in.resumable && !in.stream)
    return refuse("resumable", "only a stream can be resumed: send stream: true");
  if (in.format == chat_format::openai) {
    if (auto ok = check_fields(in); !ok) return ok;
    if (in.model.empty()) return refuse("model", "is required");
    if (kind_of(in.body) != json_kind::object) return refuse("body", "expected an object");
    return {};
  }
  if (!in.turn) return refuse("message", "is required");
  return check_fields(*in.turn);
}

result<void> validate(const embeddings_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  const json_kind kind = kind_of(in.input);
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
  if (auto ok = check_fields(in); !ok) return ok;
  const bool odd = std::ranges::any_of(in.filename, [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f' || c == '/';
  });
  if (odd) return refuse("filename", "may hold neither control characters nor '/'");
  return {};
}

result<void> validate(const list_files_request& in) {
  return check_fields(in);
}

result<void> validate(const create_store_request& in) {
  return check_fields(in);
}

result<void> validate(const list_stores_request& in) {
  return check_fields(in);
}

result<void> validate(const attach_file_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  return check_attributes(in.attributes);
}

result<void> validate(const list_store_files_request& in) {
  return check_fields(in);
}

result<void> validate(const search_request& in) {
  if (auto ok = check_fields(in); !ok) return ok;
  auto queries = chat_json::strings_of(in.query, "query");
  if (!queries) return std::unexpected(std::move(queries.error()));
  if (queries->empty() || queries->size() > 16) return refuse("query", "must have 1 to 16 strings");
  if (std::ranges::any_of(*queries, &std::string::empty)) return refuse("query", "is empty");
  if (in.filters.empty()) return {};
  if (auto filter = filter_of(in.filters); !filter) return std::unexpected(filter.error());
  return {};
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
    if (auto ok = check_fields(in.records[i], "records[" + std::to_string(i) + "]."); !ok)
      return ok;
  }
  return {};
}

result<void> validate(const patch_log_request& in) {
  // Absent attributes change nothing: an unknown record is then still answered with not_found.
  return check_fields(in);
}

result<void> validate(const list_logs_request& in) {
  return check_fields(in);
}

} // namespace troupe

#include "messages/codec/chat_json.hpp"

#include "messages/codec/json_cursor.hpp"

#include <bit>
#include <cstring>

/// Answers in OpenAI's shapes, and the events of /v1/chat/stream.
namespace troupe::chat_json {
namespace {

using json_detail::append_integer;
using json_detail::append_number;
using json_detail::append_string;
using json_detail::cursor;

void append_citation(std::string& out, const citation& cited) {
  out += R"({"file_id":)";
  append_string(out, cited.file_id);
  out += R"(,"filename":)";
  append_string(out, cited.filename);
  out += R"(,"quote":)";
  append_string(out, cited.quote);
  out += R"(,"score":)";
  append_number(out, cited.score);
  out += '}';
}

/// The elements of an `annotations` array, without its brackets.
void append_annotations(std::string& out, const std::vector<citation>& cited) {
  for (std::size_t i = 0; i < cited.size(); ++i) {
    if (i > 0) out += ',';
    out += R"({"type":"file_citation","file_citation":)";
    append_citation(out, cited[i]);
    out += '}';
  }
}

void append_usage(std::string& out, const token_usage& usage) {
  out += R"({"prompt_tokens":)";
  append_integer(out, usage.prompt_tokens);
  out += R"(,"completion_tokens":)";
  append_integer(out, usage.completion_tokens);
  out += R"(,"total_tokens":)";
  append_integer(out, usage.total_tokens);
  out += '}';
}

/// Up to and including `"choices":[`.
std::string begin(const identity& who, std::string_view object) {
  std::string out = R"({"id":)";
  append_string(out, who.id);
  out.append(R"(,"object":")").append(object).append(R"(","created":)");
  append_integer(out, who.created);
  out += R"(,"model":)";
  append_string(out, who.model);
  out += R"(,"choices":[)";
  return out;
}

constexpr std::string_view chunk_object = "chat.completion.chunk";

/// A chunk whose one choice has this delta (JSON) and finish reason (JSON).
json_text chunk(const identity& who, std::string_view delta, std::string_view finish_reason,
                bool usage_null) {
  std::string out = begin(who, chunk_object);
  out.append(R"({"index":0,"delta":)").append(delta);
  out.append(R"(,"logprobs":null,"finish_reason":)").append(finish_reason).append("}]");
  out += usage_null ? R"(,"usage":null})" : "}";
  return {std::move(out)};
}

/// The source of `message` with annotations put behind those that it has.
void append_annotated(std::string& out, std::string_view message,
                      const std::vector<citation>& cited) {
  cursor in(message);
  std::string_view key, source;
  std::string scratch, annotations;
  out += '{';
  bool first = true;
  for (in.enter(); in.next_member(key, scratch, source);) {
    const bool ours = key == "annotations";
    const json_kind kind = in.peek();
    const std::string_view value = in.raw();
    if (ours) {
      if (kind == json_kind::array) annotations = value.substr(1, value.size() - 2);
      continue;
    }
    if (!first) out += ',';
    first = false;
    out.append(source).append(":").append(value);
  }
  const bool some = annotations.find('{') != std::string::npos;
  out += first ? R"("annotations":[)" : R"(,"annotations":[)";
  if (some) out += annotations;
  if (some && !cited.empty()) out += ',';
  append_annotations(out, cited);
  out += "]}";
}

/// Copies an object, or an array, and hands over the one value that `chosen` picks.
template <class Chosen, class Replace>
void copy_object(std::string& out, std::string_view object, Chosen chosen, Replace replace) {
  cursor in(object);
  std::string_view key, source;
  std::string scratch;
  out += '{';
  bool first = true;
  for (in.enter(); in.next_member(key, scratch, source);) {
    const json_kind kind = in.peek();
    const bool picked = chosen(key, kind);
    const std::string_view value = in.raw();
    if (!first) out += ',';
    first = false;
    out.append(source).append(":");
    if (picked)
      replace(value);
    else
      out += value;
  }
  out += '}';
}

void append_choices(std::string& out, std::string_view choices,
                    const std::vector<citation>& cited) {
  cursor in(choices);
  out += '[';
  bool first = true;
  for (in.enter(); in.next_element();) {
    const bool annotate = first && in.peek() == json_kind::object;
    const std::string_view choice = in.raw();
    if (!first) out += ',';
    first = false;
    if (!annotate) {
      out += choice;
      continue;
    }
    copy_object(
        out, choice,
        [](std::string_view key, json_kind kind) {
          return key == "message" && kind == json_kind::object;
        },
        [&](std::string_view message) { append_annotated(out, message, cited); });
  }
  out += ']';
}

void append_floats(std::string& out, const std::vector<float>& vector) {
  out += '[';
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (i > 0) out += ',';
    append_number(out, vector[i]);
  }
  out += ']';
}

void append_floats_base64(std::string& out, const std::vector<float>& vector) {
  std::string bytes;
  bytes.reserve(vector.size() * 4);
  for (const float value : vector) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift & 0xFF);
  }
  out += '"';
  json_detail::append_base64(out, bytes);
  out += '"';
}

} // namespace

std::string quoted(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

json_text with_annotations(const json_text& completion, const std::vector<citation>& cited) {
  if (cited.empty() || kind_of(completion) != json_kind::object) return completion;
  json_text out;
  copy_object(
      out.raw, completion.raw,
      [](std::string_view key, json_kind kind) {
        return key == "choices" && kind == json_kind::array;
      },
      [&](std::string_view choices) { append_choices(out.raw, choices, cited); });
  return out;
}

json_text completion(const identity& who, std::string_view text, std::string_view finish_reason,
                     const token_usage& usage, const std::vector<citation>& cited) {
  std::string out = begin(who, "chat.completion");
  out += R"({"index":0,"message":{"role":"assistant","content":)";
  append_string(out, text);
  out += R"(,"refusal":null,"annotations":[)";
  append_annotations(out, cited);
  out += R"(]},"logprobs":null,"finish_reason":)";
  append_string(out, finish_reason);
  out += R"(}],"usage":)";
  append_usage(out, usage);
  out += '}';
  return {std::move(out)};
}

json_text role_chunk(const identity& who, bool usage_null) {
  return chunk(who, R"({"role":"assistant","content":"","refusal":null})", "null", usage_null);
}

json_text text_chunk(const identity& who, std::string_view text, bool usage_null) {
  std::string delta = R"({"content":)";
  append_string(delta, text);
  delta += '}';
  return chunk(who, delta, "null", usage_null);
}

json_text citation_chunk(const identity& who, const std::vector<citation>& cited, bool usage_null) {
  std::string delta = R"({"annotations":[)";
  append_annotations(delta, cited);
  delta += "]}";
  return chunk(who, delta, "null", usage_null);
}

json_text finish_chunk(const identity& who, std::string_view finish_reason, bool usage_null) {
  std::string reason;
  append_string(reason, finish_reason);
  return chunk(who, "{}", reason, usage_null);
}

json_text usage_chunk(const identity& who, const token_usage& usage) {
  std::string out = begin(who, chunk_object);
  out += R"(],"usage":)";
  append_usage(out, usage);
  out += '}';
  return {std::move(out)};
}

json_text token_event(std::string_view text) {
  json_text out{R"({"text":)"};
  append_string(out.raw, text);
  out.raw += '}';
  return out;
}

json_text citation_event(const citation& cited) {
  json_text out;
  append_citation(out.raw, cited);
  return out;
}

json_text done_event(std::string_view conversation_id, const token_usage& usage,
                     std::string_view finish_reason) {
  json_text out{R"({"conversation_id":)"};
  append_string(out.raw, conversation_id);
  out.raw += R"(,"usage":)";
  append_usage(out.raw, usage);
  out.raw += R"(,"finish_reason":)";
  append_string(out.raw, finish_reason);
  out.raw += '}';
  return out;
}

json_text embeddings(std::string_view model, const std::vector<std::vector<float>>& vectors,
                     bool base64, std::int64_t tokens) {
  json_text out{R"({"object":"list","data":[)"};
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    out.raw += i == 0 ? R"({"object":"embedding","index":)" : R"(,{"object":"embedding","index":)";
    append_integer(out.raw, i);
    out.raw += R"(,"embedding":)";
    if (base64)
      append_floats_base64(out.raw, vectors[i]);
    else
      append_floats(out.raw, vectors[i]);
    out.raw += '}';
  }
  out.raw += R"(],"model":)";
  append_string(out.raw, model);
  out.raw += R"(,"usage":{"prompt_tokens":)";
  append_integer(out.raw, tokens);
  out.raw += R"(,"total_tokens":)";
  append_integer(out.raw, tokens);
  out.raw += "}}";
  return out;
}

} // namespace troupe::chat_json

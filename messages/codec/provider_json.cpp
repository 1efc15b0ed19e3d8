#include "messages/codec/chat_json.hpp"

#include "messages/codec/json_cursor.hpp"

#include <charconv>

/// What providers answer. It comes from outside: each text is checked before it is read.
namespace troupe::chat_json {
namespace {

using json_detail::cursor;

constexpr std::size_t excerpt_bytes = 200;

/// A string value, or nothing of any other; moves past it.
void take_string(cursor& in, std::string& out) {
  if (in.peek() != json_kind::string) {
    in.raw();
    return;
  }
  std::string scratch;
  out = in.string(scratch);
}

/// A whole number, or `out` unchanged; moves past it.
void take_integer(cursor& in, std::int64_t& out) {
  const json_kind kind = in.peek();
  const std::string_view text = in.raw();
  if (kind != json_kind::number) return;
  std::int64_t whole = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), whole);
  const bool fraction = end != text.data() + text.size() && *end != '.';
  if (wrong == std::errc() && !fraction) out = whole; // 1700000000.25 is how some write `created`
}

/// Calls visit(key) for each member; it must read or skip the value. Skips what is no object.
template <class Visit>
void each_member(cursor& in, Visit visit) {
  if (in.peek() != json_kind::object) {
    in.raw();
    return;
  }
  std::string_view key;
  std::string scratch;
  for (in.enter(); in.next_member(key, scratch);) visit(key);
}

void read_usage(cursor& in, facts& out) {
  if (in.peek() != json_kind::object) {
    in.raw();
    return;
  }
  token_usage usage;
  each_member(in, [&](std::string_view key) {
    if (key == "prompt_tokens")
      take_integer(in, usage.prompt_tokens);
    else if (key == "completion_tokens")
      take_integer(in, usage.completion_tokens);
    else if (key == "total_tokens")
      take_integer(in, usage.total_tokens);
    else
      in.raw();
  });
  if (usage.total_tokens == 0) usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
  out.usage = usage;
}

void read_choice(cursor& in, facts& out) {
  each_member(in, [&](std::string_view key) {
    if (key == "delta" || key == "message") {
      each_member(in, [&](std::string_view inner) {
        if (inner == "content")
          take_string(in, out.text);
        else
          in.raw();
      });
    } else if (key == "finish_reason") {
      take_string(in, out.finish_reason);
    } else {
      in.raw();
    }
  });
}

void read_choices(cursor& in, facts& out) {
  if (in.peek() != json_kind::array) {
    in.raw();
    return;
  }
  for (in.enter(); in.next_element();) {
    if (out.has_choices)
      in.raw();
    else
      read_choice(in, out);
    out.has_choices = true;
  }
}

/// `{"message", "type", "param", "code"}`, or just a string.
void read_error(cursor& in, std::string& message, std::string& param, std::string& reason) {
  if (in.peek() == json_kind::string) return take_string(in, message);
  std::string type, code;
  each_member(in, [&](std::string_view key) {
    if (key == "message")
      take_string(in, message);
    else if (key == "type")
      take_string(in, type);
    else if (key == "param")
      take_string(in, param);
    else if (key == "code")
      take_string(in, code);
    else
      in.raw();
  });
  reason = code.empty() ? type : code;
}

/// The first words of a body that is no JSON, on one line and cut between characters.
std::string excerpt(std::string_view body) {
  std::string out;
  for (const char c : body.substr(0, excerpt_bytes)) {
    const bool blank = static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
    if (!blank)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  if (body.size() > excerpt_bytes) {
    while (!out.empty() && (out.back() & 0xC0) == 0x80) out.pop_back();
    if (!out.empty() && (out.back() & 0x80) != 0) out.pop_back();
    out += " ...";
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

/// What the provider says of itself, as far as the body has a shape that we know.
void read_body(std::string_view body, error& out) {
  if (!check_json(body)) {
    out.message = excerpt(body);
    return;
  }
  cursor in(body);
  std::string top;
  if (in.peek() == json_kind::string) return take_string(in, out.message);
  each_member(in, [&](std::string_view key) {
    if (key == "error")
      read_error(in, out.message, out.param, out.reason);
    else if (key == "message" || key == "detail")
      take_string(in, top);
    else
      in.raw();
  });
  if (out.message.empty()) out.message = top.empty() ? excerpt(body) : top;
}

errc code_of(int status) noexcept {
  if (status == 429) return errc::rate_limited;
  if (status == 408) return errc::deadline_exceeded;
  if (status == 413) return errc::too_large;
  if (status >= 400 && status < 500) return errc::invalid_argument;
  return errc::upstream_failed;
}

} // namespace

facts read(const json_text& object) {
  facts out;
  if (kind_of(object) != json_kind::object || !check_json(object.raw)) return out;
  out.valid = true;
  cursor in(object.raw);
  each_member(in, [&](std::string_view key) {
    if (key == "id") {
      take_string(in, out.id);
    } else if (key == "model") {
      take_string(in, out.model);
    } else if (key == "created") {
      take_integer(in, out.created);
    } else if (key == "choices") {
      read_choices(in, out);
    } else if (key == "usage") {
      read_usage(in, out);
    } else if (key == "error" && in.peek() != json_kind::null) {
      std::string param, reason;
      out.is_error = true;
      read_error(in, out.error_message, param, reason);
    } else {
      in.raw();
    }
  });
  return out;
}

result<std::vector<model_view>> models_of(const json_text& list) {
  if (!check_json(list.raw))
    return fail(errc::upstream_failed, "the provider's list of models is no JSON");
  cursor in(list.raw);
  std::vector<model_view> models;
  bool seen = false;
  each_member(in, [&](std::string_view key) {
    if (key != "data" || in.peek() != json_kind::array) {
      in.raw();
      return;
    }
    seen = true;
    for (in.enter(); in.next_element();) {
      model_view model;
      each_member(in, [&](std::string_view field) {
        if (field == "id")
          take_string(in, model.id);
        else if (field == "created")
          take_integer(in, model.created);
        else if (field == "owned_by")
          take_string(in, model.owned_by);
        else
          in.raw();
      });
      if (!model.id.empty()) models.push_back(std::move(model));
    }
  });
  if (!seen) return fail(errc::upstream_failed, "the provider's list of models has no data");
  return models;
}

error provider_error(int status, std::string_view body) {
  error out;
  out.code = code_of(status);
  if (status == 401 || status == 403) {
    // The client's own key is fine, and the provider's text may quote ours.
    out.code = errc::upstream_failed;
    out.message = "the model provider refused Troupe's key (status " + std::to_string(status) + ")";
    return out;
  }
  if (status >= 400 && status < 600) out.status = static_cast<std::uint16_t>(status);
  read_body(body, out);
  if (out.message.empty())
    out.message = "the model provider answered with status " + std::to_string(status);
  return out;
}

} // namespace troupe::chat_json

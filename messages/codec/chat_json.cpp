#include "messages/codec/chat_json.hpp"

#include "messages/codec/json_cursor.hpp"

#include <charconv>
#include <unordered_map>
#include <utility>

/// Requests of chats and free-form JSON: read in place, spliced as text, so that whatever is not
/// ours keeps its exact source.
namespace troupe::chat_json {
namespace {

using json_detail::append_string;
using json_detail::cursor;

std::string at_message(std::size_t index, std::string_view field) {
  return "messages[" + std::to_string(index) + "]" + std::string(field);
}

std::unexpected<error> wrong_type(std::string param, std::string_view wanted, json_kind got) {
  std::string message =
      param + ": expected " + std::string(wanted) + ", got " + std::string(name_of(got));
  return fail(errc::invalid_argument, std::move(message), std::move(param));
}

/// The text of one part: `text` of a part whose type is text, nothing of any other.
void append_part(cursor& in, std::string& out) {
  if (in.peek() != json_kind::object) {
    in.raw();
    return;
  }
  std::string text, scratch, key_scratch;
  std::string_view key;
  bool is_text = true;
  for (in.enter(); in.next_member(key, key_scratch);) {
    const bool string = in.peek() == json_kind::string;
    if (string && key == "type")
      is_text = in.string(scratch) == "text";
    else if (string && key == "text")
      text = in.string(scratch);
    else
      in.raw();
  }
  if (is_text) out += text;
}

result<turn> read_turn(cursor& in, std::size_t index) {
  if (in.peek() != json_kind::object)
    return wrong_type(at_message(index, ""), "an object", in.peek());
  turn out;
  std::string scratch, key_scratch;
  std::string_view key;
  for (in.enter(); in.next_member(key, key_scratch);) {
    const json_kind kind = in.peek();
    if (key == "role") {
      if (kind != json_kind::string)
        return wrong_type(at_message(index, ".role"), "a string", kind);
      out.role = in.string(scratch);
    } else if (key == "content" && kind == json_kind::string) {
      out.text = in.string(scratch);
    } else if (key == "content" && kind == json_kind::array) {
      out.text.clear();
      for (in.enter(); in.next_element();) append_part(in, out.text);
    } else if (key == "content" && kind != json_kind::null) {
      return wrong_type(at_message(index, ".content"), "a string or an array of parts", kind);
    } else {
      in.raw();
    }
  }
  return out;
}

result<std::vector<turn>> read_turns(cursor& in) {
  if (in.peek() != json_kind::array) return wrong_type("messages", "an array", in.peek());
  std::vector<turn> turns;
  for (in.enter(); in.next_element();) {
    auto one = read_turn(in, turns.size());
    if (!one) return std::unexpected(std::move(one.error()));
    turns.push_back(std::move(*one));
  }
  return turns;
}

/// Whether a message's role is user.
bool is_user(std::string_view message) {
  const auto role = string_field(json_text{std::string(message)}, "role");
  return role == "user";
}

/// The array of messages with `system` before the last of a user, or at the end if there is none.
void append_messages(std::string& out, std::string_view messages, std::string_view system) {
  std::vector<std::string_view> elements;
  cursor in(messages);
  if (in.peek() == json_kind::array) {
    for (in.enter(); in.next_element();) elements.push_back(in.raw());
  }
  std::size_t last = elements.size();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (is_user(elements[i])) last = i;
  }
  elements.insert(elements.begin() + static_cast<std::ptrdiff_t>(last), system);
  out += '[';
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) out += ',';
    out += elements[i];
  }
  out += ']';
}

/// The members of an object by name, in order of their first appearance; the last value counts.
class members {
public:
  explicit members(std::string_view object) {
    cursor in(object);
    if (in.peek() != json_kind::object) return;
    std::string_view key;
    std::string scratch;
    for (in.enter(); in.next_member(key, scratch);) {
      const auto [at, fresh] = index_.try_emplace(std::string(key), list_.size());
      if (fresh)
        list_.emplace_back(at->first, in.raw());
      else
        list_[at->second].second = in.raw();
    }
  }
  [[nodiscard]] const std::vector<std::pair<std::string, std::string_view>>& list() const {
    return list_;
  }
  /// The raw value, empty when there is none.
  [[nodiscard]] std::string_view find(const std::string& name) const {
    const auto at = index_.find(name);
    return at == index_.end() ? std::string_view() : list_[at->second].second;
  }

private:
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<std::pair<std::string, std::string_view>> list_;
};

void append_member(std::string& out, std::string_view name) {
  if (out.back() != '{') out += ',';
  append_string(out, name);
  out += ':';
}

/// RFC 7396's MergePatch; the depth is that of checked JSON. `target` may be empty: nothing there.
void append_merged(std::string& out, std::string_view target, std::string_view patch) {
  if (cursor(patch).peek() != json_kind::object) {
    out += patch;
    return;
  }
  const members old(target);
  const members change(patch);
  out += '{';
  for (const auto& [name, value] : old.list()) {
    const std::string_view with = change.find(name);
    if (with == "null") continue;
    append_member(out, name);
    if (with.empty())
      out += value;
    else
      append_merged(out, value, with);
  }
  for (const auto& [name, value] : change.list()) {
    if (value == "null" || !old.find(name).empty()) continue;
    append_member(out, name);
    append_merged(out, {}, value);
  }
  out += '}';
}

/// Moves to the value of a top-level member; the last one of that name. Nothing when absent.
std::string_view find_member(const json_text& object, std::string_view name) {
  cursor in(object.raw);
  std::string_view found;
  if (in.peek() != json_kind::object) return found;
  std::string_view key;
  std::string scratch;
  for (in.enter(); in.next_member(key, scratch);) {
    const bool same = key == name;
    const std::string_view value = in.raw();
    if (same) found = value;
  }
  return found;
}

} // namespace

result<std::vector<turn>> turns_of(const json_text& body) {
  const std::string_view messages = find_member(body, "messages");
  if (messages.empty()) return fail(errc::invalid_argument, "messages: is required", "messages");
  cursor in(messages);
  return read_turns(in);
}

json_text with_context(const json_text& body, std::string_view context) {
  std::string system;
  if (!context.empty()) {
    system = R"({"role":"system","content":)";
    append_string(system, context);
    system += '}';
  }
  cursor in(body.raw);
  if (in.peek() != json_kind::object) return body;
  json_text out;
  out.raw.reserve(body.raw.size() + system.size() + 8);
  out.raw += '{';
  std::string_view key, source;
  std::string scratch;
  for (in.enter(); in.next_member(key, scratch, source);) {
    const bool dropped = key == "retrieval";
    const bool spliced = key == "messages" && !system.empty();
    const std::string_view value = in.raw();
    if (dropped) continue;
    if (out.raw.size() > 1) out.raw += ',';
    out.raw.append(source).append(":");
    if (spliced)
      append_messages(out.raw, value, system);
    else
      out.raw += value;
  }
  out.raw += '}';
  return out;
}

json_text make_body(std::string_view model, const std::vector<turn>& turns, bool stream) {
  json_text out{R"({"model":)"};
  append_string(out.raw, model);
  out.raw += R"(,"messages":[)";
  for (std::size_t i = 0; i < turns.size(); ++i) {
    out.raw += i == 0 ? R"({"role":)" : R"(,{"role":)";
    append_string(out.raw, turns[i].role);
    out.raw += R"(,"content":)";
    append_string(out.raw, turns[i].text);
    out.raw += '}';
  }
  out.raw += stream ? R"(],"stream":true})" : R"(],"stream":false})";
  return out;
}

result<std::vector<std::string>> strings_of(const json_text& value, std::string_view param) {
  cursor in(value.raw);
  std::string scratch;
  std::vector<std::string> out;
  switch (in.peek()) {
    case json_kind::string:
      out.emplace_back(in.string(scratch));
      return out;
    case json_kind::array:
      break;
    case json_kind::absent:
      return fail(errc::invalid_argument, std::string(param) + ": is required", std::string(param));
    default:
      return wrong_type(std::string(param), "a string or an array of strings", in.peek());
  }
  for (in.enter(); in.next_element();) {
    if (in.peek() != json_kind::string) {
      return wrong_type(std::string(param) + "[" + std::to_string(out.size()) + "]", "a string",
                        in.peek());
    }
    out.emplace_back(in.string(scratch));
  }
  return out;
}

result<json_text> merge_patch(const json_text& target, const json_text& patch) {
  if (patch.empty()) return target;
  const json_kind kind = kind_of(patch);
  if (kind != json_kind::object) {
    return fail(errc::invalid_argument,
                "expected an object to merge, got " + std::string(name_of(kind)));
  }
  json_text out;
  append_merged(out.raw, target.raw, patch.raw);
  return out;
}

object_builder& object_builder::add(std::string_view name, std::string_view value) {
  text_ += text_.empty() ? '{' : ',';
  append_string(text_, name);
  text_ += ':';
  append_string(text_, value);
  return *this;
}

object_builder& object_builder::add(std::string_view name, std::int64_t value) {
  text_ += text_.empty() ? '{' : ',';
  append_string(text_, name);
  text_ += ':' + std::to_string(value);
  return *this;
}

json_text object_builder::build() const {
  return {text_.empty() ? "{}" : text_ + "}"};
}

json_kind kind_of_field(const json_text& object, std::string_view name) {
  const json_kind kind = cursor(find_member(object, name)).peek();
  return kind == json_kind::null ? json_kind::absent : kind;
}

std::optional<std::string> string_field(const json_text& object, std::string_view name) {
  cursor in(find_member(object, name));
  if (in.peek() != json_kind::string) return std::nullopt;
  std::string scratch;
  return std::string(in.string(scratch));
}

std::optional<double> number_field(const json_text& object, std::string_view name) {
  const std::string_view value = find_member(object, name);
  if (cursor(value).peek() != json_kind::number) return std::nullopt;
  double out = 0;
  const auto [end, wrong] = std::from_chars(value.data(), value.data() + value.size(), out);
  if (wrong != std::errc() || end != value.data() + value.size()) return std::nullopt;
  return out;
}

std::vector<std::string> strings_field(const json_text& object, std::string_view name) {
  std::vector<std::string> out;
  std::string scratch;
  cursor in(find_member(object, name));
  const auto take = [&] {
    if (in.peek() == json_kind::string)
      out.emplace_back(in.string(scratch));
    else
      in.raw();
  };
  if (in.peek() == json_kind::string) take();
  if (in.peek() != json_kind::array) return out;
  for (in.enter(); in.next_element();) take();
  return out;
}

bool is_true_field(const json_text& object, std::string_view name) {
  const auto value = find_member(object, name);
  return value == "true" || value == R"("true")";
}

std::int64_t estimate_tokens(std::string_view text) noexcept {
  if (text.empty()) return 0;
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(text.size() / 4));
}

} // namespace troupe::chat_json

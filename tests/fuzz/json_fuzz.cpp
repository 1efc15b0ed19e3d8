// Goal: no text or bytes crash the codecs, and what they accept they write so that it reads back
// the same. Method: one input through JSON, MessagePack and the readers of free-form JSON; a broken
// promise ends the program.
#include "messages/codec/chat_json.hpp"
#include "messages/codec/json.hpp"
#include "messages/codec/json_text.hpp"
#include "messages/codec/msgpack.hpp"
#include "messages/message_list.hpp"
#include "tests/fuzz/require.hpp"

#include <string_view>

namespace {

using namespace troupe;

/// What decodes must come back through both codecs. Not compared as values: a double may be
/// written shorter, a raw null is read as absent; the second writing has to be stable.
template <class T>
void json_round_trip(std::string_view input) {
  const auto value = json::decode<T>(input);
  if (!value) return require(!value.error().message.empty());
  const std::string text = json::encode(*value);
  const auto again = json::decode<T>(text);
  require(again.has_value());
  require(json::encode(*again) == text);
  const auto packed = msgpack_codec::decode<T>(msgpack_codec::encode(*value));
  require(packed.has_value());
  require(json::encode(*packed) == text);
}

template <class T>
void msgpack_round_trip(std::string_view input) {
  const auto value = msgpack_codec::decode<T>(input);
  if (!value) return require(!value.error().message.empty());
  const std::string bytes = msgpack_codec::encode(*value);
  const auto again = msgpack_codec::decode<T>(bytes);
  require(again.has_value());
  require(msgpack_codec::encode(*again) == bytes);
  require(check_json(json::encode(*value)).has_value()); // strings of any bytes become valid JSON
}

void free_form(std::string_view input) {
  const json_text raw{std::string(input)};
  (void)chat_json::read(raw);
  (void)chat_json::models_of(raw);
  (void)chat_json::provider_error(500, input);
  // The other readers are for checked text, but must not run past the end of any.
  (void)chat_json::turns_of(raw);
  (void)chat_json::strings_of(raw, "input");
  const std::vector<citation> cited{{"file-1", "a.md", "quote", 0.5}};
  const json_text with = chat_json::with_context(raw, "context");
  const json_text annotated = chat_json::with_annotations(raw, cited);
  const auto merged = chat_json::merge_patch(raw, raw);
  if (!check_json(input)) return;
  require(check_json(with.raw).has_value());
  require(check_json(annotated.raw).has_value());
  if (merged) require(check_json(merged->raw).has_value());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  json_round_trip<chat_completion_body>(input);
  json_round_trip<append_logs_request>(input);
  json_round_trip<store_file_list>(input);
  json_round_trip<file_chunk>(input);
  msgpack_round_trip<chat_request>(input);
  msgpack_round_trip<append_logs_request>(input);
  msgpack_round_trip<file_chunk>(input);
  free_form(input);
  return 0;
}

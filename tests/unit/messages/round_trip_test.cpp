// Goal: every message of the list survives both codecs, and messages may grow without breaking
// older nodes. Method: fields are filled with generated values over Describe, so a message that is
// added to the list is tested without a line here.
#include "messages/codec/json.hpp"
#include "messages/codec/json_text.hpp"
#include "messages/codec/msgpack.hpp"
#include "messages/message_list.hpp"
#include "messages/schema/describe.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace troupe {
namespace {

/// Fills any described value. The same seed gives the same values.
class generator {
public:
  explicit generator(unsigned seed) : random_(seed) {}

  void fill(std::string& out) {
    static const char* const texts[] = {"plain",
                                        "",
                                        "quotes \" and \\ back",
                                        "line\nfeed\ttab\x01 control",
                                        "gr\xC3\xBC\xC3\x9F dich",
                                        "emoji \xF0\x9F\x98\x80",
                                        "</script>",
                                        "null",
                                        "a longer text that does not fit a small string"};
    out = texts[random_() % std::size(texts)];
  }
  void fill(secret& out) { fill(out.value); }
  void fill(json_text& out) {
    static const char* const texts[] = {R"({"a":[1,2.5,null],"b":"\u00e9"})",
                                        "[]",
                                        "\"text\"",
                                        "12345678901234567890",
                                        "true",
                                        "0.1",
                                        R"([{"type":"text","text":"x"}])"};
    out.raw = texts[random_() % std::size(texts)];
  }
  void fill(byte_string& out) {
    out.data.resize(random_() % 9);
    for (char& c : out.data) c = static_cast<char>(random_());
  }
  void fill(bool& out) { out = random_() % 2 == 0; }
  void fill(double& out) {
    static const double numbers[] = {0, -0.0, 0.1, 1.0 / 3, 1e300, -2.5e-300, 42, 5e-324};
    out = numbers[random_() % std::size(numbers)];
  }
  template <schema::integer T>
  void fill(T& out) {
    const T numbers[] = {0, 1, std::numeric_limits<T>::max(), std::numeric_limits<T>::min(), 77};
    out = numbers[random_() % std::size(numbers)];
  }
  template <schema::described_enum E>
  void fill(E& out) {
    const auto names = schema::enum_names<E>();
    out = *schema::enum_value<E>(names[random_() % names.size()]);
  }
  template <class T>
  void fill(std::optional<T>& out) {
    if (random_() % 2 == 0) fill(out.emplace());
  }
  template <class T>
  void fill(nullable<T>& out) {
    fill(out.value);
  }
  template <class T>
  void fill(std::vector<T>& out) {
    out.resize(random_() % 4);
    for (T& element : out) fill(element);
  }
  template <schema::described T>
  void fill(T& out) {
    schema::for_each_field(out, [this](std::string_view, auto& member) { this->fill(member); });
  }

private:
  std::mt19937 random_;
};

template <class T>
void expect_round_trip(const T& value, const char* name) {
  const std::string text = json::encode(value);
  EXPECT_TRUE(check_json(text)) << name << ": " << text;
  const auto from_json = json::decode<T>(text);
  ASSERT_TRUE(from_json) << name << ": " << from_json.error().message << " in " << text;
  EXPECT_EQ(*from_json, value) << name << " in JSON: " << text;

  const auto from_msgpack = msgpack_codec::decode<T>(msgpack_codec::encode(value));
  ASSERT_TRUE(from_msgpack) << name << ": " << from_msgpack.error().message;
  EXPECT_EQ(*from_msgpack, value) << name << " in MessagePack";
}

TEST(messages, default_values_survive_both_codecs) {
#define TROUPE_CHECK(T) expect_round_trip(T{}, #T);
  TROUPE_MESSAGES(TROUPE_CHECK)
#undef TROUPE_CHECK
}

template <class T>
void expect_generated_round_trips(const char* name) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    T value{};
    generator(seed).fill(value);
    expect_round_trip(value, name);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(messages, generated_values_survive_both_codecs) {
#define TROUPE_CHECK(T) expect_generated_round_trips<T>(#T);
  TROUPE_MESSAGES(TROUPE_CHECK)
#undef TROUPE_CHECK
}

template <class T>
void expect_empty_object_is_default(const char* name) {
  const auto from_json = json::decode<T>("{}");
  ASSERT_TRUE(from_json) << name;
  EXPECT_EQ(*from_json, T{}) << name;
  const auto from_msgpack = msgpack_codec::decode<T>("\x80");
  ASSERT_TRUE(from_msgpack) << name;
  EXPECT_EQ(*from_msgpack, T{}) << name;
}

TEST(messages, a_missing_field_takes_its_default){
#define TROUPE_CHECK(T) expect_empty_object_is_default<T>(#T);
    TROUPE_MESSAGES(TROUPE_CHECK)
#undef TROUPE_CHECK
}

TEST(messages, a_field_of_a_newer_version_is_skipped) {
  const auto from_json = json::decode<login_request>(
      R"({"later":{"deep":[1,{"email":"inner@x"}]},"email":"a@b","more":[],"password":"pw"})");
  ASSERT_TRUE(from_json);
  EXPECT_EQ(from_json->email, "a@b");
  EXPECT_EQ(from_json->password.value, "pw");

  const std::string bytes(
      "\x83\xA5later\x92\x01\x81\xA1x\xC0\xA5"
      "email\xA3"
      "a@b\x05\x06",
      25);
  const auto from_msgpack = msgpack_codec::decode<login_request>(bytes);
  ASSERT_TRUE(from_msgpack) << from_msgpack.error().message;
  EXPECT_EQ(from_msgpack->email, "a@b");
}

TEST(messages, a_null_field_keeps_its_default) {
  const auto list = json::decode<list_files_request>(R"({"limit":null,"order":null,"after":"x"})");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->limit, 10000u);
  EXPECT_EQ(list->order, "desc");
  EXPECT_EQ(list->after, "x");
  const auto message = json::decode<chat_message>(R"({"role":"assistant","content":null})");
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->content.empty());
  const auto bytes = msgpack_codec::decode<list_files_request>("\x81\xA5limit\xC0");
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->limit, 10000u);
}

// A change here breaks nodes that run an older program; a field that is added at the end they skip.
TEST(messages, the_bytes_on_the_wire_stay_as_they_are) {
  EXPECT_EQ(msgpack_codec::encode(call_id{1, 300}), std::string("\x82\xABincarnation\x01\xA7"
                                                                "counter\xCD\x01\x2C",
                                                                25));
  chat_request chat;
  chat.format = chat_format::events;
  chat.stream = true;
  chat.turn.emplace().message = "hi";
  EXPECT_EQ(msgpack_codec::encode(chat), std::string("\x86\xA6"
                                                     "format\xA6"
                                                     "events\xA5model\xA0\xA6stream\xC3\xAD"
                                                     "include_usage\xC2"
                                                     "\xA4turn\x81\xA7message\xA2hi"
                                                     "\xA9resumable\xC2"));
  EXPECT_EQ(json::encode(store_view{}),
            R"({"id":"","object":"vector_store","created_at":0,"name":"","usage_bytes":0,)"
            R"("status":"completed","file_counts":{"in_progress":0,"completed":0,"failed":0,)"
            R"("cancelled":0,"total":0},"last_active_at":null,"metadata":{}})");
}

} // namespace
} // namespace troupe

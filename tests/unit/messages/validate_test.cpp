// Goal: each bound of a request is held, and the error names the field. Method: a request that
// passes, then one change at a time; both sides of every bound.
#include "messages/validate.hpp"
#include "messages/base/limits.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

/// A copy of a good request with one change.
template <class T, class Change>
T with(T request, Change change) {
  change(request);
  return request;
}

template <class T>
void expect_good(const T& request) {
  const auto out = validate(request);
  EXPECT_TRUE(out) << out.error().message;
}

template <class T>
void expect_bad(const T& request, std::string_view param, errc code = errc::invalid_argument) {
  const auto out = validate(request);
  ASSERT_FALSE(out) << "expected an error for " << param;
  EXPECT_EQ(out.error().param, param);
  EXPECT_EQ(out.error().code, code);
  EXPECT_FALSE(out.error().message.empty());
}

TEST(validate, registration_wants_an_email_and_a_password_of_8_to_1024_bytes) {
  const register_request good{"a@b", {"12345678"}, ""};
  expect_good(good);
  for (const char* email : {"", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\n", "a@b\x7f"}) {
    expect_bad(with(good, [&](auto& r) { r.email = email; }), "email");
  }
  expect_good(with(good, [](auto& r) { r.email = std::string(252, 'x') + "@y"; }));
  expect_bad(with(good, [](auto& r) { r.email = std::string(253, 'x') + "@y"; }), "email");
  expect_bad(with(good, [](auto& r) { r.password.value = "1234567"; }), "password");
  expect_good(with(good, [](auto& r) { r.password.value = std::string(1024, 'x'); }));
  expect_bad(with(good, [](auto& r) { r.password.value = std::string(1025, 'x'); }), "password");
  expect_good(with(good, [](auto& r) { r.name = std::string(200, 'x'); }));
  expect_bad(with(good, [](auto& r) { r.name = std::string(201, 'x'); }), "name");
}

TEST(validate, login_only_wants_something) {
  expect_good(login_request{"a@b", {"x"}});
  expect_bad(login_request{"", {"x"}}, "email");
  expect_bad(login_request{"a@b", {""}}, "password");
  expect_bad(login_request{"a@b", {std::string(1025, 'x')}}, "password");
}

TEST(validate, tokens_and_keys) {
  expect_bad(refresh_request{}, "refresh_token");
  expect_good(refresh_request{{"t"}});
  expect_bad(verify_request{}, "token");
  expect_good(verify_request{{"t"}});
  expect_good(create_key_request{std::string(200, 'x')});
  expect_bad(create_key_request{std::string(201, 'x')}, "name");
}

chat_completion_body good_chat() {
  chat_completion_body out;
  out.model = "extract";
  out.messages = {{"user", {R"("hi")"}}};
  return out;
}

TEST(validate, a_chat_wants_a_model_and_messages_with_known_roles_and_content) {
  const auto good = good_chat();
  expect_good(good);
  expect_bad(with(good, [](auto& r) { r.model = ""; }), "model");
  expect_bad(with(good, [](auto& r) { r.messages.clear(); }), "messages");
  expect_bad(with(good, [](auto& r) { r.messages[0].role = ""; }), "messages[0].role");
  expect_bad(with(good, [](auto& r) { r.messages.push_back({"boss", {"\"x\""}}); }),
             "messages[1].role");
  for (const char* role : {"system", "developer", "user"}) {
    expect_bad(with(good, [&](auto& r) { r.messages = {{role, {}}}; }), "messages[0].content");
    expect_bad(with(good, [&](auto& r) { r.messages = {{role, {"null"}}}; }),
               "messages[0].content");
  }
  for (const char* role : {"assistant", "tool", "function"}) {
    expect_good(with(good, [&](auto& r) { r.messages.push_back({role, {}}); }));
    expect_good(with(good, [&](auto& r) { r.messages.push_back({role, {"null"}}); }));
  }
  expect_good(
      with(good, [](auto& r) { r.messages[0].content = {R"([{"type":"text","text":"x"}])"}; }));
  for (const char* content : {"1", "true", "{}"}) {
    expect_bad(with(good, [&](auto& r) { r.messages[0].content = {content}; }),
               "messages[0].content");
  }
}

TEST(validate, the_numbers_of_a_chat_have_ranges) {
  const auto good = good_chat();
  const auto real = [&](std::optional<double> chat_completion_body::* field, double least,
                        double most, std::string_view param) {
    expect_good(with(good, [&](auto& r) { r.*field = least; }));
    expect_good(with(good, [&](auto& r) { r.*field = most; }));
    expect_bad(with(good, [&](auto& r) { r.*field = least - 0.01; }), param);
    expect_bad(with(good, [&](auto& r) { r.*field = most + 0.01; }), param);
  };
  real(&chat_completion_body::temperature, 0, 2, "temperature");
  real(&chat_completion_body::top_p, 0, 1, "top_p");
  real(&chat_completion_body::presence_penalty, -2, 2, "presence_penalty");
  real(&chat_completion_body::frequency_penalty, -2, 2, "frequency_penalty");
  expect_good(with(good, [](auto& r) { r.n = 128; }));
  expect_bad(with(good, [](auto& r) { r.n = 0; }), "n");
  expect_bad(with(good, [](auto& r) { r.n = 129; }), "n");
  expect_good(with(good, [](auto& r) { r.max_tokens = 1; }));
  expect_bad(with(good, [](auto& r) { r.max_tokens = 0; }), "max_tokens");
  expect_bad(with(good, [](auto& r) { r.max_completion_tokens = -1; }), "max_completion_tokens");
}

TEST(validate, retrieval_names_1_to_16_stores_and_1_to_50_passages) {
  const auto with_stores = [](std::size_t stores, std::uint32_t passages) {
    auto out = good_chat();
    out.retrieval.emplace().vector_store_ids.assign(stores, "vs_1");
    out.retrieval->max_num_results = passages;
    return out;
  };
  expect_good(with_stores(1, 1));
  expect_good(with_stores(16, 50));
  expect_bad(with_stores(0, 8), "retrieval.vector_store_ids");
  expect_bad(with_stores(17, 8), "retrieval.vector_store_ids");
  expect_bad(with_stores(1, 0), "retrieval.max_num_results");
  expect_bad(with_stores(1, 51), "retrieval.max_num_results");
}

TEST(validate, a_chat_request_has_what_its_dialect_needs) {
  chat_request plain;
  plain.model = "m";
  plain.body.raw = "{}";
  expect_good(plain);
  expect_bad(with(plain, [](auto& r) { r.body.raw = ""; }), "body");
  expect_bad(with(plain, [](auto& r) { r.body.raw = "[]"; }), "body");
  expect_bad(with(plain, [](auto& r) { r.model = ""; }), "model");
  expect_bad(with(plain, [](auto& r) { r.retrieval.emplace(); }), "retrieval.vector_store_ids");

  chat_request events;
  events.format = chat_format::events;
  expect_bad(events, "message");
  events.turn.emplace();
  expect_bad(events, "message");
  events.turn->message = std::string(256u << 10, 'x');
  expect_good(events);
  events.turn->message += 'x';
  expect_bad(events, "message");
  events.turn->message = "hi";
  events.turn->vector_store_ids.emplace(17, "vs");
  expect_bad(events, "vector_store_ids");
}

TEST(validate, embeddings_take_1_to_2048_texts) {
  const embeddings_request good{"local", {R"("hi")"}, {}, {}, {}};
  const auto input = [&](std::string text) {
    return with(good, [&](auto& r) { r.input.raw = std::move(text); });
  };
  const auto many = [](std::size_t count) {
    std::string out = "[";
    for (std::size_t i = 0; i < count; ++i) out += i ? ",\"x\"" : "\"x\"";
    return out + "]";
  };
  expect_good(good);
  expect_bad(with(good, [](auto& r) { r.model = ""; }), "model");
  expect_bad(input(""), "input");
  expect_bad(input("null"), "input");
  expect_bad(input("{}"), "input");
  expect_bad(input("[]"), "input");
  expect_bad(input("\"\""), "input");
  expect_bad(input(R"(["a",""])"), "input[1]");
  expect_bad(input("[1,2]"), "input[0]");
  expect_good(input(many(2048)));
  expect_bad(input(many(2049)), "input");
  // A provider reads token numbers too.
  expect_good(with(input("[[1,2],[3]]"), [](auto& r) { r.model = "text-embedding-3-small"; }));
  expect_good(with(good, [](auto& r) { r.encoding_format = "base64"; }));
  expect_bad(with(good, [](auto& r) { r.encoding_format = "hex"; }), "encoding_format");
  expect_bad(with(good, [](auto& r) { r.dimensions = 0; }), "dimensions");
}

TEST(validate, a_file_has_a_plain_name_and_a_purpose) {
  const create_file_request good{"notes.md", "assistants", {"x"}};
  expect_good(good);
  expect_good(with(good, [](auto& r) { r.filename = std::string(255, 'x'); }));
  for (const std::string& name : {std::string(), std::string(256, 'x'), std::string("../x"),
                                  std::string("a\nb"), std::string("a\0b", 3)}) {
    expect_bad(with(good, [&](auto& r) { r.filename = name; }), "filename");
  }
  expect_bad(with(good, [](auto& r) { r.purpose = ""; }), "purpose");
  expect_bad(with(good, [](auto& r) { r.purpose = std::string(65, 'x'); }), "purpose");
}

template <class T>
void expect_pages(std::uint32_t most) {
  expect_good(T{});
  expect_good(with(T{}, [&](auto& r) { r.limit = most; }));
  expect_bad(with(T{}, [&](auto& r) { r.limit = most + 1; }), "limit");
  expect_bad(with(T{}, [&](auto& r) { r.limit = 0; }), "limit");
  expect_good(with(T{}, [&](auto& r) { r.order = "asc"; }));
  expect_bad(with(T{}, [&](auto& r) { r.order = "up"; }), "order");
}

TEST(validate, pages_have_a_limit_and_an_order) {
  expect_pages<list_files_request>(10000);
  expect_pages<list_stores_request>(100);
  expect_pages<list_store_files_request>(100);
  expect_bad(with(list_store_files_request{}, [](auto& r) { r.filter = "odd"; }), "filter");
}

TEST(validate, stores_take_objects_as_metadata_and_attributes) {
  expect_good(create_store_request{});
  expect_bad(with(create_store_request{}, [](auto& r) { r.name = std::string(201, 'x'); }), "name");
  expect_bad(with(create_store_request{}, [](auto& r) { r.metadata.raw = "[]"; }), "metadata");
  expect_good(attach_file_request{"vs", "file-1", {"{}"}});
  expect_bad(attach_file_request{"vs", "", {}}, "file_id");
  expect_bad(attach_file_request{"vs", "file-1", {"1"}}, "attributes");
  const auto with_files = [](std::size_t count) {
    create_store_request r;
    r.file_ids.emplace(count, "file-1");
    return r;
  };
  expect_good(with_files(500));
  expect_bad(with_files(501), "file_ids");
}

TEST(validate, attributes_are_at_most_16_flat_values_under_short_keys) {
  const auto attach = [](std::string attributes) {
    return attach_file_request{"vs", "file-1", {std::move(attributes)}};
  };
  const auto keys = [](int count) {
    std::string object = "{";
    for (int n = 0; n < count; ++n)
      object.append(n == 0 ? "\"k" : ",\"k").append(std::to_string(n)).append("\":1");
    return object + "}";
  };
  const auto long_key = [](std::string key) { return "{\"" + key + "\":1}"; };
  const auto long_value = [](std::string value) { return "{\"k\":\"" + value + "\"}"; };
  expect_good(attach(R"({"a":"text","b":-1.5e3,"c":true,"d":""})"));
  expect_good(attach(keys(16)));
  expect_bad(attach(keys(17)), "attributes");
  expect_good(attach(long_key(std::string(64, 'k'))));
  expect_bad(attach(long_key(std::string(65, 'k'))), "attributes");
  expect_bad(attach(R"({"":1})"), "attributes");
  expect_good(attach(long_value(std::string(512, 'v'))));
  expect_bad(attach(long_value(std::string(513, 'v'))), "attributes.k");
  std::string umlauts;
  for (int n = 0; n < 512; ++n) umlauts += "ä";
  expect_good(attach(long_value(umlauts)));
  expect_bad(attach(long_value(umlauts + "ä")), "attributes.k");
  for (const char* odd : {"null", "[]", "{}", "1e999"})
    expect_bad(attach(R"({"fine":1,"k":)" + std::string(odd) + "}"), "attributes.k");
}

TEST(validate, a_search_names_what_is_wrong_in_its_filters) {
  search_request good;
  good.query.raw = R"("what")";
  good.filters.raw = R"({"type":"eq","key":"k","value":1})";
  expect_good(good);
  expect_bad(with(good, [](auto& r) { r.filters.raw = "[]"; }), "filters");
  expect_bad(with(good, [](auto& r) { r.filters.raw = R"({"type":"and","filters":[{}]})"; }),
             "filters.filters[0].type");
}

TEST(validate, a_search_has_1_to_16_queries_and_1_to_50_results) {
  search_request good;
  good.query.raw = R"("what")";
  expect_good(good);
  const auto query = [&](std::string text) {
    return with(good, [&](auto& r) { r.query.raw = std::move(text); });
  };
  expect_bad(query(""), "query");
  expect_bad(query("\"\""), "query");
  expect_bad(query("[]"), "query");
  expect_bad(query("{}"), "query");
  expect_bad(query("[1]"), "query[0]");
  expect_bad(query(R"(["a",""])"), "query");
  expect_bad(query("[" + std::string(R"("a",)") +
                   R"("a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a"])"),
             "query");
  expect_bad(with(good, [](auto& r) { r.max_num_results = 0; }), "max_num_results");
  expect_good(with(good, [](auto& r) { r.max_num_results = 50; }));
  expect_bad(with(good, [](auto& r) { r.max_num_results = 51; }), "max_num_results");
  expect_bad(with(good, [](auto& r) { r.ranking_options.raw = "1"; }), "ranking_options");
}

TEST(validate, a_models_name_has_a_bound_wherever_it_is_given) {
  const std::string longest(256, 'm');
  embeddings_request embed;
  embed.input.raw = "\"x\"";
  embed.model = longest;
  expect_good(embed);
  embed.model += 'm';
  expect_bad(embed, "model");
  chat_request chat;
  chat.format = chat_format::events;
  chat.turn = chat_stream_body{};
  chat.turn->message = "hi";
  chat.turn->model = longest;
  expect_good(chat);
  *chat.turn->model += 'm';
  expect_bad(chat, "model");
  chat.format = chat_format::openai;
  chat.body.raw = "{}";
  chat.model = longest + 'm';
  expect_bad(chat, "model");
}

log_input good_record() {
  return {log_level::info, "svc", "text", {}, ""};
}

TEST(validate, log_records_are_held_to_their_bounds) {
  const append_logs_request good{{good_record()}, "", {}};
  expect_good(good);
  expect_bad(append_logs_request{}, "records");
  expect_good(append_logs_request{std::vector(1000, good_record()), "", {}});
  expect_bad(append_logs_request{std::vector(1001, good_record()), "", {}}, "", errc::too_large);
  const auto record = [&](auto change) {
    return with(good, [&](auto& r) { change(r.records[0]); });
  };
  expect_bad(record([](auto& r) { r.level.reset(); }), "records[0].level");
  expect_bad(record([](auto& r) { r.service = ""; }), "records[0].service");
  expect_good(record([](auto& r) { r.service = std::string(128, 'x'); }));
  expect_bad(record([](auto& r) { r.service = std::string(129, 'x'); }), "records[0].service");
  expect_bad(record([](auto& r) { r.message = ""; }), "records[0].message");
  expect_good(record([](auto& r) { r.message = std::string(limits::log_message_bytes, 'x'); }));
  expect_bad(record([](auto& r) { r.message = std::string(limits::log_message_bytes + 1, 'x'); }),
             "records[0].message");
  expect_bad(record([](auto& r) { r.attributes.raw = "[]"; }), "records[0].attributes");
  append_logs_request several{std::vector(4, good_record()), "", {}};
  several.records[3].level.reset();
  expect_bad(several, "records[3].level");
  expect_bad(append_logs_request{{good_record()}, "", {"a", "b"}}, "users");
}

TEST(validate, times_are_rfc_3339) {
  const auto at = [](std::string time) {
    list_logs_request out;
    out.since = std::move(time);
    return out;
  };
  for (const char* time : {"2026-11-21T05:00:00Z", "2026-11-21t05:00:00z",
                           "2024-02-29T23:59:60.123456+14:00", "1985-04-12T23:20:50.52-08:30"}) {
    expect_good(at(time));
  }
  for (const char* time :
       {"now", "2026-11-21", "2026-11-21T05:00:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-11-21T24:00:00Z",
        "2026-11-21T05:60:00Z", "2026-11-21T05:00:61Z", "2026-11-21 05:00:00Z",
        "2026-11-21T05:00:00.Z", "2026-11-21T05:00:00+0100", "2026-11-21T05:00:00+24:00",
        "2026-11-21T05:00:00ZZ", "20x6-11-21T05:00:00Z"}) {
    expect_bad(at(time), "since");
  }
  expect_bad(with(list_logs_request{}, [](auto& r) { r.until = "x"; }), "until");
  auto record = good_record();
  record.time = "yesterday";
  expect_bad(append_logs_request{{record}, "", {}}, "records[0].time");
}

TEST(validate, log_pages_and_patches) {
  expect_good(list_logs_request{});
  expect_good(with(list_logs_request{}, [](auto& r) { r.limit = 1000; }));
  expect_bad(with(list_logs_request{}, [](auto& r) { r.limit = 1001; }), "limit");
  expect_bad(with(list_logs_request{}, [](auto& r) { r.limit = 0; }), "limit");
  expect_good(patch_log_request{"log_1", {R"({"a":null})"}});
  expect_good(patch_log_request{"log_1", {}});
  expect_bad(patch_log_request{"", {"{}"}}, "id");
  expect_bad(patch_log_request{"log_1", {"[]"}}, "attributes");
}

} // namespace
} // namespace troupe

// Goal: TLS at the edge is of today, its certificate can be renewed while it runs, and whoever does
// not speak it is told or let go. Method: a real edge with certificates made here, OpenSSL's client
// and bare sockets; what plain connections promise is tested under TLS by the other files.
#include "tests/contract/http/fake_gates.hpp"
#include "tests/contract/http/raw_client.hpp"

#include <gtest/gtest.h>

namespace troupe::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

http_config with(const certificate_files& files) {
  http_config out;
  out.port = 0;
  out.tls_certificate = files.certificate();
  out.tls_key = files.key();
  out.header_timeout = milliseconds(300);
  out.sweep = milliseconds(20);
  out.tls_look = milliseconds(100);
  return out;
}

/// A connected socket that has not greeted yet.
raw_client bare(const edge_under_test& on) {
  return raw_client(on.port(), 0, false);
}

/// What the start says.
std::string refusal(const http_config& config) {
  const auto made = make_http_edge(config, {});
  if (made) return "no mistake";
  EXPECT_EQ(made.error().code, errc::invalid_argument);
  return made.error().message;
}

std::string subject_of(raw_client& client) {
  char name[256] = {};
  X509* theirs = SSL_get0_peer_certificate(client.tls->raw());
  X509_NAME_get_text_by_NID(X509_get_subject_name(theirs), NID_commonName, name, sizeof name);
  return name;
}

bool is_let_in(const edge_under_test& on, const tls_options& options) {
  auto client = bare(on);
  try {
    client.begin_tls(options);
  } catch (const std::runtime_error&) {
    return false;
  }
  client.send(request("GET", "/health"));
  return client.read().status == 200;
}

bool waits_for(const std::function<bool()>& holds) {
  return eventually(holds, seconds(5));
}

TEST(http_tls, versions_1_2_and_1_3_are_spoken_and_older_ones_refused) {
  edge_under_test on;
  EXPECT_TRUE(is_let_in(on, {.version = TLS1_2_VERSION}));
  EXPECT_TRUE(is_let_in(on, {.version = TLS1_3_VERSION}));
  EXPECT_FALSE(is_let_in(on, {.version = TLS1_1_VERSION}));
  EXPECT_FALSE(is_let_in(on, {.version = TLS1_VERSION}));
}

TEST(http_tls, http_1_1_is_chosen_where_it_is_offered_and_a_client_of_others_only_is_refused) {
  edge_under_test on;
  auto client = bare(on);
  client.begin_tls({.protocols = "\x02h2\x08http/1.1"});
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(client.tls->raw(), &chosen, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), size), "http/1.1");
  EXPECT_TRUE(is_let_in(on, {}));
  EXPECT_FALSE(is_let_in(on, {.protocols = "\x02h2"}));
}

TEST(http_tls, a_session_is_resumed_with_a_ticket) {
  edge_under_test on;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto first = bare(on);
    first.begin_tls({.version = version});
    first.send(request("GET", "/health"));
    EXPECT_EQ(first.read().status, 200);
    const std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)> ticket(
        SSL_get1_session(first.tls->raw()), SSL_SESSION_free);
    EXPECT_EQ(SSL_session_reused(first.tls->raw()), 0);
    auto second = bare(on);
    second.begin_tls({.version = version, .session = ticket.get()});
    EXPECT_EQ(SSL_session_reused(second.tls->raw()), 1);
    second.send(request("GET", "/health"));
    EXPECT_EQ(second.read().status, 200);
  }
}

TEST(http_tls, plain_http_gets_400_in_plain_text_and_other_bytes_a_close) {
  edge_under_test on;
  for (const auto* method : {"GET", "OPTIONS", "DELETE"}) {
    auto client = bare(on);
    client.send(request(method, "/v1/models", std::string(20'000, 'x')));
    const auto got = client.read();
    EXPECT_EQ(got.status, 400) << method;
    EXPECT_NE(got.body.find("https://"), std::string::npos);
    EXPECT_NE(got.body.find(R"("code":"https_required")"), std::string::npos);
    client.end_sending();
    EXPECT_TRUE(client.closed_within(milliseconds(500)));
  }
  auto strange = bare(on);
  strange.send("\x80\x01 what is this");
  EXPECT_TRUE(strange.closed_within(milliseconds(500)));
  auto broken = bare(on);
  broken.send(std::string("\x16\x03\x01\x02\x00", 5) + std::string(600, 'x'));
  EXPECT_TRUE(broken.closed_within(milliseconds(500)));
  EXPECT_TRUE(eventually([&] { return on.edge->idle(); }));
}

TEST(http_tls, a_handshake_that_does_not_come_to_its_end_is_given_up) {
  const certificate_files files;
  edge_under_test on(with(files));
  auto silent = bare(on), half = bare(on);
  half.send("\x16\x03\x01");
  EXPECT_TRUE(silent.closed_within(seconds(2)));
  EXPECT_TRUE(half.closed_within(seconds(2)));
  EXPECT_TRUE(silent.buffer.empty());
}

TEST(http_tls, the_server_says_goodbye_before_it_closes) {
  edge_under_test on;
  raw_client idle(on.port()), asked(on.port());
  idle.send(request("GET", "/health"));
  EXPECT_EQ(idle.read().status, 200);
  asked.send(request("GET", "/health", {}, "Connection: close\r\n"));
  EXPECT_EQ(asked.read().status, 200);
  EXPECT_TRUE(asked.closed_within(milliseconds(500)));
  EXPECT_TRUE(asked.tls->got_goodbye());
  on.edge->stop_accepting();
  EXPECT_TRUE(idle.closed_within(milliseconds(500)));
  EXPECT_TRUE(idle.tls->got_goodbye());
}

TEST(http_tls, new_keys_may_be_asked_for_but_keep_no_connection_alive) {
  const certificate_files files;
  auto config = with(files);
  config.idle_timeout = milliseconds(300);
  edge_under_test on(config);
  raw_client client(on.port());
  const auto ask_for_keys = [&] {
    return SSL_key_update(client.tls->raw(), SSL_KEY_UPDATE_REQUESTED) == 1 &&
           SSL_do_handshake(client.tls->raw()) == 1;
  };
  ASSERT_TRUE(ask_for_keys());
  client.send(request("GET", "/health"));
  EXPECT_EQ(client.read().status, 200);
  const auto until = std::chrono::steady_clock::now() + seconds(3);
  while (ask_for_keys() && !client.closed_within(milliseconds(5)) &&
         std::chrono::steady_clock::now() < until) {
  }
  EXPECT_TRUE(client.closed_within(milliseconds(100)));
}

TEST(http_tls, a_large_answer_and_a_large_body_pass_in_many_records) {
  edge_under_test on;
  raw_client client(on.port());
  const std::string body = R"({"input":")" + std::string(3'000'000, 'x') + R"(","model":"m"})";
  client.send(request("POST", "/v1/embeddings", body));
  EXPECT_EQ(client.read().body, body);
  client.send(request("GET", "/health"));
  EXPECT_EQ(client.read().status, 200);
}

TEST(http_tls, a_new_certificate_counts_for_new_connections_and_the_old_ones_live_on) {
  const certificate_files files(make_certificate("old"));
  edge_under_test on(with(files));
  raw_client before(on.port());
  EXPECT_EQ(subject_of(before), "old");
  files.install(make_certificate("new"));
  EXPECT_TRUE(waits_for([&] {
    raw_client client(on.port());
    return subject_of(client) == "new";
  }));
  before.send(request("GET", "/health"));
  EXPECT_EQ(before.read().status, 200);
}

TEST(http_tls, a_new_file_that_cannot_be_used_leaves_the_old_certificate_in_force) {
  const certificate_files files(make_certificate("old"));
  edge_under_test on(with(files));
  const auto stays_old = [&] {
    std::this_thread::sleep_for(milliseconds(400)); // some looks
    raw_client client(on.port());
    return subject_of(client) == "old";
  };
  certificate_files::replace(files.certificate(), "no certificate");
  EXPECT_TRUE(stays_old());
  certificate_files::replace(files.certificate(), make_certificate("unfit").certificate);
  EXPECT_TRUE(stays_old()) << "its key is another's";
  files.install(make_certificate("expired", hours(-2), hours(-1)));
  EXPECT_TRUE(stays_old());
  std::filesystem::remove(files.key());
  EXPECT_TRUE(stays_old());
  files.install(make_certificate("new"));
  EXPECT_TRUE(waits_for([&] {
    raw_client client(on.port());
    return subject_of(client) == "new";
  }));
}

TEST(http_tls, a_certificate_or_key_that_cannot_be_used_is_an_error_that_names_setting_and_file) {
  const auto names = [](const std::string& text, std::string_view setting, const std::string& file,
                        std::string_view why) {
    EXPECT_TRUE(text.starts_with(std::string(setting) + ": " + file)) << text;
    EXPECT_NE(text.find(why), std::string::npos) << text;
  };
  const certificate_files files;
  auto config = with(files);
  EXPECT_EQ(refusal(config), "no mistake");
  certificate_files::replace(files.key(), make_certificate().key);
  names(refusal(config), "http.tls_key", files.key(),
        "is not the key of the certificate " + files.certificate());
  files.install(make_certificate("x", hours(-48), hours(-24)));
  names(refusal(config), "http.tls_certificate", files.certificate(),
        "the certificate expired at 2");
  files.install(make_certificate("x", hours(1), hours(24)));
  names(refusal(config), "http.tls_certificate", files.certificate(), "is valid from 2");
  files.install({"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x"});
  names(refusal(config), "http.tls_certificate", files.certificate(),
        "holds no usable certificate");
  files.install({make_certificate().certificate, "x"});
  names(refusal(config), "http.tls_key", files.key(), "holds no usable key");
  config.tls_key = files.key() + ".none";
  names(refusal(config), "http.tls_key", config.tls_key, "cannot be read: No such file");
  certificate_files::replace(files.certificate(), "");
  names(refusal(config), "http.tls_certificate", files.certificate(),
        "cannot be read: it is empty");
}

TEST(http_tls, an_encrypted_key_is_refused_and_nobody_is_asked_for_a_password) {
  const certificate_files files;
  const auto made = make_certificate();
  using namespace certificate_detail;
  const bio_pointer in(BIO_new_mem_buf(made.key.data(), -1)), out(BIO_new(BIO_s_mem()));
  const key_pointer key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  unsigned char password[] = "secret";
  PEM_write_bio_PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), password, 6, nullptr, nullptr);
  files.install({made.certificate, text_of(out.get())});
  EXPECT_NE(refusal(with(files)).find("holds no usable key (an encrypted one is none)"),
            std::string::npos);
}

} // namespace
} // namespace troupe::test

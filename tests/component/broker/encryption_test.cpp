// Goal: on encrypted links only those get a frame in whose key is allowed, a changed allow-list
// counts at once, and all that plain links promise holds. Method: as bus_test.cpp, with keys; the
// strangers are sockets of this file.
#include "broker/frame_bodies.hpp"
#include "broker/tap_client.hpp"
#include "broker/zmq/curve.hpp"
#include "broker/zmq/self_test.hpp"
#include "broker/zmq/socket.hpp"
#include "messages/base/metrics.hpp"
#include "tests/component/broker/counting_worker.hpp"

#include <algorithm>

namespace troupe {
namespace {

using keyring = std::map<std::string, key_pair, std::less<>>;

class encryption : public testing::Test {
protected:
  encryption() {
    for (const char* name : {"broker", "worker", "client", "stranger"})
      keys_.emplace(name, make_key_pair());
  }

  access_rule rule(const std::string& who, std::vector<std::string> may_register,
                   std::vector<std::string> may_call) const {
    return {who, {keys_.at(who).public_key}, std::move(may_register), std::move(may_call), {}, {}};
  }
  std::shared_ptr<const access_table> table(bool has_client = true) const {
    std::vector<access_rule> rules{rule("worker", {"auth", "prompt"}, {})};
    if (has_client) rules.push_back(rule("client", {"own"}, {"auth", "prompt"}));
    return std::make_shared<access_table>(std::move(rules));
  }
  std::unique_ptr<broker_node> start(const std::string& address = "tcp://127.0.0.1:0") const {
    std::unique_ptr<broker_node> made;
    std::string why;
    broker_config config;
    config.bind = address;
    config.key = keys_.at("broker").secret_key;
    config.access = table();
    EXPECT_TRUE(eventually([&] { return (made = start_broker(config, why)) != nullptr; }, 3s))
        << why;
    return made;
  }
  node_keys keys_of(const std::string& who) const {
    return {keys_.at(who).secret_key, {keys_.at("broker").public_key}};
  }
  node worker(const std::vector<std::string>& brokers) const {
    return node(brokers, "auth", {{"auth"}}, echo, true, nullptr, keys_of("worker"));
  }
  node client(const std::vector<std::string>& brokers, bool wait = true) const {
    return node(brokers, "prompt", {}, {}, wait, nullptr, keys_of("client"));
  }

  /// The value of a series in /metrics; 0 when it is not there.
  static std::int64_t metric(const std::string& series) {
    const auto all = metrics::render();
    const auto at = all.find("\n" + series + " ");
    return at == all.npos ? 0 : std::stoll(all.substr(at + series.size() + 2));
  }

  keyring keys_;
};

/// A DEALER that says HELLO, and whether anything came back.
class knocker {
public:
  explicit knocker(const std::string& address)
      : socket_(wire::make_socket(zmq::socket_type::dealer, address)), address_(address) {}
  knocker(const std::string& address, const secret& key, const std::string& broker_key)
      : knocker(address) {
    wire::make_curve_client(socket_, key, broker_key);
  }
  /// An answer within the time, if any.
  std::optional<wire::envelope> knock(std::chrono::milliseconds patience = 700ms) {
    socket_.set(zmq::sockopt::immediate, false); // it waits for the connection by itself
    socket_.connect(address_);
    wire::envelope hello;
    hello.type = wire::frame::hello;
    wire::hello_body who;
    who.incarnation = 7;
    std::string scratch;
    EXPECT_EQ(
        wire::send_frames(socket_, nullptr, hello, wire::to_message(wire::encode(who)), scratch),
        wire::sent::ok);
    return receive(patience);
  }
  std::optional<wire::envelope> receive(std::chrono::milliseconds patience) {
    zmq::pollitem_t items[] = {{socket_.handle(), 0, ZMQ_POLLIN, 0}};
    if (zmq_poll(items, 1, patience.count()) <= 0) return std::nullopt;
    const auto in = wire::receive_frames(socket_, false);
    if (!in) return std::nullopt;
    auto header = wire::decode({in->header.data<char>(), in->header.size()});
    return header ? std::optional(*header) : std::nullopt;
  }

private:
  zmq::socket_t socket_;
  const std::string address_;
};

TEST_F(encryption, a_request_is_answered) {
  const auto broker = start();
  auto w = worker({broker->address()});
  auto c = client({broker->address()});
  for (int n = 0; n < 100; ++n) ASSERT_EQ(c.finished(c.ask("auth.me/v1", "hello")), "hello");
  const std::string large(4 << 20, 'x');
  EXPECT_TRUE(c.finished(c.ask("auth.me/v1", large)) == large);
}

TEST_F(encryption, who_has_an_allowed_key_is_welcomed) {
  const auto broker = start();
  const auto said =
      knocker(broker->address(), keys_.at("client").secret_key, keys_.at("broker").public_key)
          .knock(5s);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->type, wire::frame::welcome);
}

TEST_F(encryption, a_key_that_is_not_in_the_list_gets_no_frame_in_and_is_counted) {
  const auto broker = start();
  const auto refused = metric("troupe_broker_refused_total");
  const auto hellos = metric("troupe_broker_frames_total{type=\"hello\"}");
  EXPECT_FALSE(
      knocker(broker->address(), keys_.at("stranger").secret_key, keys_.at("broker").public_key)
          .knock());
  EXPECT_EQ(metric("troupe_broker_refused_total"), refused + 1);
  EXPECT_EQ(metric("troupe_broker_frames_total{type=\"hello\"}"), hellos);
}

TEST_F(encryption, a_peer_without_encryption_gets_no_frame_in) {
  const auto broker = start();
  const auto failed = metric("troupe_broker_handshakes_failed_total");
  const auto hellos = metric("troupe_broker_frames_total{type=\"hello\"}");
  EXPECT_FALSE(knocker(broker->address()).knock());
  EXPECT_TRUE(eventually([&] { return metric("troupe_broker_handshakes_failed_total") > failed; }));
  EXPECT_EQ(metric("troupe_broker_frames_total{type=\"hello\"}"), hellos);
}

TEST_F(encryption, a_peer_that_takes_another_for_the_broker_gets_no_frame_in) {
  const auto broker = start();
  EXPECT_FALSE(
      knocker(broker->address(), keys_.at("client").secret_key, keys_.at("stranger").public_key)
          .knock());
}

TEST_F(encryption, a_node_does_not_talk_to_a_plain_broker) {
  const auto plain = make_broker();
  auto c = client({plain->address()}, false);
  std::this_thread::sleep_for(500ms);
  EXPECT_FALSE(c.link().linked());
}

TEST_F(encryption, while_the_brokers_key_is_rotated_nodes_know_both) {
  const auto broker = start();
  auto w = worker({broker->address()});
  auto both = keys_of("client");
  both.brokers.insert(both.brokers.begin(), keys_.at("stranger").public_key);
  const auto began = clock::now();
  node c(std::vector{broker->address()}, "prompt", {}, {}, true, nullptr, both);
  EXPECT_EQ(c.finished(c.ask("auth.me/v1", "hello")), "hello");
  EXPECT_LT(clock::now() - began, 1s);
}

TEST_F(encryption, who_lost_the_right_to_link_is_cut_off_at_once_and_others_are_not) {
  const auto broker = start();
  auto w = worker({broker->address()});
  auto c = client({broker->address()});
  ASSERT_EQ(c.finished(c.ask("auth.me/v1", "hello")), "hello");
  broker->set_access(table(false));
  EXPECT_TRUE(eventually([&] { return !c.link().linked(); }, 1s));
  std::this_thread::sleep_for(2s); // longer than any back-off
  EXPECT_FALSE(c.link().linked());
  EXPECT_TRUE(w.link().linked());
  broker->set_access(table());
  EXPECT_TRUE(eventually([&] { return c.link().linked(); }, 3s));
  EXPECT_EQ(c.finished(c.ask("auth.me/v1", "again")), "again");
}

TEST_F(encryption, what_a_principal_may_not_is_an_error_that_names_it) {
  const auto broker = start();
  auto w = worker({broker->address()});
  auto c = client({broker->address()});
  const auto why = c.failed(c.ask("log.write/v1"));
  EXPECT_EQ(why.code, errc::forbidden);
  EXPECT_EQ(why.started, started_state::no);
  EXPECT_EQ(why.message, "'client' may not call 'log'");
}

TEST_F(encryption, a_broker_with_a_key_may_leave_loopback) {
  const auto broker = start("tcp://0.0.0.0:0");
  const auto port = broker->address().substr(broker->address().rfind(':'));
  auto w = worker({"tcp://127.0.0.1" + port});
  auto c = client({"tcp://127.0.0.2" + port});
  EXPECT_EQ(c.finished(c.ask("auth.me/v1", "hello")), "hello");
}

TEST_F(encryption, the_self_test_fails_where_its_key_is_let_in_and_where_nobody_asks_for_it) {
  const auto broker = start();
  const auto& server_key = keys_.at("broker").public_key;
  std::string why;
  EXPECT_TRUE(wire::is_refused(keys_.at("stranger"), broker->address(), server_key, why));
  EXPECT_FALSE(wire::is_refused(keys_.at("client"), broker->address(), server_key, why));
  EXPECT_EQ(why, "a key that is not in the allow-list was let in");
  const auto plain = make_broker();
  EXPECT_FALSE(wire::is_refused(keys_.at("stranger"), plain->address(), server_key, why));
  EXPECT_EQ(why, "a key that is not in the allow-list got no answer");
}

TEST_F(encryption, a_stream_outlives_one_of_two_brokers) {
  auto a = start();
  const auto b = start();
  const std::vector both{a->address(), b->address()};
  counting_worker w(both, keys_of("worker"));
  auto c = client(both);
  std::vector<call_id> calls;
  for (int n = 0; n < 8; ++n) calls.push_back(c.ask("prompt.chat/v1", {}, 60s));
  for (const auto& cid : calls) ASSERT_TRUE(c.wait_partials(cid, 5));
  a.reset();
  for (const auto& cid : calls) ASSERT_TRUE(c.wait_partials(cid, c.partials(cid).size() + 10));
  w.stop_counting();
  for (const auto& cid : calls) expect_whole(c, cid);
}

TEST_F(encryption, only_who_may_tap_looks_on_and_sees_what_passes) {
  const auto broker = start();
  auto w = worker({broker->address()});
  auto c = client({broker->address()});
  const tap_config look{
      {broker->address()}, {}, keys_.at("stranger").secret_key, {keys_.at("broker").public_key}};
  auto watcher = rule("stranger", {}, {});
  const auto allow = [&](bool may_tap) {
    watcher.may_tap = may_tap;
    std::vector<access_rule> rules{rule("worker", {"auth", "prompt"}, {}),
                                   rule("client", {"own"}, {"auth", "prompt"}), watcher};
    broker->set_access(std::make_shared<access_table>(std::move(rules)));
  };
  std::vector<std::string> seen;
  tap_callbacks told;
  told.note = [&](const std::string&, const std::string&) { c.ask("auth.me/v1", "hello"); };
  told.frame = [&](const std::string&, const wire::tapped_body& f) {
    seen.emplace_back(to_string(f.header.type));
  };
  told.is_over = [&] { return std::ranges::count(seen, "final") >= 2; };
  allow(false);
  EXPECT_EQ(run_tap(look, told).error().code, errc::forbidden);
  EXPECT_TRUE(seen.empty());
  allow(true);
  const auto end = run_tap(look, told);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(seen.front(), "request");
  EXPECT_EQ(seen.back(), "final");
}

TEST_F(encryption, a_tap_without_a_key_gets_no_answer) {
  const auto broker = start();
  tap_callbacks told;
  told.note = [](const std::string&, const std::string&) {};
  told.frame = [](const std::string&, const wire::tapped_body&) { ADD_FAILURE(); };
  told.is_over = [] { return false; };
  EXPECT_EQ(run_tap({{broker->address()}, {}}, told, 700ms).error().code, errc::unavailable);
}

} // namespace
} // namespace troupe

#include "adapters/redis/connection.hpp"

#include "messages/base/limits.hpp"
#include "messages/base/log.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <utility>

namespace troupe::redis {

namespace asio = boost::asio;
using boost::system::error_code;

struct connection::link {
  struct pending {
    steady::time_point deadline;
    answer done;
  };
  struct held_command {
    std::string bytes;
    pending rest;
  };

  std::unique_ptr<redis::wire> wire;
  steady::time_point began = steady::now(); // the attempt; then the greeting
  bool is_greeted = false;                  // the server lets us in and answers
  resp_reader reader;
  std::array<char, 16u << 10> input;
  std::deque<pending> waiting;   // in the order of their answers
  std::deque<held_command> held; // until it is greeted
  std::string next_output;       // gathers while `output` is written
  std::string output;
  bool is_flushing = false;
};

connection::connection(asio::io_context& loop, connection_settings settings)
    : loop_(loop), settings_(std::move(settings)), resolver_(loop), retry_(loop), watch_(loop) {}

bool connection::is_ready() const noexcept {
  return link_ && link_->is_greeted;
}

void connection::start(watcher changed) {
  changed_ = std::move(changed);
  attempt();
}

// Commands and their answers

void connection::send(std::string bytes, steady::time_point deadline, answer done) {
  if (!link_ || (!link_->is_greeted && !may_wait_)) return done(std::unexpected(fault::down));
  if (link_->is_greeted)
    put(*link_, std::move(bytes), deadline, std::move(done));
  else
    link_->held.push_back({std::move(bytes), {deadline, std::move(done)}});
  watch_until(deadline);
}

void connection::put(link& on, std::string bytes, steady::time_point deadline, answer done) {
  on.next_output += bytes;
  on.waiting.push_back({deadline, std::move(done)});
  if (std::exchange(on.is_flushing, true)) return;
  // What else is asked in this round of the loop goes out with the same write.
  asio::post(loop_, [self = shared_from_this(), link = link_] { self->flush(link); });
}

void connection::flush(const link_ptr& on) {
  if (on != link_) return;
  on->is_flushing = !on->next_output.empty();
  if (!on->is_flushing) return;
  on->output.clear();
  on->output.swap(on->next_output);
  on->wire->write(asio::buffer(on->output),
                  [self = shared_from_this(), on](error_code failed, std::size_t) {
                    if (failed) return self->drop(on, failed.message(), cut::by_peer);
                    self->flush(on);
                  });
}

void connection::read(const link_ptr& on) {
  on->wire->read_some(asio::buffer(on->input),
                      [self = shared_from_this(), on](error_code failed, std::size_t size) {
                        if (failed) return self->drop(on, failed.message(), cut::by_peer);
                        self->take_answers(on, size);
                      });
}

void connection::take_answers(const link_ptr& on, std::size_t size) {
  if (on != link_) return;
  bool ok = on->reader.feed({on->input.data(), size});
  while (ok && on == link_) {
    auto got = on->reader.next(ok);
    if (!got) break;
    ok = !on->waiting.empty(); // an answer to nothing: what follows would be mismatched
    if (!ok) break;
    auto done = std::move(on->waiting.front().done);
    on->waiting.pop_front();
    done(std::move(*got)); // may end the link
  }
  if (!ok) return drop(on, "what came is no answer of Redis", cut::distrusted);
  if (on == link_) read(on);
}

// Connecting

void connection::attempt() {
  link_ = std::make_shared<link>();
  link_->wire = make_wire(loop_, settings_.tls, settings_.to.host);
  watch_until(link_->began + settings_.timeout);
  resolver_.async_resolve(settings_.to.host, std::to_string(settings_.to.port),
                          asio::ip::tcp::resolver::numeric_service,
                          [self = shared_from_this(), on = link_](error_code failed, auto found) {
                            if (failed) return self->drop(on, failed.message(), cut::refused);
                            if (on == self->link_) self->connect(on, found);
                          });
}

void connection::connect(const link_ptr& on, const asio::ip::tcp::resolver::results_type& found) {
  asio::async_connect(on->wire->socket(), found,
                      [self = shared_from_this(), on](error_code failed, const auto&) {
                        if (failed) return self->drop(on, failed.message(), cut::refused);
                        if (on != self->link_) return;
                        error_code ignored; // without them it is slower, and no less right
                        on->wire->socket().set_option(asio::ip::tcp::no_delay(true), ignored);
                        on->wire->socket().set_option(asio::socket_base::keep_alive(true), ignored);
                        on->wire->handshake([self, on](error_code refused) {
                          if (refused) return self->drop(on, refused.message(), cut::refused);
                          if (on == self->link_) self->greet(on);
                        });
                      });
}

void connection::greet(const link_ptr& on) {
  const auto database = std::to_string(settings_.database);
  if (!settings_.password.empty() && settings_.user.empty())
    greet_with(on, {"AUTH", settings_.password});
  else if (!settings_.password.empty())
    greet_with(on, {"AUTH", settings_.user, settings_.password});
  if (settings_.database != 0) greet_with(on, {"SELECT", database});
  greet_with(on, {"PING"}, true);
  read(on);
}

void connection::greet_with(const link_ptr& on, const std::vector<std::string_view>& words,
                            bool is_last) {
  // The link owns what it calls, so that must not own the link.
  put(*on, command_bytes(words), steady::time_point::max(),
      [this, is_last, on = on.get()](auto got) {
        if (!got || on != link_.get()) return;
        if (got->what == value::kind::error) return drop(link_, got->text, cut::refused);
        if (is_last) on_greeted();
      });
}

void connection::on_greeted() {
  link_->is_greeted = true;
  link_->began = steady::now();
  for (auto& each : std::exchange(link_->held, {}))
    put(*link_, std::move(each.bytes), each.rest.deadline, std::move(each.rest.done));
  log::info("redis.connected", {{"host", settings_.to.host}, {"port", settings_.to.port}});
  is_noted_down_ = false;
  if (changed_) changed_();
}

// Time and the end

void connection::watch_until(steady::time_point due) {
  if (due >= watched_) return;
  watched_ = due;
  watch_.expires_at(due);
  watch_.async_wait([self = shared_from_this()](error_code moved) {
    if (!moved) self->on_watch();
  });
}

void connection::on_watch() {
  watched_ = steady::time_point::max();
  if (!link_) return;
  const auto on = link_;
  const auto now = steady::now();
  auto due = on->is_greeted ? steady::time_point::max() : on->began + settings_.timeout;
  for (const auto& each : on->waiting) due = std::min(due, each.deadline);
  for (const auto& each : on->held) due = std::min(due, each.rest.deadline);
  if (due <= now) return drop(on, "no answer in time", cut::distrusted);
  if (due != steady::time_point::max()) watch_until(due);
}

void connection::mistrust(const std::string& why) {
  if (link_) drop(link_, why, cut::distrusted);
}

void connection::drop(const link_ptr& on, const std::string& why, cut how) {
  if (on != link_ || closed_) return;
  const auto self = shared_from_this();
  const auto gone = std::exchange(link_, nullptr); // `on` may be the member itself
  const auto now = steady::now();
  constexpr std::chrono::seconds sound{1}; // a server that cuts at once must not be called at once
  const bool was_sound = gone->is_greeted && now - gone->began >= sound;
  error_code ignored;
  gone->wire->socket().close(ignored);
  resolver_.cancel();
  note_down(why);
  may_wait_ = was_sound && how == cut::by_peer;
  if (was_sound) failures_ = 0;
  if (may_wait_)
    attempt();
  else
    attempt_later();
  if (changed_) changed_();
  end_all(*gone);
}

void connection::end_all(link& gone) {
  const auto end = [now = steady::now()](link::pending& each) {
    each.done(std::unexpected(each.deadline <= now ? fault::late : fault::lost));
  };
  for (auto& each : std::exchange(gone.waiting, {})) end(each);
  for (auto& each : std::exchange(gone.held, {})) end(each.rest);
}

void connection::note_down(const std::string& why) {
  if (std::exchange(is_noted_down_, true)) return; // once, not at each attempt
  log::warn("redis.lost", {{"host", settings_.to.host}, {"port", settings_.to.port}, {"why", why}});
}

/// Full jitter, so that nodes do not come back all at once.
void connection::attempt_later() {
  const auto least = limits::redis_reconnect_min, most = limits::redis_reconnect_max;
  const auto doublings = std::min(++failures_, 6u);
  const auto ceiling = std::min(most, least * (1 << doublings));
  std::uniform_int_distribution<std::int64_t> any(least.count(), ceiling.count());
  retry_.expires_after(std::chrono::milliseconds(any(random_)));
  retry_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled && !self->closed_ && !self->link_) self->attempt();
  });
}

void connection::close() {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();
  changed_ = nullptr;
  retry_.cancel();
  watch_.cancel();
  resolver_.cancel();
  const auto gone = std::exchange(link_, nullptr);
  if (!gone) return;
  error_code ignored;
  gone->wire->socket().close(ignored);
  end_all(*gone);
}

} // namespace troupe::redis

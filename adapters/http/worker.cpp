#include "adapters/http/worker.hpp"

#include "adapters/http/exchange.hpp"
#include "messages/base/log.hpp"

#include <boost/asio/post.hpp>

#include <exception>

namespace troupe::http {

namespace net = boost::asio;

namespace {

/// Runs `last` when none of them is left: handlers that hold one come first in the queue.
void when_gone(net::io_context& io, std::vector<std::weak_ptr<connection>> held,
               std::function<void()> last) {
  std::erase_if(held, [](const auto& c) { return c.expired(); });
  net::post(io, [&io, held = std::move(held), last = std::move(last)]() mutable {
    if (held.empty())
      last();
    else
      when_gone(io, std::move(held), std::move(last));
  });
}

} // namespace

worker::worker(edge_state& edge, net::io_context* loop)
    : edge_(edge),
      own_(loop != nullptr ? nullptr : std::make_unique<net::io_context>(1)),
      context_(loop != nullptr ? *loop : *own_),
      guard_(net::make_work_guard(context_)),
      timer_(context_),
      mailbox_(std::make_shared<mailbox>([this] { net::post(context_, [this] { deliver(); }); })),
      turns_({.running = edge.config.requests_per_caller}) {}

void worker::start() {
  started_ = true;
  net::post(context_, [this] { sweep(); });
  if (!own_) return;
  thread_ = std::thread([this] {
    for (;;) {
      try {
        context_.run();
        return;
      } catch (const std::exception& e) { // out of memory in one connection must not end the rest
        log::error("http.handler_threw", {{"what", e.what()}});
      }
    }
  });
}

void worker::stop() {
  mailbox_->close();
  if (!std::exchange(started_, false)) return;
  const auto closed = std::make_shared<std::promise<void>>();
  net::post(context_, [this, closed] { close_all(closed); });
  closed->get_future().wait();
  guard_.reset();
  if (thread_.joinable()) thread_.join();
}

void worker::close_all(std::shared_ptr<std::promise<void>> closed) {
  stopping_ = true;
  timer_.cancel();
  const std::vector<std::weak_ptr<connection>> held(connections_.begin(), connections_.end());
  each([](connection& c) { c.close(); });
  when_gone(context_, held, [closed] { closed->set_value(); });
}

void worker::adopt(arrival client) {
  net::post(context_, [this, from = std::move(client)]() mutable {
    if (stopping_) return;
    auto made = std::make_shared<connection>(std::move(from), *this, mailbox_, edge_);
    connections_.insert(made);
    made->start();
  });
}

void worker::drain() {
  net::post(context_, [this] { each([](connection& c) { c.drain(); }); });
}

void worker::end_running(const error& why) {
  net::post(context_, [this, why] { each([&why](connection& c) { c.end_running(why); }); });
}

void worker::each(const std::function<void(connection&)>& what) {
  // A connection that closes leaves the set.
  const std::vector<std::shared_ptr<connection>> all(connections_.begin(), connections_.end());
  for (const auto& c : all) what(*c);
}

void worker::deliver() {
  for (const auto& changed : mailbox_->take())
    if (const auto to = changed->owner()) to->on_news(changed);
}

void worker::sweep() {
  timer_.expires_after(edge_.config.sweep);
  timer_.async_wait([this](boost::system::error_code ec) {
    if (ec || stopping_) return;
    const auto now = std::chrono::steady_clock::now();
    each([now](connection& c) { c.on_sweep(now); });
    sweep();
  });
}

} // namespace troupe::http

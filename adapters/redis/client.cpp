#include "adapters/redis/client.hpp"

#include "adapters/redis/to_error.hpp"
#include "messages/base/metrics.hpp"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace troupe::redis {
namespace {

namespace asio = boost::asio;
using steady = connection::steady;

auto& failures() {
  static metrics::metric made(metrics::kind::counter, "troupe_redis_failures_total",
                              "Requests to Redis that ended with an error");
  return made;
}
auto& requests() {
  static metrics::metric made(metrics::kind::counter, "troupe_redis_requests_total",
                              "Requests to Redis, with those that failed");
  return made;
}

std::string bytes_of(const request& what) {
  std::vector<std::string_view> words;
  const auto count = std::to_string(what.keys);
  if (what.program) {
    words.push_back(what.in_full ? "EVAL" : "EVALSHA");
    words.push_back(what.in_full ? what.program->text : what.program->sha1);
    words.push_back(count);
  }
  words.insert(words.end(), what.words.begin(), what.words.end());
  return command_bytes(words);
}

} // namespace

result<std::shared_ptr<client>> client::make(const redis_config& config) {
  if (config.prefix.find_first_of("{}") != std::string::npos)
    return fail(errc::invalid_argument, "a prefix of keys has no { or }", "redis.prefix");
  auto from = parse_url(config.url.value);
  if (!from) return std::unexpected(std::move(from.error()));
  auto tls = make_tls_context(*from);
  if (!tls) return std::unexpected(std::move(tls.error()));
  const std::shared_ptr<client> made(new client(config, *from, std::move(*tls)));
  // It begins before what is asked next, also on the loop's own thread.
  asio::dispatch(made->loop_, [made] { made->start(); });
  return std::shared_ptr<client>(
      made.get(), [made](client*) { asio::post(made->loop_, [made] { made->end(); }); });
}

client::client(const redis_config& config, const server& from, tls_context tls)
    : loop_(*config.loop),
      from_(from),
      prefix_(config.prefix),
      timeout_(config.timeout),
      tls_(std::move(tls)) {}

void client::start() {
  seed_ = make_node({from_.host, from_.port});
}

void client::end() {
  is_ended_ = true;
  const auto nodes = std::exchange(nodes_, {});
  slots_.clear();
  seed_->close();
  for (const auto& [at, node] : nodes) node->close();
}

client::node_ptr client::make_node(endpoint to) {
  connection_settings settings{std::move(to),  tls_,           from_.user,
                               from_.password, from_.database, timeout_};
  auto made = std::make_shared<connection>(loop_, std::move(settings));
  made->start([this, node = made.get()] { on_node_changed(*node); });
  return made;
}

connection* client::node_at(const endpoint& to) {
  if (to == seed_->to()) return seed_.get();
  if (const auto found = nodes_.find(to); found != nodes_.end()) return found->second.get();
  if (nodes_.size() >= limits::redis_nodes) return nullptr;
  return nodes_.emplace(to, make_node(to)).first->second.get();
}

connection* client::node_of(const std::string& key) {
  auto* node = slots_.empty() ? nullptr : slots_[slot_of(key)];
  return node ? node : seed_.get();
}

// Requests

void client::ask(request what) {
  requests().add();
  if (unanswered_.fetch_add(1, std::memory_order_relaxed) >= limits::redis_waiting) {
    unanswered_.fetch_sub(1, std::memory_order_relaxed);
    failures().add();
    return what.done(std::unexpected(overloaded()));
  }
  what.deadline = steady::now() + timeout_;
  asio::dispatch(loop_, [this, each = std::make_unique<request>(std::move(what))]() mutable {
    route(std::move(each));
  });
}

void client::route(request_ptr what) {
  if (is_ended_)
    return finish(std::move(what), std::unexpected(unavailable("the shared store is closed")));
  what->is_asking = false;
  auto& node = *node_of(what->key);
  send(node, std::move(what));
}

void client::send(connection& to, request_ptr what) {
  ++what->sent;
  const auto deadline = what->deadline;
  if (what->is_asking) to.send(command_bytes({"ASKING"}), deadline, [](auto) {});
  auto bytes = bytes_of(*what);
  to.send(std::move(bytes), deadline,
          [this, &to, each = std::move(what)](std::expected<value, fault> got) mutable {
            on_answer(to, std::move(each), std::move(got));
          });
}

void client::on_answer(connection& from, request_ptr what, std::expected<value, fault> got) {
  if (got && got->what == value::kind::error)
    return on_error_answer(from, std::move(what), got->text);
  if (got) return finish(std::move(what), std::move(*got));
  const bool may_repeat = got.error() == fault::lost && what->sent <= limits::redis_redirections &&
                          what->deadline > steady::now();
  if (may_repeat) return route(std::move(what));
  finish(std::move(what), std::unexpected(to_error(got.error())));
}

void client::on_error_answer(connection& from, request_ptr what, const std::string& text) {
  if (is_ended_) return route(std::move(what));
  if (const auto where = redirection_of(text, from.to().host);
      where && what->sent <= limits::redis_redirections)
    return follow(std::move(what), *where);
  if (is_unknown_script(text) && !what->in_full) {
    what->in_full = true;
    return send(from, std::move(what));
  }
  // A replica now: the name may lead to the new primary.
  if (is_readonly(text)) from.mistrust(text);
  finish(std::move(what), std::unexpected(to_error(text)));
}

void client::follow(request_ptr what, const redirection& where) {
  auto* node = node_at(where.to);
  if (!node) return finish(std::move(what), std::unexpected(unavailable("too many nodes")));
  what->is_asking = where.ask;
  if (!where.ask) {
    slots_.resize(slots_count);
    slots_[where.slot] = node;
    learn_slots(); // where one slot went, others did
  }
  send(*node, std::move(what));
}

void client::finish(request_ptr what, result<value> outcome) {
  unanswered_.fetch_sub(1, std::memory_order_relaxed);
  if (!outcome) failures().add();
  what->done(std::move(outcome));
}

// The cluster

void client::on_node_changed(const connection& which) {
  // The first one there says whether it is a cluster; one that is gone may have been replaced.
  if (!is_ended_ && (&which == seed_.get() || !which.is_ready())) learn_slots();
}

void client::learn_slots() {
  if (is_learning_) return;
  auto* teacher = seed_->is_ready() ? seed_.get() : nullptr;
  for (const auto& [at, node] : nodes_)
    if (!teacher && node->is_ready()) teacher = node.get();
  if (!teacher) return;
  is_learning_ = true;
  teacher->send(command_bytes({"CLUSTER", "SLOTS"}), steady::now() + timeout_,
                [this, asked = teacher->to().host](auto got) {
                  is_learning_ = false;
                  if (!got || is_ended_) return;
                  // A server that is no cluster says so by an error: no ranges.
                  if (const auto ranges = slots_of(*got, asked); !ranges.empty())
                    take_slots(ranges);
                });
}

void client::take_slots(const std::vector<slot_range>& ranges) {
  slots_.assign(slots_count, nullptr);
  drop_unused_nodes(ranges);
  for (const auto& range : ranges)
    std::fill(slots_.begin() + range.first, slots_.begin() + range.last + 1, node_at(range.master));
}

void client::drop_unused_nodes(const std::vector<slot_range>& ranges) {
  std::vector<node_ptr> unused;
  for (auto each = nodes_.begin(); each != nodes_.end();) {
    const auto is_its = [&](const slot_range& range) { return range.master == each->first; };
    if (std::ranges::any_of(ranges, is_its)) {
      ++each;
      continue;
    }
    unused.push_back(std::move(each->second));
    each = nodes_.erase(each);
  }
  for (const auto& node : unused) node->close(); // what waits there is routed again
}

} // namespace troupe::redis

#include "adapters/http/exchange.hpp"

#include "messages/stream_id.hpp"

#include <utility>

namespace troupe::http {

void exchange::answer(http_answer value) {
  end(std::move(value), std::nullopt);
}

void exchange::fail(error why) {
  end(std::nullopt, std::move(why));
}

void exchange::end_stream() {
  end(std::nullopt, std::nullopt);
}

void exchange::add_head_lines(const std::string& lines, std::size_t size) {
  const std::lock_guard lock(mutex_);
  if (add(static_cast<std::uint32_t>(size))) news_.head_lines += lines; // what follows announces it
}

void exchange::name_stream(std::string id, std::uint64_t after, std::size_t size) {
  const std::lock_guard lock(mutex_);
  if (!add(static_cast<std::uint32_t>(size))) return;
  news_.head_lines += "X-Stream-Id: " + id + "\r\n";
  at_ = {std::move(id), after};
}

void exchange::open_stream() {
  const std::lock_guard lock(mutex_);
  if (!add(0)) return;
  news_.opened = true;
  announce();
}

void exchange::event(std::string_view name, std::string_view data) {
  const std::lock_guard lock(mutex_);
  if (!add(static_cast<std::uint32_t>(data.size()))) return;
  ++at_.events;
  const bool is_named = !at_.stream.empty();
  append_event(news_.text, name, data,
               is_named ? to_string(event_id{at_.stream, at_.events}) : std::string());
  announce();
}

void exchange::bytes(std::string_view piece) {
  const std::lock_guard lock(mutex_);
  if (!add(static_cast<std::uint32_t>(piece.size()))) return;
  news_.text += piece;
  announce();
}

bool exchange::add(std::uint32_t size) {
  if (over_) return false;
  if (news_.text.size() + size > pending_bytes_max) {
    over_ = overrun_ = news_.ended = true;
    news_.failure = make_error(errc::internal, "the answer came faster than was allowed");
    announce();
    return false;
  }
  ++news_.frames;
  news_.bytes += size;
  return true;
}

void exchange::end(std::optional<http_answer> answer, std::optional<error> failure) {
  const std::lock_guard lock(mutex_);
  if (over_) return;
  over_ = news_.ended = true;
  news_.answer = std::move(answer);
  news_.failure = std::move(failure);
  announce();
}

void exchange::announce() {
  if (announced_) return;
  announced_ = true;
  home_->put(shared_from_this());
}

void exchange::grant(std::uint32_t frames, std::uint32_t bytes) {
  if (control_ && frames != 0) control_->grant(frames, bytes);
}

void exchange::abandon() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    news_ = {};
  }
  if (const auto control = std::exchange(control_, nullptr)) control->cancel();
}

exchange_news exchange::take() {
  std::unique_ptr<stream_control> control;
  bool must_cancel = false;
  exchange_news news;
  {
    const std::lock_guard lock(mutex_);
    announced_ = false;
    news = std::exchange(news_, {});
    news.at = at_;
    if (news.ended) control = std::exchange(control_, nullptr); // nothing is left to be granted
    must_cancel = control && overrun_;
  }
  if (must_cancel) control->cancel(); // without the lock: the sink may be called before it returns
  return news;
}

} // namespace troupe::http

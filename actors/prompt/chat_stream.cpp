#include "actors/prompt/chat_stream.hpp"

#include "messages/codec/json.hpp"

#include <utility>

namespace troupe {
namespace {

bool is_event(const chat_delta& delta) {
  return delta.event != stream_opened && delta.event != rate_limits_event &&
         delta.event != stream_named;
}

chat_delta name_of(const std::string& id, std::uint64_t after) {
  return {std::string(stream_named), {json::encode(chat_stream_begin{id, after})}};
}

std::size_t bytes_of(const chat_delta& delta) {
  return sizeof delta + delta.event.size() + delta.data.raw.size();
}

} // namespace

void chat_stream::name(std::string id) {
  id_ = std::move(id);
  signs_.push_back(name_of(id_, 0));
}

void chat_stream::put(chat_delta delta) {
  if (!is_event(delta)) return signs_.push_back(std::move(delta));
  const auto bytes = bytes_of(delta);
  kept_bytes_ += bytes;
  ahead_bytes_ += bytes;
  said_.push_back(std::move(delta));
}

std::optional<chat_delta> chat_stream::next() {
  if (!has_credit() || is_drained()) return std::nullopt;
  chat_delta out;
  if (!signs_.empty()) {
    out = std::move(signs_.front());
    signs_.pop_front();
  } else {
    ahead_bytes_ -= bytes_of(said_[next_]);
    if (id_.empty()) {
      out = take_oldest();
    } else {
      out = said_[next_++];
      shrink(limits::stream_kept_bytes);
    }
  }
  pay(out);
  return out;
}

void chat_stream::pay(const chat_delta& delta) {
  frames_ -= 1;
  bytes_ -= static_cast<std::int64_t>(delta.data.raw.size());
}

void chat_stream::shrink(std::size_t most) {
  for (; next_ > 0 && kept_bytes_ > most; --next_) take_oldest();
}

void chat_stream::let_go(std::size_t most) {
  shrink(most);
  while (kept_bytes_ > most) ahead_bytes_ -= bytes_of(take_oldest());
}

chat_delta chat_stream::take_oldest() {
  auto out = std::move(said_.front());
  said_.pop_front();
  ++gone_;
  kept_bytes_ -= bytes_of(out);
  return out;
}

void chat_stream::grant(std::uint32_t frames, std::uint32_t bytes) {
  frames_ += frames;
  bytes_ += bytes;
}

void chat_stream::read_from(std::uint64_t after) {
  next_ = static_cast<std::size_t>(after - gone_);
  ahead_bytes_ = 0;
  for (auto at = next_; at < said_.size(); ++at) ahead_bytes_ += bytes_of(said_[at]);
  frames_ = limits::stream_window_frames;
  bytes_ = limits::stream_window_bytes;
  signs_.clear();
  signs_.push_back(name_of(id_, after));
  signs_.push_back({std::string(stream_opened), {}});
}

bool chat_stream::is_far_behind() const noexcept {
  return ahead_bytes_ > 2 * limits::stream_ahead_bytes; // a producer waits before
}

bool chat_stream::is_ahead() const noexcept {
  return ahead_bytes_ > limits::stream_ahead_bytes;
}

} // namespace troupe

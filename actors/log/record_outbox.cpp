#include "actors/log/record_outbox.hpp"

#include "messages/base/ids.hpp"
#include "messages/base/limits.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

void record_outbox::add(std::string user, log_input record) {
  if (waiting_.size() >= waiting_max) {
    waiting_.erase(waiting_.begin(), waiting_.begin() + waiting_max / 10);
    dropped_ += waiting_max / 10;
  }
  waiting_.push_back({std::move(user), std::move(record)});
}

std::optional<append_logs_request> record_outbox::take() {
  if (in_flight_ || waiting_.empty()) return std::nullopt;
  const auto count = std::min(waiting_.size(), limits::log_batch);
  append_logs_request batch;
  batch.batch = make_id("log_");
  for (std::size_t i = 0; i < count; ++i) {
    batch.users.push_back(std::move(waiting_[i].user));
    batch.records.push_back(std::move(waiting_[i].record));
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  in_flight_ = batch;
  return batch;
}

std::size_t record_outbox::forget(const std::string& user) {
  return std::erase_if(waiting_, [&](const entry& e) { return e.user == user; });
}

bool record_outbox::is_sending(const std::string& user) const {
  return in_flight_ && std::ranges::find(in_flight_->users, user) != in_flight_->users.end();
}

} // namespace troupe

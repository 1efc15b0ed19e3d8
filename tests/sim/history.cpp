#include "tests/sim/history.hpp"

#include <algorithm>
#include <utility>

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

/// A node answers for a broker that does not, node_bounds::grace after the deadline.
constexpr auto grace = 200ms;

} // namespace

std::string name_of(const call_id& cid) {
  return std::to_string(cid.incarnation) + '.' + std::to_string(cid.counter);
}

void history::wrong(const call_id& cid, const std::string& what) {
  if (wrongs_.size() < 20) wrongs_.push_back("request " + name_of(cid) + ": " + what);
}

void history::asked(call_id cid, bool is_idempotent, instant deadline) {
  auto& r = all_[cid];
  r.cid = cid;
  r.is_idempotent = is_idempotent;
  r.deadline = deadline;
}

void history::widowed(const call_id& cid) {
  all_[cid].is_widowed = true;
}

void history::begun(const call_id& cid, std::uint64_t worker) {
  auto& r = all_[cid];
  if (r.cid == call_id{}) return wrong(cid, "a handler began what nobody asked");
  ++r.begun;
  ++begun_;
  ++r.running[worker];
  if (r.begun > 1 && !r.is_idempotent) wrong(cid, "began twice, and may begin once");
  if (r.failure && r.failure->started == started_state::no)
    wrong(cid, "began after its client was told that it did not");
}

void history::answered(const call_id& cid, std::uint64_t worker, std::uint64_t partials) {
  auto& r = all_[cid];
  if (!r.sent) r.sent = partials;
  stopped(cid, worker);
}

void history::stopped(const call_id& cid, std::uint64_t worker) {
  auto& running = all_[cid].running;
  if (const auto at = running.find(worker); at != running.end() && --at->second == 0)
    running.erase(at);
}

void history::worker_died(std::uint64_t worker) {
  for (auto& [cid, r] : all_) r.running.erase(worker);
}

void history::got_partial(const call_id& cid, std::uint64_t seq) {
  auto& r = all_[cid];
  if (r.ended) return wrong(cid, "a partial came after its end");
  if (seq != r.partials + 1)
    wrong(cid, "partial " + std::to_string(seq) + " came after " + std::to_string(r.partials));
  r.partials = seq;
}

void history::got_end(const call_id& cid, instant now, std::optional<error> failure) {
  auto& r = all_[cid];
  if (r.ended) return wrong(cid, "ended twice");
  r.ended = now;
  const auto thawed = thawed_.contains(cid.incarnation) ? thawed_[cid.incarnation] : instant{};
  if (now > std::max(r.deadline, thawed) + grace) wrong(cid, "was answered after its deadline");
  if (failure) {
    if (failure->started == started_state::no && r.begun > 0)
      wrong(cid, "its client was told that it did not begin, and it did");
    if (failure->started == started_state::yes && r.begun == 0)
      wrong(cid, "its client was told that it began, and it did not");
    r.failure = std::move(failure);
    return;
  }
  ++finished_;
  if (!r.sent) return wrong(cid, "was finished, and no handler did");
  if (*r.sent != r.partials)
    wrong(cid, "has " + std::to_string(r.partials) + " partials of " + std::to_string(*r.sent));
}

bool history::is_backbones(const request_record& r) {
  const auto& why = *r.failure;
  if (why.code == errc::deadline_exceeded) return !r.is_endless;
  return why.code != errc::cancelled && why.message != handlers_failure;
}

std::vector<std::string> history::verdict(bool has_all_to_finish) const {
  auto out = wrongs_;
  const auto add = [&](const request_record& r, const char* what) {
    if (out.size() < 20) out.push_back("request " + name_of(r.cid) + ": " + what);
  };
  for (const auto& [cid, r] : all_) {
    if (!r.ended && !r.is_widowed) add(r, "was never answered");
    if (!r.running.empty()) add(r, "still runs, and nobody wants it");
    if (has_all_to_finish && r.begun > 0 && r.failure && is_backbones(r))
      add(r, ("began, and failed with '" + r.failure->message + "'").c_str());
  }
  return out;
}

} // namespace troupe::sim

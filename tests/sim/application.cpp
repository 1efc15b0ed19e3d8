#include "tests/sim/application.hpp"

#include "messages/codec/msgpack.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t endless = 1u << 20;
constexpr auto patience_least = 1500ms, patience_most = 5000ms, patience_long = 9000ms;

} // namespace

std::vector<bus_method> application::declared(const std::string& prefix) const {
  if (!has_.declares) return {};
  return {{prefix + "prompt.chat/v1", false}, {prefix + "prompt.models/v1", true}};
}

wire::node_identity application::identity(std::uint32_t capacity) const {
  wire::node_identity who;
  who.incarnation = incarnation_;
  who.link = incarnation_ ^ 1;
  switch (plays_) {
    case part::edge:
      who.name = "edge";
      who.roles = {"edge"};
      break;
    case part::router:
      who.name = "router";
      who.roles = {"router"};
      who.services = {{"router", capacity * 4, declared("router.")}};
      break;
    case part::worker:
      who.name = "prompt";
      who.roles = {"prompt"};
      who.services = {{"prompt", capacity, declared({})}};
      break;
  }
  return who;
}

void application::later(microseconds delay, std::function<void()> work) {
  time_.in(delay, [life = std::weak_ptr(lives_), work = std::move(work)] {
    if (!life.expired()) work();
  });
}

// an edge

void application::ask() {
  ask("question", true);
}

void application::ask_to_hold() {
  ask("hold", false);
}

void application::ask(std::string body, bool may_be_cancelled) {
  bus_request r;
  r.cid = {incarnation_, ++counter_};
  r.idempotent = time_.happens(0.3);
  r.method = r.idempotent ? "router.prompt.models/v1" : "router.prompt.chat/v1";
  r.streamed = r.cid.counter % 2 == 0; // those that want none may begin without START
  r.deadline = time_.now() + time_.between(patience_least, patience_most);
  if (!may_be_cancelled) r.deadline = time_.now() + patience_most;
  if (has_.is_patient) r.deadline = time_.now() + patience_long;
  r.body = std::move(body);
  const auto cid = r.cid;
  asked_.insert(cid);
  record_.asked(cid, r.idempotent, r.deadline);
  say_(std::move(r));
  if (!may_be_cancelled || !time_.happens(0.1)) return;
  later(time_.between(0ms, 1500ms), [this, cid] {
    if (asked_.contains(cid)) say_(bus_cancel{cid});
  });
}

void application::take(bus_answer& answer) {
  if (const auto* partial = std::get_if<bus_partial>(&answer)) {
    record_.got_partial(partial->cid, partial->seq);
    return later(10us, [this, cid = partial->cid, seq = partial->seq] {
      say_(bus_window{cid, seq, 1, 1024});
    });
  }
  if (const auto* finished = std::get_if<bus_finished>(&answer)) {
    asked_.erase(finished->cid);
    return record_.got_end(finished->cid, time_.now(), {});
  }
  const auto& failed = std::get<bus_failed>(answer);
  asked_.erase(failed.cid);
  record_.got_end(failed.cid, time_.now(), failed.why);
}

// a router and a worker

void application::take(bus_work& work) {
  std::visit([this](auto& what) { on(what); }, work);
}

void application::on(bus_request& request) {
  if (plays_ == part::router) {
    request.delegated = true;
    request.method.erase(0, router_prefix.size());
    caller who; // each edge has one user
    who.user = std::to_string(request.cid.incarnation);
    request.caller = msgpack_codec::encode(who);
    return later(time_.between(20us, 2ms),
                 [this, request] { say_(wire::node_input(bus_request(request))); });
  }
  const auto cid = request.cid;
  record_.begun(cid, incarnation_);
  if (runs_.contains(cid)) return record_.wrong(cid, "began on a worker that works on it");
  // The same in each run; some would never end.
  runs_[cid].planned = cid.counter % 20 == 0 ? endless : cid.counter % 12;
  if (runs_[cid].planned == endless) record_.endless(cid);
  later(request.body == "hold" ? 2s : time_.between(1ms, 100ms), [this, cid] { go_on(cid); });
}

void application::on(bus_cancel& cancel) {
  const auto at = runs_.find(cancel.cid);
  if (at == runs_.end() || std::exchange(at->second.is_cancelled, true)) return;
  later(time_.between(10us, 5ms), [this, cid = cancel.cid] { go_on(cid); });
}

void application::on(bus_window& window) {
  const auto at = runs_.find(window.cid);
  if (at == runs_.end()) return;
  at->second.credit += window.frames;
  if (std::exchange(at->second.is_waiting, false))
    later(10us, [this, cid = window.cid] { go_on(cid); });
}

void application::go_on(const call_id& cid) {
  const auto at = runs_.find(cid);
  if (at == runs_.end()) return;
  auto& what = at->second;
  if (what.is_cancelled || what.sent == what.planned) return end(cid, what);
  if (what.credit == 0) return void(what.is_waiting = true);
  --what.credit;
  say_(wire::send_partial{cid, ++what.sent, "token"});
  later(time_.between(1ms, 150ms), [this, cid] { go_on(cid); });
}

void application::end(const call_id& cid, run& what) {
  const auto sent = what.sent;
  const bool is_cancelled = what.is_cancelled, fails = time_.happens(0.03);
  runs_.erase(cid);
  if (!is_cancelled && !fails) {
    record_.answered(cid, incarnation_, sent);
    return say_(wire::send_final{cid, "answer"});
  }
  record_.stopped(cid, incarnation_);
  auto why = make_error(is_cancelled ? errc::cancelled : errc::upstream_failed,
                        std::string(handlers_failure));
  why.started = started_state::yes;
  say_(wire::send_failure{cid, std::move(why)});
}

void application::die() {
  lives_.reset();
  record_.worker_died(incarnation_);
  for (const auto& cid : asked_) record_.widowed(cid);
}

} // namespace troupe::sim

#include "broker/broker_state.hpp"

#include "broker/broker_list.hpp"
#include "messages/codec/msgpack.hpp"

#include <algorithm>

namespace troupe::wire {
namespace {

bool is_same_link(const hello_body& a, const hello_body& b) {
  return a.incarnation == b.incarnation && a.link == b.link;
}

} // namespace

broker_state::broker_state(std::uint64_t incarnation, broker_bounds bounds)
    : incarnation_(incarnation), bounds_(bounds) {}

void broker_state::introduce(std::string name, std::string address) {
  name_ = std::move(name);
  address_ = std::move(address);
}

void broker_state::step(instant now, broker_input in, outputs& out) {
  // A broker that was frozen itself must not take its peers for dead.
  const bool was_frozen = now_ != instant{} && now - now_ > bounds_.silence / 2;
  now_ = now;
  if (next_beat_ == instant{}) {
    began_ = now;
    next_beat_ = now + bounds_.heartbeat / 2;
  }
  if (was_frozen) forgive_silence();
  out_ = &out;
  if (taps_.empty())
    std::visit([this](auto& what) { on(what); }, in);
  else
    step_before_others(in);
  out_ = nullptr;
}

instant broker_state::due() const {
  auto at = next_beat_;
  if (!deadlines_.empty()) at = std::min(at, deadlines_.begin()->first);
  if (!untold_.empty()) at = std::min(at, untold_.front().first);
  return at;
}

void broker_state::forgive_silence() {
  for (auto& [id, p] : peers_) p.seen = now_;
}

void broker_state::on(frame_received& in) {
  if (in.header.type == frame::hello) return welcome(in);
  auto at = peers_.find(in.from);
  if (at != peers_.end() && at->second.key != in.key) { // a new connection under an old one's name
    remove_peer(in.from, true);
    at = peers_.end();
  }
  if (at == peers_.end()) {
    if (is_barred(in.key)) return;
    ++counts_.unknown_peer;
    return send(in.from, in.header.type == frame::goodbye ? frame::goodbye : frame::reset, {});
  }
  at->second.seen = now_;
  if (is_fresh(at->second, in.header)) dispatch_frame(at->second, in);
}

void broker_state::dispatch_frame(peer& from, frame_received& in) {
  if (in.header.cid != call_id{}) from.spoke_of_calls = now_;
  in.header.mid.incarnation = from.who.incarnation; // receivers go by it
  in.header.principal.clear();
  if (in.header.type == frame::request && from.rule != nullptr)
    in.header.principal = from.rule->principal;
  switch (in.header.type) {
    case frame::request:
      return take_request(from, in);
    case frame::partial:
      return take_partial(from, in);
    case frame::final:
    case frame::error:
      return take_end(from, in);
    case frame::accept:
      return take_accept(from, in);
    case frame::window:
    case frame::cancel:
      return take_signal(from, in);
    case frame::credit:
      return take_credit(from, in);
    case frame::reject:
      return take_reject(from, in);
    case frame::registration:
      return register_service(from, in.header, in.body);
    case frame::heartbeat:
      return hear_beat(from, in.body);
    case frame::pong:
      return;
    case frame::ping:
      return send(from.id, frame::pong, in.header.cid);
    case frame::drain:
      return drain_peer(from);
    case frame::stats:
      return take_stats(from, in.header);
    case frame::tap:
      return take_tap(from, in);
    case frame::goodbye: // the answer tells the peer that all it sent has arrived
      send(from.id, frame::goodbye, {});
      drain_peer(from); // what others need to the last says nothing before
      return remove_peer(from.id, false);
    default:
      break;
  }
  ++counts_.malformed;
  if ((in.header.flags & critical) != 0)
    send_error(from.id, in.header.cid,
               make_error(errc::version, "this broker does not know the frame"));
}

void broker_state::welcome(const frame_received& in) {
  if (is_barred(in.key)) return;
  auto who = decode_hello(bytes_of(in.body));
  if (!who || who->incarnation == 0 || who->incarnation == incarnation_) {
    ++counts_.malformed;
    return send_error(in.from, {}, make_error(errc::invalid_argument, "HELLO is not readable"));
  }
  if (who->ver_min > version || who->ver_max < version)
    return send_error(in.from, {},
                      make_error(errc::version, "this broker speaks version 1 of the wire"));
  if (is_impostor(in.key, *who))
    return send_error(in.from, {},
                      make_error(errc::forbidden, "another key has a node with this incarnation"));
  const auto known = peers_.find(in.from);
  const bool is_greeted = known != peers_.end() && is_same_link(known->second.who, *who);
  if (is_greeted && !is_fresh(known->second, in.header)) return;
  // The same node over a new connection: the old one is dead, whatever TCP thinks.
  peer_id old;
  for (const auto& [id, p] : peers_)
    if (is_same_link(p.who, *who)) old = id;
  if (!old.empty()) remove_peer(old, true);
  if (peers_.contains(in.from)) remove_peer(in.from, true);
  if (peers_.size() >= bounds_.peers)
    return send_error(in.from, {}, make_error(errc::overloaded, "this broker has too many peers"));
  peer p;
  p.id = in.from;
  p.key = in.key;
  p.seen = now_;
  p.numbers.begin(in.header.mid.counter);
  for (const auto& role : who->roles) {
    if (role == "router") p.is_router = true;
    if (role == "router" || role == "prompt" || role == "auth" || role == "log")
      p.is_service = true;
  }
  if (const auto* rule = rule_of(in.key)) take_rights(p, rule);
  p.who = std::move(*who);
  by_incarnation_.insert_or_assign(p.who.incarnation, p.id);
  peers_.insert_or_assign(in.from, std::move(p));
  welcome_body offer;
  offer.heartbeat_ms = static_cast<std::uint64_t>(bounds_.heartbeat.count());
  offer.brokers = brokers();
  send(in.from, frame::welcome, {}, make_body(encode(offer)));
  if (is_draining_) send(in.from, frame::drain, {});
}

void broker_state::register_service(peer& from, const envelope& header, const body_ptr& body) {
  const auto offer = decode_capacity(bytes_of(body));
  const auto& name = header.svc;
  if (!offer || offer->capacity == 0 || name.empty() || name.size() > 64 ||
      (!services_.contains(name) && services_.size() >= bounds_.services)) {
    ++counts_.malformed;
    return send_error(from.id, {},
                      make_error(errc::invalid_argument, "REGISTER is not acceptable: " + name));
  }
  if (auto why = forbidden(from, broker_right::serve, name))
    return send_error(from.id, {}, std::move(*why));
  auto& s = service_named(name);
  if (auto why = declare(s, offer->methods)) return send_error(from.id, {}, std::move(*why));
  const auto capacity = std::min<std::uint64_t>(offer->capacity, bounds_.capacity);
  s.workers.offer(from.id, static_cast<std::uint32_t>(capacity), from.is_draining);
  if (header.type == frame::registration) s.workers.declare(from.id, !offer->methods.empty());
  send(from.id, frame::registered, {}, {}, name);
  pump(s);
}

/// A method has one class, whoever serves it. With the last worker the classes go.
std::optional<error> broker_state::declare(service& s, const std::vector<bus_method>& methods) {
  if (s.workers.empty()) s.methods.clear();
  for (const auto& m : methods)
    if (const auto known = s.methods.find(m.name);
        known != s.methods.end() && known->second != m.is_idempotent)
      return make_error(errc::conflict, "REGISTER of '" + s.name + "' declares " + m.name +
                                            (m.is_idempotent ? " idempotent" : " once") +
                                            ", other nodes do not");
  for (const auto& m : methods) s.methods.emplace(m.name, m.is_idempotent);
  return std::nullopt;
}

std::size_t broker_state::draining_peers() const noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(peers_, [](const auto& p) { return p.second.is_draining; }));
}

void broker_state::drain_peer(peer& from) {
  from.is_draining = true;
  for (auto& [name, s] : services_) {
    const bool was_served = s.workers.serves();
    s.workers.drain(from.id);
    if (was_served && !s.workers.serves()) s.awaited = now_ + bounds_.succession;
  }
}

void broker_state::on(const peer_gone& in) {
  ++(in.is_full ? counts_.unsent_full : counts_.unsent_gone);
  lose_peer(in.peer);
}

void broker_state::lose_peer(const peer_id& id) {
  if (!peers_.contains(id)) return;
  ++counts_.peers_lost;
  remove_peer(id, true);
}

/// Calls are found by a walk over all of them: peers seldom go.
void broker_state::remove_peer(const peer_id& id, bool may_come_back) {
  const peer_id gone = id; // `id` may lie inside what is erased
  taps_.remove(gone);
  if (const auto at = peers_.find(gone); at != peers_.end()) {
    const auto known = by_incarnation_.find(at->second.who.incarnation);
    const auto incarnation = at->second.who.incarnation;
    peers_.erase(at);
    if (known != by_incarnation_.end() && known->second == gone) {
      by_incarnation_.erase(known);
      for (const auto& [other, p] : peers_) // a second link of the same process
        if (p.who.incarnation == incarnation) by_incarnation_.insert_or_assign(incarnation, other);
    }
  }
  for (auto& [name, s] : services_) s.workers.remove(gone);
  std::vector<call_id> touched;
  for (const auto& [cid, c] : calls_)
    if (c.requester == gone || c.worker == gone) touched.push_back(cid);
  for (const auto& cid : touched)
    if (const auto at = calls_.find(cid); at != calls_.end() && at->second.requester == gone)
      requester_lost(at->second, may_come_back);
  for (const auto& cid : touched)
    if (const auto at = calls_.find(cid); at != calls_.end() && at->second.worker == gone)
      worker_lost(at->second, may_come_back);
  for (auto& [name, s] : services_) fail_queue_if_closed(s);
}

broker_state::peer* broker_state::peer_with(std::uint64_t incarnation) {
  const auto known = by_incarnation_.find(incarnation);
  if (known == by_incarnation_.end()) return nullptr;
  const auto at = peers_.find(known->second);
  return at == peers_.end() ? nullptr : &at->second;
}

void broker_state::on(const link_dropped&) {
  // The sends tell the driver who is gone.
  for (const auto& [id, p] : peers_) send(id, frame::ping, {});
}

void broker_state::on(const time_passed&) {
  introduce_workers();
  expire_calls();
  if (now_ < next_beat_) return;
  beat();
  for (auto& [name, s] : services_) fail_queue_if_closed(s);
}

/// Brokers do not know of each other but through their peers. Only services are believed: what
/// they say makes every node connect there.
void broker_state::hear_beat(peer& from, const body_ptr& body) {
  if (!from.is_service || !body) return;
  auto said = decode_heartbeat(bytes_of(body));
  const auto is_long = [](const std::string& a) { return a.size() > broker_address_bytes; };
  if (!said || said->brokers.size() > brokers_max || std::ranges::any_of(said->brokers, is_long))
    return void(++counts_.malformed);
  from.brokers = std::move(said->brokers);
  from.stuck_ms = said->stuck_ms;
  hear_stuck(from, said->stuck_ms >= static_cast<std::uint64_t>(bounds_.stuck.count()));
}

/// It lives, for it says so, and what it has begun stays its own.
void broker_state::hear_stuck(const peer& from, bool is_stuck) {
  bool is_news = false;
  for (auto& [name, s] : services_) {
    if (!s.workers.set_stuck(from.id, is_stuck)) continue;
    is_news = true;
    if (!is_stuck) pump(s);
  }
  if (is_news && is_stuck) ++counts_.stuck;
}

std::vector<std::string> broker_state::brokers() const {
  std::set<std::string> all;
  for (const auto& [id, p] : peers_) all.insert(p.brokers.begin(), p.brokers.end());
  std::vector<std::string> out(all.begin(), all.end());
  if (out.size() > brokers_max) out.resize(brokers_max);
  return out;
}

/// Twice a heartbeat, so that a death is seen half a heartbeat late at most; beats every other
/// time.
void broker_state::beat() {
  next_beat_ = now_ + bounds_.heartbeat / 2;
  is_beat_due_ = !is_beat_due_;
  std::vector<peer_id> dead;
  body_ptr body;
  if (is_beat_due_) body = make_body(encode(heartbeat_body{.brokers = brokers()}));
  for (const auto& [id, p] : peers_) {
    if (now_ - p.seen > bounds_.silence)
      dead.push_back(id);
    else if (is_beat_due_)
      send(id, frame::heartbeat, {}, body);
  }
  for (const auto& id : dead) {
    send(id, frame::reset, {}); // it may hear us, though we do not hear it
    lose_peer(id);
  }
}

void broker_state::on(const drain_started&) {
  if (std::exchange(is_draining_, true)) return;
  for (const auto& [id, p] : peers_) send(id, frame::drain, {});
}

void broker_state::on(const broker_stopping&) {
  for (const auto& [id, p] : peers_) send(id, frame::goodbye, {});
}

void broker_state::send(const peer_id& to, frame type, const call_id& cid, body_ptr body,
                        std::string svc) {
  envelope e;
  e.type = type;
  e.mid = {incarnation_, ++sent_};
  e.cid = cid;
  e.svc = std::move(svc);
  out_->push_back({to, std::move(e), std::move(body)});
}

void broker_state::send_error(const peer_id& to, const call_id& cid, error why) {
  send(to, frame::error, cid, make_body(msgpack_codec::encode(why)));
}

} // namespace troupe::wire

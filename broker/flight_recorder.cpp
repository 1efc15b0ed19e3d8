#include "broker/flight_recorder.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>

namespace troupe::wire {
namespace {

std::size_t words_for(std::uint32_t records, std::uint32_t bodies_bytes,
                      std::uint32_t known_bytes) {
  const auto bytes =
      sizeof(flight_head) + known_bytes + records * sizeof(flight_record) + bodies_bytes;
  return (bytes + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t);
}

/// Tells callers apart within one recording; never 0.
std::uint32_t mark_of(const std::string& text) noexcept {
  if (text.empty()) return 0;
  return static_cast<std::uint32_t>(std::hash<std::string_view>()(text)) | 1u;
}

void put_peer(flight_record& r, const peer_id& peer) noexcept {
  r.peer_size = static_cast<std::uint8_t>(std::min<std::size_t>(peer.size(), 255));
  if (peer.size() <= sizeof r.peer)
    std::memcpy(&r.peer, peer.data(), peer.size());
  else
    r.peer = std::hash<std::string_view>()(peer);
}

void copy_cut(char* into, std::size_t size, std::string_view text) noexcept {
  const auto n = std::min(size - 1, text.size());
  std::memcpy(into, text.data(), n);
  std::memset(into + n, 0, size - n);
}

/// Of the frames whose bodies the broker reads.
bool is_kept(frame type) noexcept {
  return type == frame::hello || type == frame::registration || type == frame::credit ||
         type == frame::heartbeat;
}

flight_kind kind_of(const broker_input& in) noexcept {
  constexpr flight_kind kinds[] = {flight_kind::received,      flight_kind::peer_gone,
                                   flight_kind::link_dropped,  flight_kind::time_passed,
                                   flight_kind::drain_started, flight_kind::stopping,
                                   flight_kind::access_changed};
  static_assert(std::variant_size_v<broker_input> == std::size(kinds));
  return kinds[in.index()];
}

} // namespace

flight_recorder::flight_recorder(std::uint32_t records, std::uint32_t bodies_bytes,
                                 std::uint32_t known_bytes)
    : records_(std::max(records, 2u)),
      bodies_bytes_(bodies_bytes),
      known_bytes_(known_bytes / 8 * 8),
      words_(words_for(records_, bodies_bytes, known_bytes_)),
      memory_(std::make_unique<std::uint64_t[]>(words_)),
      first_(reinterpret_cast<flight_record*>(reinterpret_cast<char*>(memory_.get()) +
                                              sizeof(flight_head) + known_bytes_)),
      bodies_(reinterpret_cast<char*>(first_ + records_)),
      known_(head(), std::as_writable_bytes(std::span(memory_.get(), words_))
                         .subspan(sizeof(flight_head), known_bytes_)),
      whole_(flight_body_max) {
  auto& h = head();
  std::memcpy(h.magic, flight_magic, sizeof h.magic);
  h.version = flight_version;
  h.head_bytes = sizeof(flight_head);
  h.record_bytes = sizeof(flight_record);
  h.records = records_;
  h.bodies_bytes = bodies_bytes_;
  h.known_bytes = known_bytes_;
  h.began_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
                   .count();
}

void flight_recorder::describe(std::string_view name, std::string_view address,
                               std::uint64_t incarnation) {
  auto& h = head();
  copy_cut(h.name, sizeof h.name, name);
  copy_cut(h.address, sizeof h.address, address);
  h.incarnation = incarnation;
}

void flight_recorder::took(instant now, const broker_input& in) noexcept {
  auto& r = begin(now, kind_of(in));
  if (const auto* f = std::get_if<frame_received>(&in)) {
    const auto body = bytes_of(f->body);
    put_frame(r, f->from, f->header, body.size());
    if (is_kept(f->header.type)) keep_body(r, body);
  } else if (const auto* gone = std::get_if<peer_gone>(&in)) {
    put_peer(r, gone->peer);
    r.is_full = gone->is_full ? 1 : 0;
  }
  end();
}

void flight_recorder::sent(instant now, const frame_to_send& out) noexcept {
  auto& r = begin(now, flight_kind::sent);
  put_frame(r, out.to, out.header, bytes_of(out.body).size());
  end();
}

/// The record that is overwritten next no longer counts: what it says of a peer goes to the table.
flight_record& flight_recorder::begin(instant now, flight_kind kind) noexcept {
  if (!std::exchange(has_begun_, true)) origin_ = now;
  const auto at = head().next % records_;
  const auto& leaves = first_[at + 1 == records_ ? 0 : at + 1];
  if (says_who_is_there(leaves)) known_.fold(leaves, kept_body(leaves));
  auto& r = first_[at];
  r = {};
  r.at_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now - origin_).count();
  r.kind = static_cast<std::uint8_t>(kind);
  return r;
}

/// Counted when it is whole: who reads meanwhile does not look at it.
void flight_recorder::end() noexcept {
  auto& h = head();
  std::atomic_ref(h.next).store(h.next + 1, std::memory_order_release);
}

void flight_recorder::put_frame(flight_record& r, const peer_id& peer, const envelope& e,
                                std::size_t body_size) noexcept {
  put_peer(r, peer);
  r.mid_incarnation = e.mid.incarnation;
  r.mid_counter = e.mid.counter;
  r.cid_incarnation = e.cid.incarnation;
  r.cid_counter = e.cid.counter;
  r.seq = e.seq;
  r.to = e.to;
  r.body_size = static_cast<std::uint32_t>(body_size);
  r.ttl_ms = e.ttl_ms;
  r.caller = mark_of(e.caller);
  r.address = mark_of(e.client_address);
  r.type = static_cast<std::uint8_t>(e.type);
  r.flags = e.flags;
  r.hop = e.hop;
  r.priority = e.priority;
  r.svc_size = static_cast<std::uint8_t>(std::min(e.svc.size(), sizeof r.svc));
  std::memcpy(r.svc, e.svc.data(), r.svc_size);
}

void flight_recorder::keep_body(flight_record& r, std::string_view body) noexcept {
  if (body.empty() || body.size() > std::min<std::size_t>(flight_body_max, bodies_bytes_)) return;
  auto& h = head();
  const auto at = h.body_next % bodies_bytes_;
  const auto first = std::min<std::size_t>(body.size(), bodies_bytes_ - at);
  std::memcpy(bodies_ + at, body.data(), first);
  std::memcpy(bodies_, body.data() + first, body.size() - first);
  r.body_at = h.body_next;
  r.body_kept = static_cast<std::uint32_t>(body.size());
  std::atomic_ref(h.body_next).store(h.body_next + body.size(), std::memory_order_release);
}

/// Empty when others have taken its place. Holds until the next call.
std::string_view flight_recorder::kept_body(const flight_record& r) noexcept {
  if (r.body_kept == 0 || head().body_next - r.body_at > bodies_bytes_) return {};
  const auto at = r.body_at % bodies_bytes_;
  const auto first = std::min<std::size_t>(r.body_kept, bodies_bytes_ - at);
  if (first == r.body_kept) return {bodies_ + at, first};
  std::memcpy(whole_.data(), bodies_ + at, first);
  std::memcpy(whole_.data() + first, bodies_, r.body_kept - first);
  return {whole_.data(), r.body_kept};
}

} // namespace troupe::wire

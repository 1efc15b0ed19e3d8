#include "broker/flight_table.hpp"

#include "broker/frame_bodies.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

namespace troupe::wire {
namespace {

constexpr int chain_bits = 13; // two chains for each peer that a broker may have
constexpr std::uint32_t nowhere = ~0u;

bool is_of_same_peer(const flight_record& a, const flight_record& b) noexcept {
  return a.peer == b.peer && a.peer_size == b.peer_size;
}

bool is_of_same_service(const flight_record& a, const flight_record& b) noexcept {
  return a.svc_size == b.svc_size && std::memcmp(a.svc, b.svc, a.svc_size) == 0;
}

bool is(const flight_record& r, frame type) noexcept {
  return r.type == static_cast<std::uint8_t>(type);
}

bool holds(const flight_known& e) noexcept {
  return e.record.kind != static_cast<std::uint8_t>(flight_kind::none);
}

std::size_t bytes_for(std::string_view body) noexcept {
  return sizeof(flight_known) + (body.size() + 7) / 8 * 8;
}

} // namespace

flight_table::flight_table(flight_head& head, std::span<std::byte> memory)
    : head_(head), memory_(memory), chains_(std::size_t{1} << chain_bits, nowhere) {}

void flight_table::fold(const flight_record& r, std::string_view body) noexcept {
  changes();
  switch (static_cast<flight_kind>(r.kind)) {
    case flight_kind::received:
      is(r, frame::hello) ? greet(r, body) : hear(r, body);
      break;
    case flight_kind::drain_started:
      put(r, {}, 0, 0);
      break;
    default: // gone, or told that the broker does not know it (any more)
      forget(r);
  }
  changes();
}

/// As the broker does: what is no HELLO or is said again changes nothing, and a new connection of
/// the same link takes the old one's place.
void flight_table::greet(const flight_record& r, std::string_view body) {
  const auto* before = find(r);
  if (before != nullptr && before->record.mid_counter >= r.mid_counter) return;
  if (body.empty()) return leave_out(r);
  const auto who = decode_hello(body);
  if (!who) return;
  forget(r);
  forget_link(who->incarnation, who->link);
  put(r, body, who->incarnation, who->link);
}

void flight_table::hear(const flight_record& r, std::string_view body) {
  if (is(r, frame::credit) && (r.cid_incarnation != 0 || r.cid_counter != 0)) return;
  auto hello = r;
  hello.type = static_cast<std::uint8_t>(frame::hello);
  hello.svc_size = 0;
  if (find(hello) == nullptr) return;
  if (const auto* before = find(r);
      before != nullptr && before->record.mid_counter >= r.mid_counter)
    return; // it is said again
  const bool is_missing = r.body_size > 0 && body.empty();
  if (is_missing) return is(r, frame::registration) ? leave_out(r) : void();
  if (is(r, frame::registration))
    drop(chain_of(r), [&](const flight_record& old) {
      return is_of_same_peer(old, r) && is(old, frame::credit) && is_of_same_service(old, r);
    });
  put(r, body, 0, 0);
}

/// Takes the place of its like, if there is one.
void flight_table::put(const flight_record& r, std::string_view body, std::uint64_t incarnation,
                       std::uint64_t link) {
  const auto bytes = static_cast<std::uint32_t>(bytes_for(body));
  if (auto* before = find(r)) {
    if (before->bytes == bytes) return write(*before, r, body);
    drop(chain_of(r), [&](const flight_record& old) { return &old == &before->record; });
  }
  if (!append({bytes, nowhere, incarnation, link, r}, body)) leave_out(r);
}

bool flight_table::append(const flight_known& entry, std::string_view body) {
  // Packing moves all of the table: not for a few bytes.
  if (head_.known_used + entry.bytes > memory_.size() && dead_bytes_ >= memory_.size() / 8) pack();
  if (head_.known_used + entry.bytes > memory_.size()) return false;
  const auto offset = head_.known_used;
  auto& first = chain_of(entry.record);
  auto& into = at(offset);
  into = entry;
  into.older = std::exchange(first, offset);
  write(into, entry.record, body);
  head_.known_used += entry.bytes;
  return true;
}

void flight_table::write(flight_known& into, const flight_record& r, std::string_view body) {
  into.record = r;
  into.record.body_kept = static_cast<std::uint32_t>(body.size());
  if (!body.empty()) std::memcpy(&into + 1, body.data(), body.size());
}

void flight_table::forget(const flight_record& peer) {
  drop(chain_of(peer), [&](const flight_record& old) {
    return is_of_same_peer(old, peer) &&
           old.kind == static_cast<std::uint8_t>(flight_kind::received);
  });
}

/// By a walk over all, as the broker's own: peers seldom come.
void flight_table::forget_link(std::uint64_t incarnation, std::uint64_t link) {
  each([&](flight_known& e) {
    if (is(e.record, frame::hello) && e.incarnation == incarnation && e.link == link)
      forget(flight_record(e.record)); // a copy: what is forgotten is changed
  });
}

void flight_table::leave_out(const flight_record& peer) {
  forget(peer);
  ++head_.left_out;
}

void flight_table::pack() {
  std::uint32_t end = 0;
  std::ranges::fill(chains_, nowhere);
  each([&](flight_known& e) {
    const auto bytes = e.bytes;
    std::memmove(memory_.data() + end, &e, bytes);
    auto& moved = at(end);
    moved.older = std::exchange(chain_of(moved.record), end);
    end += bytes;
  });
  head_.known_used = end;
  dead_bytes_ = 0;
}

flight_known* flight_table::find(const flight_record& like) {
  for (auto offset = chain_of(like); offset != nowhere; offset = at(offset).older) {
    auto& e = at(offset);
    if (e.record.kind == like.kind && e.record.type == like.type &&
        is_of_same_peer(e.record, like) && is_of_same_service(e.record, like))
      return &e;
  }
  return nullptr;
}

template <class Which>
void flight_table::drop(std::uint32_t& first, Which which) {
  for (auto* link = &first; *link != nowhere;) {
    auto& e = at(*link);
    if (!which(e.record)) {
      link = &e.older;
      continue;
    }
    *link = e.older;
    e.record.kind = static_cast<std::uint8_t>(flight_kind::none);
    dead_bytes_ += e.bytes;
  }
}

/// Those that hold. What it is told to do may move the one that it is at, to the front.
template <class What>
void flight_table::each(What what) {
  for (std::uint32_t offset = 0; offset < head_.known_used;) {
    auto& e = at(offset);
    const auto next = offset + e.bytes;
    if (holds(e)) what(e);
    offset = next;
  }
}

flight_known& flight_table::at(std::uint32_t offset) noexcept {
  return *reinterpret_cast<flight_known*>(memory_.data() + offset);
}

std::uint32_t& flight_table::chain_of(const flight_record& peer) noexcept {
  const auto mixed = (peer.peer + peer.peer_size) * 0x9E3779B97F4A7C15ull;
  return chains_[mixed >> (64 - chain_bits)];
}

/// Odd while it is being changed: who dies then leaves a table that is not to be trusted.
void flight_table::changes() noexcept {
  std::atomic_thread_fence(std::memory_order_release);
  std::atomic_ref(head_.known_changes).fetch_add(1, std::memory_order_acq_rel);
}

} // namespace troupe::wire

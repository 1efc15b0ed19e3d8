#include "actors/auth/limit_state.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

namespace troupe::limit_rules {
namespace {

counter_state taken_down(const std::string& name, const counter& in) {
  counter_state out;
  out.name = name;
  if (const auto* slides = std::get_if<sliding_counter>(&in)) {
    for (const auto& each : slides->buckets()) {
      out.numbers.push_back(each.number);
      out.amounts.push_back(each.amount);
    }
    return out;
  }
  for (const auto& [id, until] : std::get<lease_set>(in).leases()) {
    out.holders.push_back(id);
    out.until.push_back(until);
  }
  return out;
}

reservation_state taken_down(const std::string& id, const record& in) {
  reservation_state out;
  out.id = id;
  out.until = in.until;
  for (const auto& each : in.wants) {
    out.counters.push_back(each.counter);
    out.buckets.push_back(each.bucket);
    out.amounts.push_back(each.amount);
    out.leases.push_back(each.lease_ms);
  }
  return out;
}

/// What limit_book::name_of put before a scope.
struct counter_kind {
  limit_kind kind;
  std::chrono::milliseconds window;
};
std::optional<counter_kind> kind_of(std::string_view name) {
  int kind = 0;
  std::int64_t window = 0;
  const auto* end = name.data() + name.size();
  const auto first = std::from_chars(name.data(), end, kind);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ':') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, window);
  const std::chrono::milliseconds length(window);
  const bool is_known = second.ec == std::errc() && kind >= 0 &&
                        kind <= static_cast<int>(limit_kind::streams) &&
                        length >= limits::limit_window_min && length <= limits::limit_window_max;
  if (!is_known) return std::nullopt;
  return counter_kind{static_cast<limit_kind>(kind), length};
}

/// By how much a bucket's number rises when times do by `shift` ms.
std::int64_t buckets_in(std::int64_t shift, std::chrono::milliseconds window) {
  const auto width = bucket_ms(window);
  return shift / width + (shift % width > 0 ? 1 : 0);
}

void put_back(limit_book& book, const counter_state& in, std::int64_t shift) {
  const auto what = kind_of(in.name);
  if (!what || in.numbers.size() != in.amounts.size() || in.holders.size() != in.until.size())
    return;
  auto made = make_counter(what->kind, what->window);
  if (auto* leases = std::get_if<lease_set>(&made)) {
    for (std::size_t n = 0; n < in.holders.size(); ++n)
      leases->hold(in.holders[n], in.until[n] + shift);
  } else {
    const auto more = buckets_in(shift, what->window);
    for (std::size_t n = 0; n < in.numbers.size(); ++n)
      std::get<sliding_counter>(made).put_back({in.numbers[n] + more, in.amounts[n]});
  }
  book.counters.insert_or_assign(in.name, std::move(made));
}

void put_back(limit_book& book, const reservation_state& in, std::int64_t shift) {
  const auto size = in.counters.size();
  if (in.buckets.size() != size || in.amounts.size() != size || in.leases.size() != size) return;
  record made{{}, in.until + shift};
  for (std::size_t n = 0; n < size; ++n) {
    const auto what = kind_of(in.counters[n]);
    const auto more = what ? buckets_in(shift, what->window) : 0;
    made.wants.push_back({in.counters[n], in.buckets[n] + more, in.amounts[n], in.leases[n]});
  }
  book.records.insert_or_assign(in.id, std::move(made));
}

bool is_over(counter& each, std::int64_t now) {
  return std::visit([now](auto& c) { return c.slide(now), c.is_empty(); }, each);
}

} // namespace

void forget_old(limit_book& book, std::int64_t now) {
  for (auto at = book.counters.begin(); at != book.counters.end();)
    at = is_over(at->second, now) ? book.counters.erase(at) : std::next(at);
  std::erase_if(book.records, [now](const auto& each) { return each.second.until <= now; });
}

limit_shard_state state_of(const limit_book& book, std::int64_t now) {
  limit_shard_state out;
  out.saved_at = now;
  for (const auto& [name, each] : book.counters) out.counters.push_back(taken_down(name, each));
  for (const auto& [id, each] : book.records) out.reservations.push_back(taken_down(id, each));
  return out;
}

void shorten(limit_shard_state& state, int step) {
  const auto holds_none = [](const reservation_state& each) {
    return std::ranges::all_of(each.leases, [](auto lease) { return lease == 0; });
  };
  if (step == 0) std::erase_if(state.reservations, holds_none);
  if (step == 1) state.reservations.clear();
  if (step < 2) return;
  for (auto& each : state.counters) {
    if (each.numbers.empty()) continue;
    each.numbers = {each.numbers.back()};
    each.amounts = {std::accumulate(each.amounts.begin(), each.amounts.end(), std::int64_t{0})};
  }
}

limit_book book_of(const limit_shard_state& in, std::int64_t now, std::int64_t saved_ago) {
  limit_book book;
  const auto shift = now - saved_ago - in.saved_at;
  for (const auto& each : in.counters) put_back(book, each, shift);
  for (const auto& each : in.reservations) put_back(book, each, shift);
  return book;
}

} // namespace troupe::limit_rules

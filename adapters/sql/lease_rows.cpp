#include "adapters/sql/lease_rows.hpp"

#include "adapters/sql/escaped_text.hpp"

#include <algorithm>

namespace troupe::sql {
namespace {

using lease_rules::lease_row;
using lease_rules::lease_time;
using soci::into;
using soci::use;

constexpr const char* columns =
    "service, shard, epoch, holder, until_ms, era, released, complete, wanted_by, saved_ms, "
    "saved_era, saved_wall_ms";

/// A row in types that SOCI knows.
struct lease_buffer {
  std::string service, holder, era, wanted_by, saved_era;
  int shard = 0, released = 1, complete = 1;
  long long epoch = 0, until = 0, saved = 0, saved_wall = 0;

  lease_buffer() = default;
  lease_buffer(const lease_key& key, const lease_row& row)
      : service(key.service),
        holder(row.holder),
        era(row.era),
        wanted_by(row.wanted_by),
        saved_era(row.saved.era),
        shard(key.shard),
        released(row.released),
        complete(row.complete),
        epoch(static_cast<long long>(row.epoch)),
        until(row.until),
        saved(row.saved.ms),
        saved_wall(row.saved.wall_ms) {}

  [[nodiscard]] lease_key key() const { return {service, static_cast<shard_number>(shard)}; }
  [[nodiscard]] lease_row row() const {
    return {static_cast<std::uint64_t>(epoch),
            holder,
            until,
            era,
            released != 0,
            complete != 0,
            wanted_by,
            {saved, saved_era, saved_wall}};
  }
  // What use() and into() answer must not outlive their expression, so that `bind` does both.

  /// Each column, in the order of `columns`.
  template <class Bind>
  void each_column(Bind bind) {
    bind(service);
    bind(shard);
    bind(epoch);
    bind(holder);
    bind(until);
    bind(era);
    bind(released);
    bind(complete);
    bind(wanted_by);
    bind(saved);
    bind(saved_era);
    bind(saved_wall);
  }
  /// Each text, in the order of `columns`.
  template <class Bind>
  void each_text(Bind bind) {
    bind(service);
    bind(holder);
    bind(era);
    bind(wanted_by);
    bind(saved_era);
  }
};

/// A row as it stands behind `values`, with marks for its texts from `:t<n>`. Numbers are written
/// out: to bind a mark takes SQLite the longer the more there are.
std::string values_of(const lease_buffer& row, std::size_t n) {
  const auto text = [&n] { return ":t" + std::to_string(n++); };
  const auto number = [](long long of) { return ", " + std::to_string(of) + ", "; };
  std::string out = '(' + text() + number(row.shard) + std::to_string(row.epoch) + ", ";
  out += text() + number(row.until);
  out += text() + number(row.released) + std::to_string(row.complete) + ", ";
  out += text() + number(row.saved);
  return out + text() + ", " + std::to_string(row.saved_wall) + ')';
}

} // namespace

void lease_tables::lock(lease_rows& rows) const {
  if (read(rows) == rows.size()) return;
  put(rows, on_.or_update("service, shard", {"service"}));
  read(rows);
}

void lease_tables::replace(const lease_rows& rows) const {
  put(rows,
      on_.or_update("service, shard", {"epoch", "holder", "until_ms", "era", "released", "complete",
                                       "wanted_by", "saved_ms", "saved_era", "saved_wall_ms"}));
}

void lease_tables::lengthen(const std::string& service, const std::string& shards,
                            std::int64_t until) const {
  const long long value = until;
  session_ << "update leases set until_ms = :u where service = :s and shard in (" + shards + ")",
      use(value), use(service);
}

void lease_tables::put(const lease_rows& rows, const std::string& behind) const {
  constexpr std::size_t texts = 5;
  for (auto from = rows.begin(); from != rows.end();) {
    const auto left = static_cast<std::size_t>(std::distance(from, rows.end()));
    std::vector<lease_buffer> part;
    part.reserve(std::min(left, rows_a_statement)); // SOCI keeps references
    soci::statement insert(session_);
    std::string values;
    for (std::size_t n = 0; n < std::min(left, rows_a_statement); ++n, ++from) {
      auto& row = part.emplace_back(from->first, from->second);
      row.each_text([&insert](auto& text) { insert.exchange(use(text)); });
      values += (n == 0 ? "" : ", ") + values_of(row, n * texts);
    }
    insert.alloc();
    insert.prepare(std::string("insert into leases (") + columns + ") values " + values + behind);
    insert.define_and_bind();
    insert.execute(true);
  }
}

std::size_t lease_tables::read(lease_rows& rows) const {
  std::size_t found = 0;
  for (auto from = rows.begin(); from != rows.end();) {
    const auto& service = from->first.service;
    std::string shards;
    for (; from != rows.end() && from->first.service == service; ++from)
      shards += (shards.empty() ? "" : ", ") + std::to_string(from->first.shard);
    lease_buffer at;
    soci::statement query(session_);
    query.exchange(use(service));
    at.each_column([&query](auto& value) { query.exchange(into(value)); });
    query.alloc();
    query.prepare(std::string("select ") + columns +
                  " from leases where service = :service and shard in (" + shards +
                  ") order by shard" + std::string(on_.for_update()));
    query.define_and_bind();
    for (bool more = query.execute(true); more; more = query.fetch()) {
      rows.insert_or_assign(at.key(), at.row());
      ++found;
    }
  }
  return found;
}

std::string lease_tables::read_state(const lease_key& of) const {
  const int shard = of.shard;
  std::string text;
  session_ << "select state from lease_states where service = :s and shard = :n", use(of.service),
      use(shard), into(text);
  return session_.got_data() ? unescaped(text) : std::string();
}

void lease_tables::replace_state(const lease_key& of, const std::string& state) const {
  const int shard = of.shard;
  const auto text = escaped(state);
  session_ << "insert into lease_states (service, shard, state) values (:s, :n, :t)" +
                  on_.or_update("service, shard", {"state"}),
      use(of.service), use(shard), use(text);
}

void lease_tables::join(const std::string& service, const std::string& node, const lease_time& now,
                        std::chrono::milliseconds ttl) const {
  const long long until = now.ms + ttl.count();
  session_ << "insert into lease_members (service, node, until_ms, era) values (:s, :n, :u, :e)" +
                  on_.or_update("service, node", {"until_ms", "era"}),
      use(service), use(node), use(until), use(now.era);
}

void lease_tables::leave(const std::string& service, const std::string& node) const {
  session_ << "delete from lease_members where service = :s and node = :n", use(service), use(node);
}

std::vector<std::string> lease_tables::members(const std::string& service,
                                               const lease_time& now) const {
  const long long after = now.ms;
  std::vector<std::string> out;
  std::string node;
  soci::statement query =
      (session_.prepare << "select node from lease_members where service = :s and era = :e and "
                           "until_ms > :u",
       use(service), use(now.era), use(after), into(node));
  for (bool more = query.execute(true); more; more = query.fetch()) out.push_back(node);
  // Not `order by`: a database may have an order of its own.
  std::ranges::sort(out);
  if (out.size() > limits::shard_nodes) out.resize(limits::shard_nodes);
  return out;
}

void lease_tables::forget_members(const std::string& service, const lease_time& now) const {
  constexpr std::chrono::milliseconds delay = std::chrono::minutes(1);
  const long long before = now.ms - delay.count();
  std::vector<std::string> gone;
  std::string node;
  {
    soci::statement query =
        (session_.prepare << "select node from lease_members where service = :s and (era <> :e or "
                             "until_ms < :u) limit 64",
         use(service), use(now.era), use(before), into(node));
    for (bool more = query.execute(true); more; more = query.fetch()) gone.push_back(node);
  }
  std::ranges::sort(gone); // all processes in one order, by whole keys: no circle of waits
  for (const auto& each : gone)
    session_ << "delete from lease_members where service = :s and node = :n and (era <> :e or "
                "until_ms < :u)",
        use(service), use(each), use(now.era), use(before);
}

} // namespace troupe::sql

#include "adapters/sql/limit_rows.hpp"

#include "messages/base/limits.hpp"

#include <algorithm>
#include <charconv>
#include <span>

namespace troupe::sql {
namespace {

using limit_rules::lease_set;
using limit_rules::sliding_counter;
using soci::into;
using soci::use;

/// The words of a text, which we wrote: one that is missing or no number is damage.
class words {
public:
  explicit words(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool any() const noexcept { return !rest_.empty(); }
  std::string_view next(char end = ' ') {
    if (rest_.empty()) throw soci::soci_error("a limit's row is damaged");
    const auto word = rest_.substr(0, rest_.find(end));
    rest_.remove_prefix(std::min(word.size() + 1, rest_.size()));
    return word;
  }
  std::int64_t number(char end = ' ') {
    const auto word = next(end);
    std::int64_t out = 0;
    const auto [last, wrong] = std::from_chars(word.data(), word.data() + word.size(), out);
    if (wrong != std::errc() || last != word.data() + word.size())
      throw soci::soci_error("a limit's row is damaged");
    return out;
  }

private:
  std::string_view rest_;
};

void append(std::string& out, std::string_view word) {
  if (!out.empty()) out += ' ';
  out += word;
}
void append(std::string& out, std::int64_t number) {
  append(out, std::to_string(number));
}

limit_row row_of(const sliding_counter& from) {
  limit_row out{{}, from.ends_at()};
  for (const auto& each : from.buckets()) {
    append(out.text, each.number);
    append(out.text, each.amount);
  }
  return out;
}
limit_row row_of(const lease_set& from) {
  limit_row out{{}, from.ends_at()};
  const std::map<std::string, std::int64_t> in_order(from.leases().begin(), from.leases().end());
  for (const auto& [id, until] : in_order) {
    append(out.text, escaped(id));
    append(out.text, until);
  }
  return out;
}

void fill(sliding_counter& to, words from) {
  while (from.any()) {
    const auto number = from.number();
    to.put_back({number, from.number()});
  }
}
void fill(lease_set& to, words from) {
  while (from.any()) {
    const auto id = unescaped(from.next());
    to.hold(id, from.number());
  }
}

/// `(:a0, :b0), (:a1, :b1)` as often as there are rows.
std::string marks(std::size_t rows, std::initializer_list<const char*> columns) {
  std::string out;
  for (std::size_t n = 0; n < rows; ++n) {
    const char* before = n == 0 ? "(:" : ", (:";
    for (const char* column : columns) {
      out.append(before).append(column).append(std::to_string(n));
      before = ", :";
    }
    out += ')';
  }
  return out;
}

} // namespace

limit_row row_of(const limit_rules::counter& from) {
  return std::visit([](const auto& each) { return row_of(each); }, from);
}

limit_rules::counter counter_of(std::string_view name, std::string_view text) {
  words parts(name);
  const auto kind = static_cast<limit_kind>(parts.number(':'));
  auto out = limit_rules::make_counter(kind, std::chrono::milliseconds(parts.number(':')));
  std::visit([&](auto& each) { fill(each, words(text)); }, out);
  return out;
}

limit_row row_of(const limit_rules::record& from) {
  limit_row out{{}, from.until};
  for (const auto& each : from.wants) {
    append(out.text, escaped(each.counter));
    for (const auto number : {each.bucket, each.amount, each.lease_ms}) append(out.text, number);
  }
  return out;
}

limit_rules::record record_of(const limit_row& row) {
  limit_rules::record out{{}, row.expires_at};
  for (words from(row.text); from.any();) {
    limit_rules::taken each{unescaped(from.next())};
    for (auto* number : {&each.bucket, &each.amount, &each.lease_ms}) *number = from.number();
    out.wants.push_back(std::move(each));
  }
  return out;
}

limit_rows limit_table::read(const std::vector<std::string>& names) const {
  limit_rows out;
  for (std::span<const std::string> left(names); !left.empty();) {
    const auto part = left.first(std::min(left.size(), rows_a_statement));
    left = left.subspan(part.size());
    std::string name, text;
    long long expires_at = 0;
    soci::statement query(session_);
    for (const auto& each : part) query.exchange(use(each));
    query.exchange(into(name));
    query.exchange(into(text));
    query.exchange(into(expires_at));
    query.alloc();
    query.prepare("select name, " + text_ + ", expires_at from " + table_ + " where name in (" +
                  marks(part.size(), {"n"}) + ")");
    query.define_and_bind();
    for (bool more = query.execute(true); more; more = query.fetch())
      out[name] = {text, expires_at};
  }
  return out;
}

void limit_table::lock(const std::vector<std::string>& names) const {
  limit_rows rows;
  for (const auto& name : names) rows[name];
  put(rows, on_.or_update("name", {"name"}));
}

void limit_table::replace(const limit_rows& rows) const {
  put(rows, on_.or_update("name", {text_, "expires_at"}));
}

void limit_table::put(const limit_rows& rows, const std::string& behind) const {
  for (auto from = rows.begin(); from != rows.end();) {
    const auto left = static_cast<std::size_t>(std::distance(from, rows.end()));
    const auto count = std::min(left, rows_a_statement);
    std::vector<long long> ends(count);
    soci::statement insert(session_);
    for (std::size_t n = 0; n < count; ++n, ++from) {
      ends[n] = from->second.expires_at;
      insert.exchange(use(from->first));
      insert.exchange(use(from->second.text));
      insert.exchange(use(ends[n]));
    }
    insert.alloc();
    insert.prepare("insert into " + table_ + " (name, " + text_ + ", expires_at) values " +
                   marks(count, {"n", "t", "e"}) + behind);
    insert.define_and_bind();
    insert.execute(true);
  }
}

std::size_t limit_table::sweep(std::int64_t ended_before) const {
  const long long before = ended_before;
  std::vector<std::string> names;
  std::string name;
  soci::statement ended =
      (session_.prepare << "select name from " + table_ + " where expires_at < :before limit " +
                               std::to_string(limits::limit_sweep_rows),
       use(before), into(name));
  for (bool more = ended.execute(true); more; more = ended.fetch()) names.push_back(name);
  std::ranges::sort(names);
  for (const auto& each : names)
    session_ << "delete from " + table_ + " where name = :name and expires_at < :before", use(each),
        use(before);
  return names.size();
}

} // namespace troupe::sql

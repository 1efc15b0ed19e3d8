#include "adapters/sql/database.hpp"
#include "messages/base/limits.hpp"
#include "messages/codec/chat_json.hpp"

#include <charconv>
#include <optional>

namespace troupe {
namespace {

using soci::into;
using soci::use;
using sql::database;

constexpr const char* columns =
    "select seq, id, user_id, time, level, service, message, attributes from log_records ";

/// A cursor is `time~seq`, the place of a page's last record.
struct place {
  std::string time;
  long long seq = 0;
};

std::optional<place> parse_cursor(const std::string& text) {
  const auto at = text.rfind('~');
  if (at == std::string::npos || at == 0 || at > 40) return std::nullopt;
  place p{text.substr(0, at), 0};
  const auto* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data() + at + 1, end, p.seq);
  if (code != std::errc() || rest != end) return std::nullopt;
  return p;
}

/// `word` as a LIKE pattern that matches it anywhere, with `!` as the escape.
std::string like_pattern(const std::string& word) {
  std::string out = "%";
  for (const char c : word) {
    if (c == '%' || c == '_' || c == '!') out += '!';
    out += c;
  }
  return out + '%';
}

/// Rows of a query whose parameters are all text or numbers, bound by position.
class row_reader {
public:
  explicit row_reader(soci::session& s) : query_(s) {}
  void bind(const std::string& text) { query_.exchange(use(text)); }
  void bind(const long long& number) { query_.exchange(use(number)); }

  /// `each(seq, record)` a row, until it answers false.
  template <class F>
  void run(const std::string& sql, F each) {
    log_record r;
    long long seq = 0;
    int level = 0;
    query_.exchange(into(seq));
    query_.exchange(into(r.id));
    query_.exchange(into(r.user));
    query_.exchange(into(r.time));
    query_.exchange(into(level));
    query_.exchange(into(r.service));
    query_.exchange(into(r.message));
    query_.exchange(into(r.attributes.raw));
    query_.alloc();
    query_.prepare(sql);
    query_.define_and_bind();
    for (bool more = query_.execute(true); more; more = query_.fetch()) {
      r.level = static_cast<log_level>(level);
      if (!each(seq, r)) return;
    }
  }

private:
  soci::statement query_;
};

result<log_record> find_record(soci::session& s, const std::string& user, const std::string& id) {
  std::optional<log_record> out;
  row_reader rows(s);
  rows.bind(user);
  rows.bind(id);
  rows.run(std::string(columns) + "where user_id = :u and id = :i",
           [&](long long, const log_record& r) {
             out = r;
             return false;
           });
  if (!out) return fail(errc::not_found, "no such record");
  return std::move(*out);
}

result<log_slice> list_records(soci::session& s, const log_filter& f,
                               const std::optional<place>& from) {
  std::vector<std::string> patterns;
  patterns.reserve(f.words.size());
  for (const auto& w : f.words) patterns.push_back(like_pattern(w));
  const long long level = f.level ? static_cast<long long>(*f.level) : 0;
  row_reader rows(s);
  std::string sql = std::string(columns) + "where user_id = :u";
  int n = 0;
  const auto add = [&](const char* before, const auto& value, const char* after = "") {
    sql += before + (":p" + std::to_string(n++)) + after;
    rows.bind(value);
  };
  rows.bind(f.user);
  if (f.level) add(" and level = ", level);
  if (!f.service.empty()) add(" and service = ", f.service);
  if (!f.since.empty()) add(" and time >= ", f.since);
  if (!f.until.empty()) add(" and time < ", f.until);
  for (const auto& p : patterns) add(" and message like ", p, " escape '!'");
  if (from) { // the first condition bounds the index, the second is exact
    add(" and time <= ", from->time);
    add(" and (time < ", from->time);
    add(" or seq < ", from->seq, ")");
  }
  sql += " order by time desc, seq desc limit " + std::to_string(std::uint64_t{f.limit} + 1);

  log_slice out;
  place last;
  std::size_t bytes = 0;
  rows.run(sql, [&](long long seq, const log_record& r) {
    if (out.records.size() == f.limit || bytes >= limits::log_page_bytes) {
      out.next = last.time + '~' + std::to_string(last.seq);
      return false;
    }
    out.records.push_back(r);
    bytes += r.message.size() + r.attributes.raw.size();
    last = {r.time, seq};
    return true;
  });
  return out;
}

/// Deletes the oldest of the user's records, at most `max`.
purge_step purge_records(soci::session& s, const std::string& user, std::uint32_t max) {
  // The inner select is a table of its own: MySQL takes no `limit` in an `in`.
  soci::statement erase =
      (s.prepare << "delete from log_records where seq in (select seq from (select seq from "
                    "log_records where user_id = :u order by time, seq limit " +
                        std::to_string(max) + ") oldest)",
       use(user));
  erase.execute(true);
  const auto deleted = static_cast<std::uint64_t>(erase.get_affected_rows());
  return {deleted, deleted == max};
}

/// The statement of `append`, prepared once on the writer's connection. On the hot path: every chat
/// leaves a record.
class record_writer {
public:
  explicit record_writer(soci::session& s)
      : insert_((s.prepare << "insert into log_records (seq, id, user_id, time, level, service, "
                              "message, attributes) values (:s, :i, :u, :t, :l, :v, :m, :a) "
                              "on conflict (id) do nothing",
                 use(seq_), use(row_.id), use(row_.user), use(row_.time), use(level_),
                 use(row_.service), use(row_.message), use(row_.attributes.raw))) {
    s << "select coalesce(max(seq), 0) from log_records", into(seq_);
  }

  /// A record whose id is there already is left: an at-least-once sender came again.
  void add(const log_record& record) {
    row_ = record;
    level_ = static_cast<int>(record.level);
    ++seq_;
    insert_.execute(true);
  }

private:
  log_record row_;
  long long seq_ = 0; ///< the newest, or above it; this connection is the file's only writer
  int level_ = 0;
  soci::statement insert_;
};

std::size_t content_bytes(const std::vector<log_record>& records) {
  std::size_t sum = 0;
  for (const auto& r : records) sum += r.message.size() + r.attributes.raw.size();
  return sum;
}

class sql_log final : public log_store {
public:
  explicit sql_log(std::shared_ptr<database> db) : db_(std::move(db)) {}
  ~sql_log() override {
    db_->stop(); // before the writer's statements go
  }

  void append(std::vector<log_record> records, reply<done> answer) override {
    const auto bytes = content_bytes(records);
    db_->write<done>(
        std::move(answer),
        [this, records = std::move(records)](soci::session& s) -> result<done> {
          try {
            if (!writer_) writer_ = std::make_unique<record_writer>(s);
            for (const auto& record : records) writer_->add(record);
          } catch (...) {
            writer_.reset(); // what it remembers of the file may be rolled back
            throw;
          }
          return done{};
        },
        bytes);
  }

  void get(std::string user, std::string id, reply<log_record> answer) override {
    db_->read<log_record>(std::move(answer),
                          [user = std::move(user), id = std::move(id)](soci::session& s) {
                            return find_record(s, user, id);
                          });
  }

  void patch(std::string user, std::string id, json_text attributes,
             reply<log_record> answer) override {
    db_->write<log_record>(
        std::move(answer),
        [user = std::move(user), id = std::move(id),
         attributes = std::move(attributes)](soci::session& s) -> result<log_record> {
          auto record = find_record(s, user, id);
          if (!record) return record;
          auto merged = chat_json::merge_patch(record->attributes, attributes);
          if (!merged) return std::unexpected(std::move(merged.error()));
          record->attributes = std::move(*merged);
          s << "update log_records set attributes = :a where id = :i", use(record->attributes.raw),
              use(id);
          return record;
        });
  }

  void list(log_filter filter, reply<log_slice> answer) override {
    std::optional<place> from;
    if (!filter.before.empty()) {
      from = parse_cursor(filter.before);
      if (!from)
        return answer.fail(
            make_error(errc::invalid_argument, "cursor: not one of this server's", "cursor"));
    }
    if (filter.words.size() > log_words_max)
      return answer.fail(make_error(errc::invalid_argument,
                                    "q: at most " + std::to_string(log_words_max) + " words", "q"));
    db_->read<log_slice>(std::move(answer),
                         [filter = std::move(filter), from = std::move(from)](soci::session& s) {
                           return list_records(s, filter, from);
                         });
  }

  /// An empty write: it commits after everything that was queued before.
  void flush(reply<done> answer) override {
    db_->write<done>(std::move(answer), [](soci::session&) -> result<done> { return done{}; });
  }

  void purge(std::string user, std::uint32_t max, reply<purge_step> answer) override {
    db_->write<purge_step>(std::move(answer),
                           [user = std::move(user), max](soci::session& s) -> result<purge_step> {
                             return purge_records(s, user, max);
                           });
  }

private:
  std::shared_ptr<database> db_;
  std::unique_ptr<record_writer> writer_; ///< of the writer's thread
};

} // namespace

result<std::unique_ptr<log_store>> open_log_store(const sql_config& config) {
  auto db = database::open(config, sql::log_schema);
  if (!db) return std::unexpected(std::move(db.error()));
  return std::make_unique<sql_log>(*db);
}

} // namespace troupe

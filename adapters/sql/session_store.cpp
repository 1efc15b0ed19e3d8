#include "adapters/sql/account_rows.hpp"

namespace troupe::sql {
namespace {

using soci::into;
using soci::use;

constexpr const char* columns =
    "select id, user_id, refresh_hash, rotated_at, expires_at, revoked, created_at, method, "
    "address, user_agent from sessions ";

template <class Bind>
std::vector<session_row> select(soci::session& s, const std::string& where, Bind bind) {
  std::vector<session_row> rows;
  session_row row;
  long long rotated = 0, expires = 0, created = 0;
  int revoked = 0;
  soci::statement query(s);
  bind(query);
  for (auto* text : {&row.id, &row.user_id, &row.refresh_hash}) query.exchange(into(*text));
  query.exchange(into(rotated));
  query.exchange(into(expires));
  query.exchange(into(revoked));
  query.exchange(into(created));
  for (auto* text : {&row.method, &row.address, &row.user_agent}) query.exchange(into(*text));
  query.alloc();
  query.prepare(columns + where);
  query.define_and_bind();
  for (bool more = query.execute(true); more; more = query.fetch()) {
    row.rotated_at = rotated;
    row.expires_at = expires;
    row.revoked = revoked != 0;
    row.created_at = created;
    rows.push_back(row);
  }
  return rows;
}

result<session_row> find(soci::session& s, const std::string& where, const std::string& value) {
  return first(select(s, where, [&](soci::statement& q) { q.exchange(use(value, "v")); }),
               "no such session");
}

class sql_sessions final : public session_store {
public:
  explicit sql_sessions(std::shared_ptr<database> db) : db_(std::move(db)) {}

  void insert_session(session_row row, reply<done> answer) override {
    db_->write<done>(std::move(answer), [row = std::move(row)](soci::session& s) -> result<done> {
      const long long rotated = row.rotated_at, expires = row.expires_at, created = row.created_at;
      const int revoked = row.revoked ? 1 : 0;
      s << "insert into sessions (id, user_id, refresh_hash, rotated_at, expires_at, revoked, "
           "created_at, method, address, user_agent) values (:id, :user, :hash, :rotated, "
           ":expires, :revoked, :created, :method, :address, :agent)",
          use(row.id), use(row.user_id), use(row.refresh_hash), use(rotated), use(expires),
          use(revoked), use(created), use(row.method), use(row.address), use(row.user_agent);
      return done{};
    });
  }
  void session_by_id(std::string id, reply<session_row> answer) override {
    db_->read_in_order<session_row>(std::move(answer), [id = std::move(id)](soci::session& s) {
      return find(s, "where id = :v", id);
    });
  }
  void session_by_refresh(std::string hash, reply<session_row> answer) override {
    db_->read_in_order<session_row>(
        std::move(answer), [hash = std::move(hash)](soci::session& s) -> result<session_row> {
          if (auto current = find(s, "where refresh_hash = :v", hash)) return current;
          std::string id;
          long long spent_at = 0;
          s << "select session_id, spent_at from spent_tokens where hash = :h", use(hash), into(id),
              into(spent_at);
          if (!s.got_data()) return none("no such session");
          auto row = find(s, "where id = :v", id);
          if (row) row->spent_at = spent_at;
          return row;
        });
  }
  void rotate(std::string id, std::string current, std::string next, std::int64_t now,
              std::int64_t expires_at, reply<done> answer) override {
    db_->write<done>(std::move(answer), [=](soci::session& s) -> result<done> {
      const long long rotated = now, expires = expires_at;
      // One statement decides, for another process may rotate the same session at this moment.
      soci::statement update =
          (s.prepare << "update sessions set refresh_hash = :next, rotated_at = :now, "
                        "expires_at = :expires where id = :id and refresh_hash = :current",
           use(next), use(rotated), use(expires), use(id), use(current));
      if (affected(update) == 0) {
        if (!find(s, "where id = :v", id)) return none("no such session");
        return fail(errc::conflict, "the token was rotated meanwhile");
      }
      s << "insert into spent_tokens (hash, session_id, spent_at) values (:hash, :id, :now)",
          use(current), use(id), use(rotated);
      return done{};
    });
  }
  void list_sessions(std::string user, std::int64_t now,
                     reply<std::vector<session_row>> answer) override {
    db_->read_in_order<std::vector<session_row>>(
        std::move(answer),
        [user = std::move(user), now](soci::session& s) -> result<std::vector<session_row>> {
          const long long after = now;
          return select(s,
                        "where user_id = :v and revoked = 0 and expires_at > :w "
                        "order by created_at desc, id desc limit 1000",
                        [&](soci::statement& q) {
                          q.exchange(use(user, "v"));
                          q.exchange(use(after, "w"));
                        });
        });
  }
  void revoke_session(std::string user, std::string id, reply<done> answer) override {
    db_->write<done>(
        std::move(answer),
        [user = std::move(user), id = std::move(id)](soci::session& s) -> result<done> {
          const auto row = find(s, "where id = :v", id);
          if (!row || row->user_id != user) return none("no such session");
          s << "update sessions set revoked = 1 where id = :id", use(id);
          return done{};
        });
  }
  void revoke_sessions(std::string user, std::string except,
                       reply<std::vector<std::string>> answer) override {
    db_->write<std::vector<std::string>>(
        std::move(answer),
        [user = std::move(user),
         except = std::move(except)](soci::session& s) -> result<std::vector<std::string>> {
          std::vector<std::string> ids;
          for (const auto& row : select(s, "where user_id = :v and revoked = 0 and id <> :w",
                                        [&](soci::statement& q) {
                                          q.exchange(use(user, "v"));
                                          q.exchange(use(except, "w"));
                                        }))
            ids.push_back(row.id);
          // Those that begin at this moment in another process come after this sign-out.
          s << "update sessions set revoked = 1 where user_id = :user and id <> :except", use(user),
              use(except);
          return ids;
        });
  }
  void drop_expired(std::int64_t now, reply<std::int64_t> answer) override {
    db_->write<std::int64_t>(std::move(answer), [now](soci::session& s) -> result<std::int64_t> {
      const long long before = now;
      const auto old = select(s, "where expires_at < :v limit 1000",
                              [&](soci::statement& q) { q.exchange(use(before, "v")); });
      for (const auto& row : old) {
        s << "delete from spent_tokens where session_id = :id", use(row.id);
        s << "delete from sessions where id = :id", use(row.id);
      }
      return static_cast<std::int64_t>(old.size());
    });
  }

private:
  std::shared_ptr<database> db_;
};

} // namespace

std::unique_ptr<session_store> make_sessions(std::shared_ptr<database> db) {
  return std::make_unique<sql_sessions>(std::move(db));
}

} // namespace troupe::sql

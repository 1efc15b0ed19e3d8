#include "adapters/sql/database.hpp"

#include <optional>

namespace troupe {
namespace {

using soci::into;
using soci::use;
using sql::database;

/// E-mail addresses are compared in lower case (ASCII, as mail systems do).
std::string email_key(std::string email) {
  for (auto& c : email)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return email;
}

std::unexpected<error> none(const char* what) {
  return fail(errc::not_found, what);
}

constexpr const char* user_columns =
    "select id, email, name, password_hash, admin, created_at from users ";
constexpr const char* session_columns =
    "select id, user_id, refresh_hash, rotated_at, expires_at, revoked from sessions ";

template <class Value>
std::optional<user_row> find_user(soci::session& s, const std::string& where, const Value& value) {
  user_row row;
  int admin = 0;
  s << user_columns + where, use(value, "v"), into(row.id), into(row.email), into(row.name),
      into(row.password_hash), into(admin), into(row.created_at);
  if (!s.got_data()) return std::nullopt;
  row.admin = admin != 0;
  return row;
}

std::optional<session_row> find_session(soci::session& s, const std::string& where,
                                        const std::string& value) {
  session_row row;
  long long rotated = 0, expires = 0;
  int revoked = 0;
  s << session_columns + where, use(value, "v"), into(row.id), into(row.user_id),
      into(row.refresh_hash), into(rotated), into(expires), into(revoked);
  if (!s.got_data()) return std::nullopt;
  row.rotated_at = rotated;
  row.expires_at = expires;
  row.revoked = revoked != 0;
  return row;
}

std::optional<std::string> find_secret(soci::session& s, const std::string& name) {
  std::string stored;
  s << "select secret from installation_secrets where name = :name", use(name), into(stored);
  return s.got_data() ? std::optional(std::move(stored)) : std::nullopt;
}

template <class Row>
result<Row> found(std::optional<Row> row, const char* what) {
  if (!row) return none(what);
  return std::move(*row);
}

class sql_users final : public user_store {
public:
  explicit sql_users(std::shared_ptr<database> db) : db_(std::move(db)) {}

  void insert_user(user_row row, reply<done> answer) override {
    db_->write<done>(std::move(answer), [row = std::move(row)](soci::session& s) -> result<done> {
      const auto key = email_key(row.email);
      if (find_user(s, "where email_key = :v", key))
        return fail(errc::conflict, "an account with this e-mail exists already", "email");
      const int admin = row.admin ? 1 : 0;
      s << "insert into users (id, email, email_key, name, password_hash, admin, created_at) "
           "values "
           "(:id, :email, :key, :name, :hash, :admin, :created)",
          use(row.id), use(row.email), use(key), use(row.name), use(row.password_hash), use(admin),
          use(row.created_at);
      return done{};
    });
  }
  void user_by_email(std::string email, reply<user_row> answer) override {
    db_->read_in_order<user_row>(
        std::move(answer), [key = email_key(std::move(email))](soci::session& s) {
          return found(find_user(s, "where email_key = :v", key), "no such account");
        });
  }
  void user_by_id(std::string id, reply<user_row> answer) override {
    db_->read_in_order<user_row>(std::move(answer), [id = std::move(id)](soci::session& s) {
      return found(find_user(s, "where id = :v", id), "no such account");
    });
  }
  void first_admin(reply<user_row> answer) override {
    db_->read_in_order<user_row>(std::move(answer), [](soci::session& s) {
      return found(find_user(s, "where admin = :v order by created_at, id limit 1", 1),
                   "no admin yet");
    });
  }

  void insert_session(session_row row, reply<done> answer) override {
    db_->write<done>(std::move(answer), [row = std::move(row)](soci::session& s) -> result<done> {
      const long long rotated = row.rotated_at, expires = row.expires_at;
      const int revoked = row.revoked ? 1 : 0;
      s << "insert into sessions (id, user_id, refresh_hash, rotated_at, expires_at, revoked) "
           "values "
           "(:id, :user, :hash, :rotated, :expires, :revoked)",
          use(row.id), use(row.user_id), use(row.refresh_hash), use(rotated), use(expires),
          use(revoked);
      return done{};
    });
  }
  void session_by_id(std::string id, reply<session_row> answer) override {
    db_->read_in_order<session_row>(std::move(answer), [id = std::move(id)](soci::session& s) {
      return found(find_session(s, "where id = :v", id), "no such session");
    });
  }
  void session_by_refresh(std::string hash, reply<session_row> answer) override {
    db_->read_in_order<session_row>(
        std::move(answer), [hash = std::move(hash)](soci::session& s) -> result<session_row> {
          if (auto current = find_session(s, "where refresh_hash = :v", hash))
            return std::move(*current);
          std::string id;
          long long spent_at = 0;
          s << "select session_id, spent_at from spent_tokens where hash = :h", use(hash), into(id),
              into(spent_at);
          if (!s.got_data()) return none("no such session");
          auto row = find_session(s, "where id = :v", id);
          if (row) row->spent_at = spent_at;
          return found(std::move(row), "no such session");
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
      update.execute(true);
      if (update.get_affected_rows() == 0) {
        if (!find_session(s, "where id = :v", id)) return none("no such session");
        return fail(errc::conflict, "the token was rotated meanwhile");
      }
      s << "insert into spent_tokens (hash, session_id, spent_at) values (:hash, :id, :now)",
          use(current), use(id), use(rotated);
      return done{};
    });
  }
  void revoke_session(std::string id, reply<done> answer) override {
    db_->write<done>(std::move(answer), [id = std::move(id)](soci::session& s) -> result<done> {
      s << "update sessions set revoked = 1 where id = :id", use(id);
      return done{};
    });
  }

  void installation_secret(std::string name, std::string candidate,
                           reply<std::string> answer) override {
    // Another process may store its own between our look and our insert: then that one counts. The
    // reply comes on a thread of the database, which therefore lives.
    auto looked_again = reply<std::string>(
        [db = db_.get(), name, answer = std::move(answer)](result<std::string> stored) mutable {
          if (stored || stored.error().code != errc::conflict) return answer(std::move(stored));
          db->read<std::string>(std::move(answer), [name](soci::session& s) -> result<std::string> {
            if (auto there = find_secret(s, name)) return std::move(*there);
            return none("no such secret");
          });
        });
    db_->write<std::string>(
        std::move(looked_again),
        [name = std::move(name),
         candidate = std::move(candidate)](soci::session& s) -> result<std::string> {
          if (auto there = find_secret(s, name)) return std::move(*there);
          s << "insert into installation_secrets (name, secret) values (:name, :secret)", use(name),
              use(candidate);
          return candidate;
        });
  }

private:
  std::shared_ptr<database> db_;
};

class sql_keys final : public api_key_store {
public:
  explicit sql_keys(std::shared_ptr<database> db) : db_(std::move(db)) {}

  void insert_key(api_key_row row, reply<done> answer) override {
    db_->write<done>(std::move(answer), [row = std::move(row)](soci::session& s) -> result<done> {
      const long long created = row.created_at;
      const int revoked = row.revoked ? 1 : 0;
      s << "insert into api_keys (id, user_id, name, hash, hint, created_at, revoked) values "
           "(:id, :user, :name, :hash, :hint, :created, :revoked)",
          use(row.id), use(row.user_id), use(row.name), use(row.hash), use(row.hint), use(created),
          use(revoked);
      return done{};
    });
  }
  void key_by_hash(std::string hash, reply<api_key_row> answer) override {
    db_->read_in_order<api_key_row>(
        std::move(answer), [hash = std::move(hash)](soci::session& s) -> result<api_key_row> {
          auto rows = select(s, "where hash = :v and revoked = 0", hash);
          if (rows.empty()) return none("no such API key");
          return std::move(rows.front());
        });
  }
  void list_keys(std::string user, reply<std::vector<api_key_row>> answer) override {
    db_->read_in_order<std::vector<api_key_row>>(
        std::move(answer),
        [user = std::move(user)](soci::session& s) -> result<std::vector<api_key_row>> {
          return select(
              s, "where user_id = :v and revoked = 0 order by created_at desc, id desc limit 1000",
              user);
        });
  }
  void revoke_key(std::string user, std::string id, reply<done> answer) override {
    db_->write<done>(
        std::move(answer),
        [user = std::move(user), id = std::move(id)](soci::session& s) -> result<done> {
          soci::statement update =
              (s.prepare << "update api_keys set revoked = 1 where id = :id and "
                            "user_id = :user and revoked = 0",
               use(id), use(user));
          update.execute(true);
          if (update.get_affected_rows() == 0) return none("no such API key");
          return done{};
        });
  }

private:
  static std::vector<api_key_row> select(soci::session& s, const std::string& where,
                                         const std::string& value) {
    std::vector<api_key_row> rows;
    api_key_row row;
    long long created = 0;
    soci::statement query =
        (s.prepare << "select id, user_id, name, hash, hint, created_at from api_keys " + where,
         use(value), into(row.id), into(row.user_id), into(row.name), into(row.hash),
         into(row.hint), into(created));
    for (query.execute(); query.fetch();) {
      row.created_at = created;
      rows.push_back(row);
    }
    return rows;
  }

  std::shared_ptr<database> db_;
};

} // namespace

result<auth_stores> open_auth_stores(const sql_config& config) {
  auto db = database::open(config, sql::auth_schema);
  if (!db) return std::unexpected(std::move(db.error()));
  return auth_stores{std::make_unique<sql_users>(*db), std::make_unique<sql_keys>(*db)};
}

} // namespace troupe

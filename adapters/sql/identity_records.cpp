#include "adapters/sql/account_rows.hpp"

namespace troupe::sql {
namespace {

using soci::into;
using soci::use;

std::vector<one_time_row> select_tokens(soci::session& s, const std::string& where,
                                        const std::string& first_value,
                                        const std::string& second_value) {
  std::vector<one_time_row> rows;
  one_time_row row;
  long long created = 0, expires = 0;
  soci::statement query =
      (s.prepare << "select hash, kind, user_id, email, extra, created_at, expires_at from "
                    "one_time_tokens where " +
                        where,
       use(first_value, "v"), use(second_value, "w"), into(row.hash), into(row.kind),
       into(row.user_id), into(row.email), into(row.extra.raw), into(created), into(expires));
  for (query.execute(); query.fetch();) {
    row.created_at = created;
    row.expires_at = expires;
    rows.push_back(row);
  }
  return rows;
}

class sql_one_time final : public one_time_store {
public:
  explicit sql_one_time(std::shared_ptr<database> db) : db_(std::move(db)) {}

  void put(one_time_row row, bool only_one, reply<done> answer) override {
    db_->write<done>(std::move(answer),
                     [row = std::move(row), only_one](soci::session& s) -> result<done> {
                       if (only_one)
                         s << "delete from one_time_tokens where user_id = :user and kind = :kind",
                             use(row.user_id), use(row.kind);
                       const long long created = row.created_at, expires = row.expires_at;
                       s << "insert into one_time_tokens (hash, kind, user_id, email, extra, "
                            "created_at, expires_at) values (:hash, :kind, :user, :email, :extra, "
                            ":created, :expires)",
                           use(row.hash), use(row.kind), use(row.user_id), use(row.email),
                           use(row.extra.raw), use(created), use(expires);
                       return done{};
                     });
  }
  void take(std::string kind, std::string hash, std::int64_t now,
            reply<one_time_row> answer) override {
    db_->write<one_time_row>(
        std::move(answer),
        [kind = std::move(kind), hash = std::move(hash),
         now](soci::session& s) -> result<one_time_row> {
          auto row =
              first(select_tokens(s, "kind = :v and hash = :w", kind, hash), "no such token");
          if (!row) return row;
          soci::statement remove =
              (s.prepare << "delete from one_time_tokens where hash = :hash", use(hash));
          if (affected(remove) == 0 || row->expires_at <= now) return none("no such token");
          return row;
        });
  }
  void newest(std::string kind, std::string user_id, reply<one_time_row> answer) override {
    db_->read_in_order<one_time_row>(
        std::move(answer), [kind = std::move(kind), user = std::move(user_id)](soci::session& s) {
          return first(
              select_tokens(s, "kind = :v and user_id = :w order by created_at desc limit 1", kind,
                            user),
              "no such token");
        });
  }
  void drop_expired(std::int64_t now, reply<std::int64_t> answer) override {
    db_->write<std::int64_t>(std::move(answer), [now](soci::session& s) -> result<std::int64_t> {
      const long long before = now;
      soci::statement remove =
          (s.prepare << "delete from one_time_tokens where expires_at < :now", use(before));
      return affected(remove);
    });
  }

private:
  std::shared_ptr<database> db_;
};

class sql_caps final : public caps_store {
public:
  explicit sql_caps(std::shared_ptr<database> db) : db_(std::move(db)) {}

  void put_caps(caps_row row, reply<done> answer) override {
    db_->write<done>(std::move(answer), [row = std::move(row)](soci::session& s) -> result<done> {
      s << "delete from caps where subject = :subject", use(row.subject);
      if (row == caps_row{.subject = row.subject}) return done{};
      const long long requests = row.requests_per_minute, tokens = row.tokens_per_minute,
                      streams = row.streams, money = row.micro_usd_per_day;
      s << "insert into caps (subject, requests_per_minute, tokens_per_minute, streams, "
           "micro_usd_per_day) values (:subject, :requests, :tokens, :streams, :money)",
          use(row.subject), use(requests), use(tokens), use(streams), use(money);
      return done{};
    });
  }
  void caps_of(std::vector<std::string> subjects, reply<std::vector<caps_row>> answer) override {
    db_->read_in_order<std::vector<caps_row>>(
        std::move(answer),
        [subjects = std::move(subjects)](soci::session& s) -> result<std::vector<caps_row>> {
          std::vector<caps_row> rows;
          for (const auto& subject : subjects) {
            long long requests = 0, tokens = 0, streams = 0, money = 0;
            s << "select requests_per_minute, tokens_per_minute, streams, micro_usd_per_day from "
                 "caps where subject = :subject",
                use(subject), into(requests), into(tokens), into(streams), into(money);
            if (s.got_data()) rows.push_back({subject, requests, tokens, streams, money});
          }
          return rows;
        });
  }

private:
  std::shared_ptr<database> db_;
};

std::optional<std::string> find_secret(soci::session& s, const std::string& name) {
  std::string stored;
  s << "select secret from installation_secrets where name = :name", use(name), into(stored);
  return s.got_data() ? std::optional(std::move(stored)) : std::nullopt;
}

class sql_secrets final : public secret_store {
public:
  explicit sql_secrets(std::shared_ptr<database> db) : db_(std::move(db)) {}

  void installation_secret(std::string name, std::string candidate,
                           reply<std::string> answer) override {
    // Another process may store its own between our look and our insert: then that one counts. The
    // reply comes on a thread of the database, which therefore lives.
    auto looked_again = reply<std::string>(
        [db = db_.get(), name, answer = std::move(answer)](result<std::string> stored) mutable {
          if (stored || stored.error().code != errc::conflict) return answer(std::move(stored));
          db->read<std::string>(std::move(answer), [name](soci::session& s) {
            return found(find_secret(s, name), "no such secret");
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
  void signing_keys(std::int64_t now, reply<std::vector<signing_key_row>> answer) override {
    db_->read_in_order<std::vector<signing_key_row>>(
        std::move(answer), [now](soci::session& s) -> result<std::vector<signing_key_row>> {
          std::vector<signing_key_row> rows;
          signing_key_row row;
          const long long after = now;
          long long created = 0, retires = 0;
          soci::statement query =
              (s.prepare << "select kid, alg, secret, created_at, retires_at from signing_keys "
                            "where retires_at = 0 or retires_at > :now order by created_at desc, "
                            "kid limit 32",
               use(after), into(row.kid), into(row.alg), into(row.key.value), into(created),
               into(retires));
          for (query.execute(); query.fetch();) {
            row.created_at = created;
            row.retires_at = retires;
            rows.push_back(row);
          }
          return rows;
        });
  }
  void add_signing_key(signing_key_row row, std::int64_t others_retire_at,
                       reply<done> answer) override {
    db_->write<done>(
        std::move(answer),
        [row = std::move(row), others_retire_at](soci::session& s) -> result<done> {
          const long long created = row.created_at, retires = row.retires_at,
                          others = others_retire_at;
          s << "update signing_keys set retires_at = :others where retires_at = 0", use(others);
          s << "insert into signing_keys (kid, alg, secret, created_at, retires_at) values (:kid, "
               ":alg, :secret, :created, :retires)",
              use(row.kid), use(row.alg), use(row.key.value), use(created), use(retires);
          return done{};
        });
  }

private:
  std::shared_ptr<database> db_;
};

} // namespace

std::unique_ptr<one_time_store> make_one_time(std::shared_ptr<database> db) {
  return std::make_unique<sql_one_time>(std::move(db));
}
std::unique_ptr<caps_store> make_caps(std::shared_ptr<database> db) {
  return std::make_unique<sql_caps>(std::move(db));
}
std::unique_ptr<secret_store> make_secrets(std::shared_ptr<database> db) {
  return std::make_unique<sql_secrets>(std::move(db));
}

} // namespace troupe::sql

#include "adapters/sql/account_rows.hpp"

#include <ranges>

namespace troupe::sql {
namespace {

using soci::into;
using soci::use;

constexpr const char* columns =
    "select id, user_id, name, hash, hint, created_at, scopes, expires_at, last_used_at, "
    "organization from api_keys where revoked = 0 and ";

std::vector<api_key_row> select(soci::session& s, const std::string& where,
                                const std::string& value) {
  std::vector<api_key_row> rows;
  api_key_row row;
  std::string scopes;
  long long created = 0, expires = 0, last_used = 0;
  soci::statement query =
      (s.prepare << columns + where, use(value, "v"), into(row.id), into(row.user_id),
       into(row.name), into(row.hash), into(row.hint), into(created), into(scopes), into(expires),
       into(last_used), into(row.organization));
  for (query.execute(); query.fetch();) {
    row.created_at = created;
    row.scopes = split(scopes);
    row.expires_at = expires;
    row.last_used_at = last_used;
    rows.push_back(row);
  }
  return rows;
}

result<api_key_row> find_own(soci::session& s, const std::string& user, const std::string& id) {
  auto row = first(select(s, "id = :v", id), "no such API key");
  if (row && row->user_id != user) return none("no such API key");
  return row;
}

class sql_keys final : public api_key_store {
public:
  explicit sql_keys(std::shared_ptr<database> db) : db_(std::move(db)) {}

  void insert_key(api_key_row row, reply<done> answer) override {
    db_->write<done>(std::move(answer), [row = std::move(row)](soci::session& s) -> result<done> {
      const long long created = row.created_at, expires = row.expires_at,
                      last_used = row.last_used_at;
      const int revoked = row.revoked ? 1 : 0;
      const auto scopes = joined(row.scopes);
      s << "insert into api_keys (id, user_id, name, hash, hint, created_at, revoked, scopes, "
           "expires_at, last_used_at, organization) values (:id, :user, :name, :hash, :hint, "
           ":created, :revoked, :scopes, :expires, :last, :organization)",
          use(row.id), use(row.user_id), use(row.name), use(row.hash), use(row.hint), use(created),
          use(revoked), use(scopes), use(expires), use(last_used), use(row.organization);
      return done{};
    });
  }
  void key_by_hash(std::string hash, reply<api_key_row> answer) override {
    db_->read_in_order<api_key_row>(std::move(answer), [hash = std::move(hash)](soci::session& s) {
      return first(select(s, "hash = :v", hash), "no such API key");
    });
  }
  void key_by_id(std::string user, std::string id, reply<api_key_row> answer) override {
    db_->read_in_order<api_key_row>(std::move(answer),
                                    [user = std::move(user), id = std::move(id)](soci::session& s) {
                                      return find_own(s, user, id);
                                    });
  }
  void list_keys(std::string user, reply<std::vector<api_key_row>> answer) override {
    db_->read_in_order<std::vector<api_key_row>>(
        std::move(answer),
        [user = std::move(user)](soci::session& s) -> result<std::vector<api_key_row>> {
          return select(s, "user_id = :v order by created_at desc, id desc limit 1000", user);
        });
  }
  void change_key(std::string user, std::string id, api_key_change change,
                  reply<api_key_row> answer) override {
    db_->write<api_key_row>(
        std::move(answer),
        [user = std::move(user), id = std::move(id),
         change = std::move(change)](soci::session& s) -> result<api_key_row> {
          auto row = find_own(s, user, id);
          if (!row) return row;
          row->name = change.name.value_or(row->name);
          row->scopes = change.scopes.value_or(row->scopes);
          row->expires_at = change.expires_at.value_or(row->expires_at);
          const auto scopes = joined(row->scopes);
          const long long expires = row->expires_at;
          s << "update api_keys set name = :name, scopes = :scopes, expires_at = :expires where "
               "id = :id",
              use(row->name), use(scopes), use(expires), use(id);
          return row;
        });
  }
  void touch_key(std::string id, std::int64_t used_at, reply<done> answer) override {
    db_->write<done>(
        std::move(answer), [id = std::move(id), used_at](soci::session& s) -> result<done> {
          const long long at = used_at;
          s << "update api_keys set last_used_at = :at where id = :id", use(at), use(id);
          return done{};
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
          if (affected(update) == 0) return none("no such API key");
          const auto subject = "key:" + id;
          s << "delete from caps where subject = :subject", use(subject);
          return done{};
        });
  }

private:
  std::shared_ptr<database> db_;
};

} // namespace

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  for (const auto part : std::views::split(text, ' '))
    if (!part.empty()) words.emplace_back(part.begin(), part.end());
  return words;
}

std::unique_ptr<api_key_store> make_keys(std::shared_ptr<database> db) {
  return std::make_unique<sql_keys>(std::move(db));
}

} // namespace troupe::sql

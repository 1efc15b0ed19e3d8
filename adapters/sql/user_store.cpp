#include "adapters/sql/account_rows.hpp"

namespace troupe::sql {
namespace {

using soci::into;
using soci::use;

constexpr const char* columns =
    "select id, email, name, password_hash, role, anonymous, created_at, updated_at, "
    "last_sign_in_at, email_confirmed_at, banned_until, coalesce(app_metadata, ''), "
    "coalesce(user_metadata, '') from users ";

/// The rows of a statement whose parameters `bind` names.
template <class Bind>
std::vector<user_row> select(soci::session& s, const std::string& where, Bind bind) {
  std::vector<user_row> rows;
  user_row row;
  int anonymous = 0;
  soci::statement query(s);
  bind(query);
  for (auto* text : {&row.id, &row.email, &row.name, &row.password_hash, &row.role})
    query.exchange(into(*text));
  query.exchange(into(anonymous));
  for (auto* text :
       {&row.created_at, &row.updated_at, &row.last_sign_in_at, &row.email_confirmed_at,
        &row.banned_until, &row.app_metadata.raw, &row.user_metadata.raw})
    query.exchange(into(*text));
  query.alloc();
  query.prepare(columns + where);
  query.define_and_bind();
  for (bool more = query.execute(true); more; more = query.fetch()) {
    row.anonymous = anonymous != 0;
    rows.push_back(row);
  }
  return rows;
}

result<user_row> find(soci::session& s, const std::string& where, const std::string& value) {
  return first(select(s, where, [&](soci::statement& q) { q.exchange(use(value, "v")); }),
               "no such account");
}

/// The unique column: an account without an e-mail takes its id, which has no `@`.
std::string key_of(const user_row& row) {
  return row.email.empty() ? row.id : email_key(row.email);
}

std::unexpected<error> email_taken() {
  return fail(errc::conflict, "an account with this e-mail exists already", "email");
}

/// `%` and `_` of a LIKE stand for themselves behind `!`.
std::string pattern_of(const std::string& text) {
  std::string out = "%";
  for (const char c : email_key(text)) {
    if (c == '%' || c == '_' || c == '!') out += '!';
    out += c;
  }
  return out + '%';
}

void insert_identity_row(soci::session& s, const identity_row& row) {
  s << "insert into identities (provider, subject, user_id, data, created_at, last_sign_in_at) "
       "values (:provider, :subject, :user, :data, :created, :last)",
      use(row.provider), use(row.subject), use(row.user_id), use(row.data.raw), use(row.created_at),
      use(row.last_sign_in_at);
}

void drop_key_caps(soci::session& s, const std::string& user_id) {
  std::vector<std::string> subjects;
  std::string key;
  soci::statement keys =
      (s.prepare << "select id from api_keys where user_id = :id", use(user_id), into(key));
  for (keys.execute(); keys.fetch();) subjects.push_back("key:" + key);
  for (const auto& subject : subjects)
    s << "delete from caps where subject = :subject", use(subject);
}

class sql_users final : public user_store {
public:
  explicit sql_users(std::shared_ptr<database> db) : db_(std::move(db)) {}

  void insert_user(user_row row, std::vector<identity_row> identities,
                   reply<done> answer) override {
    db_->write<done>(
        std::move(answer),
        [row = std::move(row),
         identities = std::move(identities)](soci::session& s) -> result<done> {
          const auto key = key_of(row);
          if (find(s, "where email_key = :v", key)) return email_taken();
          const int admin = row.role == "admin" ? 1 : 0, anonymous = row.anonymous ? 1 : 0;
          s << "insert into users (id, email, email_key, name, password_hash, admin, role, "
               "anonymous, "
               "created_at, updated_at, last_sign_in_at, email_confirmed_at, banned_until, "
               "app_metadata, user_metadata) values (:id, :email, :key, :name, :hash, :admin, "
               ":role, "
               ":anonymous, :created, :updated, :last, :confirmed, :banned, :app, :own)",
              use(row.id), use(row.email), use(key), use(row.name), use(row.password_hash),
              use(admin), use(row.role), use(anonymous), use(row.created_at), use(row.updated_at),
              use(row.last_sign_in_at), use(row.email_confirmed_at), use(row.banned_until),
              use(row.app_metadata.raw), use(row.user_metadata.raw);
          for (const auto& identity : identities) insert_identity_row(s, identity);
          return done{};
        });
  }
  void user_by_email(std::string email, reply<user_row> answer) override {
    db_->read_in_order<user_row>(std::move(answer),
                                 [key = email_key(std::move(email))](soci::session& s) {
                                   return find(s, "where email_key = :v", key);
                                 });
  }
  void user_by_id(std::string id, reply<user_row> answer) override {
    db_->read_in_order<user_row>(std::move(answer), [id = std::move(id)](soci::session& s) {
      return find(s, "where id = :v", id);
    });
  }
  void first_admin(reply<user_row> answer) override {
    db_->read_in_order<user_row>(std::move(answer), [](soci::session& s) {
      return find(s, "where role = :v order by created_at, id limit 1", "admin");
    });
  }
  void list_users(user_query query, reply<user_page> answer) override {
    db_->read_in_order<user_page>(
        std::move(answer), [query = std::move(query)](soci::session& s) -> result<user_page> {
          const auto pattern = pattern_of(query.text);
          const std::string where =
              "where email_key like :v escape '!' or lower(name) like :w escape '!' ";
          long long total = 0;
          s << "select count(*) from users " + where, use(pattern, "v"), use(pattern, "w"),
              into(total);
          user_page out;
          out.total = static_cast<std::uint64_t>(total);
          out.rows = select(s,
                            where + "order by created_at, id limit " + std::to_string(query.limit) +
                                " offset " + std::to_string(query.offset),
                            [&](soci::statement& q) {
                              q.exchange(use(pattern, "v"));
                              q.exchange(use(pattern, "w"));
                            });
          return out;
        });
  }
  void replace_user(user_row row, std::string expected, reply<done> answer) override {
    db_->write<done>(
        std::move(answer),
        [row = std::move(row), expected = std::move(expected)](soci::session& s) -> result<done> {
          const auto key = key_of(row);
          if (const auto other = find(s, "where email_key = :v", key); other && other->id != row.id)
            return email_taken();
          const int admin = row.role == "admin" ? 1 : 0, anonymous = row.anonymous ? 1 : 0;
          soci::statement update =
              (s.prepare << "update users set email = :email, email_key = :key, name = :name, "
                            "password_hash = :hash, admin = :admin, role = :role, "
                            "anonymous = :anonymous, updated_at = :updated, "
                            "email_confirmed_at = :confirmed, banned_until = :banned, "
                            "app_metadata = :app, user_metadata = :own "
                            "where id = :id and updated_at = :expected",
               use(row.email), use(key), use(row.name), use(row.password_hash), use(admin),
               use(row.role), use(anonymous), use(row.updated_at), use(row.email_confirmed_at),
               use(row.banned_until), use(row.app_metadata.raw), use(row.user_metadata.raw),
               use(row.id), use(expected));
          if (affected(update) != 0) return done{};
          if (!find(s, "where id = :v", row.id)) return none("no such account");
          return fail(errc::conflict, "the account was changed meanwhile");
        });
  }
  void touch_sign_in(std::string id, std::string at, reply<done> answer) override {
    db_->write<done>(std::move(answer),
                     [id = std::move(id), at = std::move(at)](soci::session& s) -> result<done> {
                       s << "update users set last_sign_in_at = :at where id = :id", use(at),
                           use(id);
                       return done{};
                     });
  }
  void delete_user(std::string id, reply<done> answer) override {
    db_->write<done>(std::move(answer), [id = std::move(id)](soci::session& s) -> result<done> {
      const auto subject = "user:" + id;
      s << "delete from spent_tokens where session_id in (select id from sessions where user_id = "
           ":id)",
          use(id);
      drop_key_caps(s, id);
      for (const char* table : {"sessions", "api_keys", "identities", "members", "one_time_tokens"})
        s << std::string("delete from ") + table + " where user_id = :id", use(id);
      s << "delete from caps where subject = :subject", use(subject);
      s << "delete from users where id = :id", use(id);
      return done{};
    });
  }

private:
  std::shared_ptr<database> db_;
};

class sql_identities final : public identity_store {
public:
  explicit sql_identities(std::shared_ptr<database> db) : db_(std::move(db)) {}

  void insert_identity(identity_row row, reply<done> answer) override {
    db_->write<done>(std::move(answer), [row = std::move(row)](soci::session& s) -> result<done> {
      insert_identity_row(s, row);
      return done{};
    });
  }
  void identity(std::string provider, std::string subject, reply<identity_row> answer) override {
    db_->read_in_order<identity_row>(
        std::move(answer),
        [provider = std::move(provider), subject = std::move(subject)](soci::session& s) {
          return first(
              select_identities(s, "where provider = :v and subject = :w", {&provider, &subject}),
              "no such identity");
        });
  }
  void identities_of(std::string user_id, reply<std::vector<identity_row>> answer) override {
    db_->read_in_order<std::vector<identity_row>>(
        std::move(answer),
        [user = std::move(user_id)](soci::session& s) -> result<std::vector<identity_row>> {
          return select_identities(
              s, "where user_id = :v order by created_at, provider, subject limit 100", {&user});
        });
  }

private:
  static std::vector<identity_row> select_identities(
      soci::session& s, const std::string& where,
      const std::vector<const std::string*>& parameters) {
    std::vector<identity_row> rows;
    identity_row row;
    soci::statement query(s);
    for (const auto* value : parameters) query.exchange(use(*value));
    for (auto* text : {&row.provider, &row.subject, &row.user_id, &row.data.raw, &row.created_at,
                       &row.last_sign_in_at})
      query.exchange(into(*text));
    query.alloc();
    query.prepare(
        "select provider, subject, user_id, data, created_at, last_sign_in_at "
        "from identities " +
        where);
    query.define_and_bind();
    for (bool more = query.execute(true); more; more = query.fetch()) rows.push_back(row);
    return rows;
  }

  std::shared_ptr<database> db_;
};

} // namespace

std::unique_ptr<user_store> make_users(std::shared_ptr<database> db) {
  return std::make_unique<sql_users>(std::move(db));
}

std::unique_ptr<identity_store> make_identities(std::shared_ptr<database> db) {
  return std::make_unique<sql_identities>(std::move(db));
}

} // namespace troupe::sql

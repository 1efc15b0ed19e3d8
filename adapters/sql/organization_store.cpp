#include "adapters/sql/account_rows.hpp"

namespace troupe::sql {
namespace {

using soci::into;
using soci::use;

/// Takes the organisation's row for this transaction, so that two processes cannot each take away
/// one of two owners. `not_found` when there is none.
result<void> lock(soci::session& s, const std::string& id) {
  soci::statement touch = (s.prepare << "update organizations set created_at = created_at + 0 "
                                        "where id = :id",
                           use(id));
  touch.execute(true);
  std::string name;
  s << "select name from organizations where id = :id", use(id), into(name);
  if (!s.got_data()) return none("no such organization");
  return {};
}

std::string role_of(soci::session& s, const std::string& id, const std::string& user_id) {
  std::string role;
  s << "select role from members where organization_id = :id and user_id = :user", use(id),
      use(user_id), into(role);
  return s.got_data() ? role : std::string();
}

/// Whether the organisation has an owner beside this user.
bool has_other_owner(soci::session& s, const std::string& id, const std::string& user_id) {
  long long owners = 0;
  s << "select count(*) from members where organization_id = :id and role = 'owner' and "
       "user_id <> :user",
      use(id), use(user_id), into(owners);
  return owners != 0;
}

std::unexpected<error> last_owner() {
  return fail(errc::conflict, "an organization keeps at least one owner: make another one first");
}

class sql_organizations final : public organization_store {
public:
  explicit sql_organizations(std::shared_ptr<database> db) : db_(std::move(db)) {}

  void insert_organization(organization_row row, std::string owner, reply<done> answer) override {
    db_->write<done>(
        std::move(answer),
        [row = std::move(row), owner = std::move(owner)](soci::session& s) -> result<done> {
          const long long created = row.created_at;
          s << "insert into organizations (id, name, created_at) values (:id, :name, :created)",
              use(row.id), use(row.name), use(created);
          s << "insert into members (organization_id, user_id, role, created_at) values (:id, "
               ":user, "
               "'owner', :created)",
              use(row.id), use(owner), use(created);
          return done{};
        });
  }
  void organization(std::string id, std::string user_id, reply<organization_row> answer) override {
    db_->read_in_order<organization_row>(
        std::move(answer),
        [id = std::move(id),
         user = std::move(user_id)](soci::session& s) -> result<organization_row> {
          organization_row row;
          long long created = 0;
          s << "select id, name, created_at from organizations where id = :id", use(id),
              into(row.id), into(row.name), into(created);
          if (!s.got_data()) return none("no such organization");
          row.created_at = created;
          row.role = role_of(s, id, user);
          return row;
        });
  }
  void list_organizations(std::string user_id,
                          reply<std::vector<organization_row>> answer) override {
    db_->read_in_order<std::vector<organization_row>>(
        std::move(answer),
        [user = std::move(user_id)](soci::session& s) -> result<std::vector<organization_row>> {
          return user.empty() ? all(s) : of_user(s, user);
        });
  }
  void rename_organization(std::string id, std::string name, reply<done> answer) override {
    db_->write<done>(
        std::move(answer),
        [id = std::move(id), name = std::move(name)](soci::session& s) -> result<done> {
          if (auto there = lock(s, id); !there) return std::unexpected(std::move(there.error()));
          s << "update organizations set name = :name where id = :id", use(name), use(id);
          return done{};
        });
  }
  void delete_organization(std::string id, reply<done> answer) override {
    db_->write<done>(std::move(answer), [id = std::move(id)](soci::session& s) -> result<done> {
      if (auto there = lock(s, id); !there) return std::unexpected(std::move(there.error()));
      const auto subject = "org:" + id;
      s << "delete from members where organization_id = :id", use(id);
      s << "delete from caps where subject = :subject", use(subject);
      s << "delete from organizations where id = :id", use(id);
      return done{};
    });
  }
  void put_member(std::string id, member_row member, reply<done> answer) override {
    db_->write<done>(
        std::move(answer),
        [id = std::move(id), member = std::move(member)](soci::session& s) -> result<done> {
          if (auto there = lock(s, id); !there) return std::unexpected(std::move(there.error()));
          const auto role = role_of(s, id, member.user_id);
          if (role == "owner" && member.role != "owner" && !has_other_owner(s, id, member.user_id))
            return last_owner();
          if (!role.empty()) {
            s << "update members set role = :role where organization_id = :id and user_id = :user",
                use(member.role), use(id), use(member.user_id);
            return done{};
          }
          std::string there;
          s << "select id from users where id = :id", use(member.user_id), into(there);
          if (!s.got_data()) return none("no such account");
          const long long created = member.created_at;
          s << "insert into members (organization_id, user_id, role, created_at) values (:id, "
               ":user, "
               ":role, :created)",
              use(id), use(member.user_id), use(member.role), use(created);
          return done{};
        });
  }
  void remove_member(std::string id, std::string user_id, reply<done> answer) override {
    db_->write<done>(
        std::move(answer),
        [id = std::move(id), user = std::move(user_id)](soci::session& s) -> result<done> {
          if (auto there = lock(s, id); !there) return std::unexpected(std::move(there.error()));
          const auto role = role_of(s, id, user);
          if (role.empty()) return none("no such member");
          if (role == "owner" && !has_other_owner(s, id, user)) return last_owner();
          s << "delete from members where organization_id = :id and user_id = :user", use(id),
              use(user);
          s << "delete from api_keys where organization = :id and user_id = :user", use(id),
              use(user);
          return done{};
        });
  }
  void list_members(std::string id, reply<std::vector<member_row>> answer) override {
    db_->read_in_order<std::vector<member_row>>(
        std::move(answer),
        [id = std::move(id)](soci::session& s) -> result<std::vector<member_row>> {
          std::vector<member_row> rows;
          member_row row;
          long long created = 0;
          soci::statement query =
              (s.prepare << "select m.user_id, u.email, m.role, m.created_at from members m join "
                            "users u on u.id = m.user_id where m.organization_id = :id order by "
                            "m.created_at, m.user_id limit 10000",
               use(id), into(row.user_id), into(row.email), into(row.role), into(created));
          for (query.execute(); query.fetch();) {
            row.created_at = created;
            rows.push_back(row);
          }
          return rows;
        });
  }

private:
  static std::vector<organization_row> all(soci::session& s) {
    organization_row row;
    long long created = 0;
    soci::statement query = (s.prepare << "select id, name, created_at from organizations order "
                                          "by created_at, id limit 1000",
                             into(row.id), into(row.name), into(created));
    return rows_of(query, row, created);
  }
  static std::vector<organization_row> of_user(soci::session& s, const std::string& user) {
    organization_row row;
    long long created = 0;
    soci::statement query =
        (s.prepare << "select o.id, o.name, o.created_at, m.role from organizations o join "
                      "members m on m.organization_id = o.id where m.user_id = :user order by "
                      "o.created_at, o.id limit 1000",
         use(user), into(row.id), into(row.name), into(created), into(row.role));
    return rows_of(query, row, created);
  }
  static std::vector<organization_row> rows_of(soci::statement& query, organization_row& row,
                                               const long long& created) {
    std::vector<organization_row> rows;
    for (query.execute(); query.fetch();) {
      row.created_at = created;
      rows.push_back(row);
    }
    return rows;
  }

  std::shared_ptr<database> db_;
};

} // namespace

std::unique_ptr<organization_store> make_organizations(std::shared_ptr<database> db) {
  return std::make_unique<sql_organizations>(std::move(db));
}

} // namespace troupe::sql

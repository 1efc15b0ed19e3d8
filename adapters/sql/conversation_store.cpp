#include "adapters/sql/lease_fence.hpp"
#include "adapters/sql/prompt_parts.hpp"

#include <algorithm>

namespace troupe {
namespace {

using soci::into;
using soci::use;
using sql::check_fence;
using sql::database;

/// The number of the next turn, or -1 when the conversation is not this user's.
long long next_turn(soci::session& s, const std::string& user, const std::string& id) {
  long long next = -1;
  s << "select next_turn from conversations where id = :i and user_id = :u", use(id), use(user),
      into(next);
  return s.got_data() ? next : -1;
}

std::unexpected<error> unknown(const std::string& id) {
  return fail(errc::not_found, "no such conversation: " + id, "conversation_id");
}

struct owned_conversation {
  std::string id;
  long long turns = 0;
};

std::vector<owned_conversation> some_of(soci::session& s, const std::string& user,
                                        std::uint32_t max) {
  std::vector<owned_conversation> out;
  owned_conversation row;
  soci::statement query =
      (s.prepare
           << "select id, next_turn from conversations where user_id = :u order by id limit " +
                  std::to_string(max),
       use(user), into(row.id), into(row.turns));
  for (bool more = query.execute(true); more; more = query.fetch()) out.push_back(row);
  return out;
}

/// Deletes turns from the end, so that what is left is a shorter conversation, and then the
/// conversation itself: true. `rows` says how many may go, and then how many more.
bool shorten(soci::session& s, const owned_conversation& talk, long long& rows) {
  const auto left = std::max(talk.turns - rows, 0LL);
  s << "delete from turns where conversation_id = :i and turn >= :t", use(talk.id), use(left);
  rows -= talk.turns - left;
  if (rows == 0) {
    s << "update conversations set next_turn = :t where id = :i", use(left), use(talk.id);
    return false;
  }
  s << "delete from conversations where id = :i", use(talk.id);
  --rows;
  return true;
}

purge_step purge_conversations(soci::session& s, const std::string& user, std::uint32_t max) {
  purge_step out;
  long long rows = max;
  for (const auto& talk : some_of(s, user, max)) {
    if (rows == 0) break;
    if (shorten(s, talk, rows)) ++out.deleted;
  }
  out.more = rows == 0;
  return out;
}

class sql_conversations final : public conversation_store {
public:
  explicit sql_conversations(std::shared_ptr<database> db) : db_(std::move(db)) {}

  void create(std::string user, std::string id, reply<done> answer) override {
    db_->write<done>(
        std::move(answer),
        [user = std::move(user), id = std::move(id)](soci::session& s) -> result<done> {
          s << "insert into conversations (id, user_id, next_turn) values (:i, :u, 0)", use(id),
              use(user);
          return done{};
        });
  }

  void last_turns(std::string user, std::string id, std::uint32_t max,
                  reply<std::vector<turn_row>> answer) override {
    using rows = std::vector<turn_row>;
    db_->read<rows>(
        std::move(answer),
        [user = std::move(user), id = std::move(id), max](soci::session& s) -> result<rows> {
          if (next_turn(s, user, id) < 0) return unknown(id);
          rows out;
          turn_row row;
          soci::statement query =
              (s.prepare << "select role, content from turns where conversation_id = :i "
                            "order by turn desc limit " +
                                std::to_string(max),
               use(id), into(row.role), into(row.text));
          for (bool more = query.execute(true); more; more = query.fetch()) out.push_back(row);
          std::ranges::reverse(out);
          return out;
        });
  }

  void append(std::string user, std::string id, std::vector<turn_row> turns,
              std::optional<lease_fence> fence, reply<done> answer) override {
    db_->write<done>(
        std::move(answer),
        [user = std::move(user), id = std::move(id), turns = std::move(turns),
         fence = std::move(fence), on = &db_->on()](soci::session& s) -> result<done> {
          if (fence)
            if (auto ok = check_fence(s, *on, *fence); !ok) return std::unexpected(ok.error());
          auto turn = next_turn(s, user, id);
          if (turn < 0) return unknown(id);
          for (const auto& t : turns) {
            s << "insert into turns (conversation_id, turn, role, content) values (:i, :t, :r, :c)",
                use(id), use(turn), use(t.role), use(t.text);
            ++turn;
          }
          s << "update conversations set next_turn = :t where id = :i", use(turn), use(id);
          return done{};
        });
  }

  void purge(std::string user, std::uint32_t max, reply<purge_step> answer) override {
    db_->write<purge_step>(std::move(answer),
                           [user = std::move(user), max](soci::session& s) -> result<purge_step> {
                             return purge_conversations(s, user, max);
                           });
  }

private:
  std::shared_ptr<database> db_;
};

} // namespace

std::unique_ptr<conversation_store> sql::make_conversation_store(std::shared_ptr<database> db) {
  return std::make_unique<sql_conversations>(std::move(db));
}

} // namespace troupe

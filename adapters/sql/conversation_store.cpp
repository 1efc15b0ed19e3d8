#include "adapters/sql/prompt_parts.hpp"

#include <algorithm>

namespace troupe {
namespace {

using soci::into;
using soci::use;
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
              reply<done> answer) override {
    db_->write<done>(
        std::move(answer),
        [user = std::move(user), id = std::move(id),
         turns = std::move(turns)](soci::session& s) -> result<done> {
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

private:
  std::shared_ptr<database> db_;
};

} // namespace

std::unique_ptr<conversation_store> sql::make_conversation_store(std::shared_ptr<database> db) {
  return std::make_unique<sql_conversations>(std::move(db));
}

} // namespace troupe

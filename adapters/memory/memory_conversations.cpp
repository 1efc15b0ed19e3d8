#include "adapters/memory/answer_after.hpp"
#include "adapters/memory/memory_parts.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace troupe {
namespace {

using memory::answer_after;

class memory_conversations final : public conversation_store {
public:
  void create(std::string user, std::string id, reply<done> answer) override {
    answer_after(mutex_, answer, [&]() -> result<done> {
      if (!all_.try_emplace(std::move(id), conversation{std::move(user), {}}).second)
        return fail(errc::conflict, "it exists already");
      return done{};
    });
  }
  void last_turns(std::string user, std::string id, std::uint32_t max,
                  reply<std::vector<turn_row>> answer) override {
    answer_after(mutex_, answer, [&]() -> result<std::vector<turn_row>> {
      auto found = find(user, id);
      if (!found) return std::unexpected(std::move(found.error()));
      const auto& turns = (*found)->turns;
      const auto count = static_cast<std::ptrdiff_t>(std::min<std::size_t>(max, turns.size()));
      return std::vector<turn_row>(turns.end() - count, turns.end());
    });
  }
  void append(std::string user, std::string id, std::vector<turn_row> turns,
              std::optional<lease_fence>, reply<done> answer) override {
    answer_after(mutex_, answer, [&]() -> result<done> {
      auto found = find(user, id);
      if (!found) return std::unexpected(std::move(found.error()));
      for (auto& t : turns) (*found)->turns.push_back(std::move(t));
      return done{};
    });
  }
  void purge(std::string user, std::uint32_t max, reply<purge_step> answer) override {
    answer_after(mutex_, answer, [&]() -> result<purge_step> {
      purge_step out;
      std::size_t rows = max;
      for (auto at = all_.begin(); at != all_.end() && rows > 0;) {
        if (at->second.user != user) {
          ++at;
          continue;
        }
        auto& turns = at->second.turns;
        const auto going = std::min(rows, turns.size());
        turns.resize(turns.size() - going);
        rows -= going;
        if (rows == 0) break; // the conversation itself is a row, too
        --rows;
        ++out.deleted;
        at = all_.erase(at);
      }
      out.more = rows == 0;
      return out;
    });
  }

private:
  struct conversation {
    std::string user;
    std::vector<turn_row> turns;
  };

  result<conversation*> find(const std::string& user, const std::string& id) {
    const auto at = all_.find(id);
    if (at == all_.end() || at->second.user != user)
      return fail(errc::not_found, "no such conversation: " + id, "conversation_id");
    return &at->second;
  }

  std::mutex mutex_;
  std::map<std::string, conversation> all_; // guarded by mutex_
};

} // namespace

std::unique_ptr<conversation_store> memory::make_conversations() {
  return std::make_unique<memory_conversations>();
}

} // namespace troupe

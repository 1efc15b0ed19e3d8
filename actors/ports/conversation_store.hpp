#pragma once

#include "actors/ports/lease_store.hpp"
#include "actors/ports/purge_step.hpp"
#include "messages/base/reply.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

struct turn_row {
  std::string role; ///< `user` or `assistant`
  std::string text;
};

/// Conversations of /v1/chat/stream. Every call names the owner; another's conversation is
/// `not_found`. Durable before the reply; replies on a thread of the adapter.
class conversation_store {
public:
  virtual ~conversation_store() = default;
  virtual void create(std::string user, std::string id, reply<done> answer) = 0;
  /// The last `max` turns, oldest first.
  virtual void last_turns(std::string user, std::string id, std::uint32_t max,
                          reply<std::vector<turn_row>> answer) = 0;
  /// Appends in order, all or none. With a fence only while that is in force, else as
  /// lease_rules::not_owner() says; a store without leases beside it takes no heed of it.
  virtual void append(std::string user, std::string id, std::vector<turn_row> turns,
                      std::optional<lease_fence> fence, reply<done> answer) = 0;
  /// Deletes at most `max` (from 1) rows of the user, turns and conversations, and counts the
  /// conversations. One that is broken off has lost its last turns. None comes back: append knows
  /// only what create made.
  virtual void purge(std::string user, std::uint32_t max, reply<purge_step> answer) = 0;
};

} // namespace troupe

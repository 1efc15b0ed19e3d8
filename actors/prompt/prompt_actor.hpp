#pragma once

#include "actors/entity/lease_host.hpp"
#include "actors/ports/conversation_store.hpp"
#include "actors/ports/llm_provider.hpp"
#include "actors/ports/retrieval_ports.hpp"
#include "actors/protocols.hpp"
#include "messages/base/ids.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/model_price.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// What still runs, for a drain to wait on. Written by the actor, read by anyone.
struct prompt_activity {
  std::atomic<std::int64_t> running{0}; ///< chats
};

struct prompt_deps {
  std::shared_ptr<llm_provider> provider; ///< null: only the built-in models
  std::shared_ptr<const embedder> embed;  ///< the model `local`
  std::shared_ptr<conversation_store> conversations;
  retrieval_service::actor retrieval;
  limit_service::actor limiter;    ///< asked for limited callers only
  std::vector<named_price> prices; ///< of the provider's models; the built-in ones are free
  /// Takes the usage record of a chat, its user first; see actors/log/record_keeper.hpp.
  std::function<void(std::string user, log_input record)> keep_record;
  /// Answers when none of the user's records is on its way; as there.
  std::function<void(std::string user, reply<done> answer)> forget_records;
  std::string default_model = "extract";  ///< of /v1/chat/stream
  std::uint64_t node = own_incarnation(); ///< whose bus leads here, for the ids of streams
  /// Where several nodes answer chats, each conversation belongs to one. Null: all are this one's.
  std::shared_ptr<lease_host> leases;
  prompt_service::actor peers; ///< with leases: leads to the node that op_context::to names
  /// A stream whose model is silent for so long (and at most a tick of a quarter of it more) is
  /// opened all the same.
  std::chrono::milliseconds open_after = limits::sse_header_delay;
  std::shared_ptr<prompt_activity> activity = std::make_shared<prompt_activity>();
};

/// Chats, embeddings, models. A chat's deltas go to the call's consumer under its credit.
[[nodiscard]] prompt_service::actor spawn_prompt(caf::actor_system& system, prompt_deps deps);

} // namespace troupe

#pragma once

#include "actors/ports/conversation_store.hpp"
#include "actors/ports/document_store.hpp"
#include "actors/ports/log_store.hpp"

#include <memory>

/// The stores without a disk, for tests and demonstrations: nothing survives the process. They keep
/// the same contract as the durable ones, but for durability, and answer before the call returns.
namespace troupe {

struct memory_prompt_stores {
  std::unique_ptr<file_store> files;
  std::unique_ptr<store_catalog> stores;
  std::unique_ptr<conversation_store> conversations;
};

[[nodiscard]] memory_prompt_stores make_memory_prompt_stores();
[[nodiscard]] std::unique_ptr<log_store> make_memory_log_store();

} // namespace troupe

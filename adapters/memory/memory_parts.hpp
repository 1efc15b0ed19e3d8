#pragma once

#include "actors/ports/conversation_store.hpp"

#include <memory>

/// Inside adapters/memory only.
namespace troupe::memory {

[[nodiscard]] std::unique_ptr<conversation_store> make_conversations();

} // namespace troupe::memory

#pragma once

#include "actors/ports/crypto_ports.hpp"
#include "actors/ports/document_store.hpp"
#include "actors/ports/retrieval_ports.hpp"
#include "actors/protocols.hpp"

#include <memory>

namespace troupe {

struct retrieval_deps {
  std::shared_ptr<file_store> files;
  std::shared_ptr<store_catalog> stores;
  std::shared_ptr<passage_index> index;
  std::shared_ptr<document_reader> reader;
  std::shared_ptr<const digests> digest;
};

/// Files, vector stores, indexing in the background, search. Objects belong to their user. What was
/// being indexed when the process died is indexed again at the next start.
[[nodiscard]] retrieval_service::actor spawn_retrieval(caf::actor_system& system,
                                                       retrieval_deps deps);

} // namespace troupe

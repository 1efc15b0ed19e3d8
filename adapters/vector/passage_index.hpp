#pragma once

#include "actors/ports/retrieval_ports.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace troupe {

/// Opens (or makes) the tables `passage…` in the SQLite file `path`, which other tables may share
/// (WAL, busy timeout 10 s, synchronous=FULL). One writer thread with a connection of its own, two
/// readers; limits::store_queue jobs may wait at each, more are `overloaded`. A put or removal that
/// was answered is seen by every later search. Destroying it lets running jobs finish and drops
/// waiting ones (they answer `dropped`). Errors here: `unavailable` (the file cannot be opened),
/// `version` (written by a newer program).
[[nodiscard]] result<std::unique_ptr<passage_index>> open_passage_index(
    std::string path, std::shared_ptr<const embedder> vectors);

/// The same in memory, on one thread.
[[nodiscard]] std::unique_ptr<passage_index> make_memory_passage_index(
    std::shared_ptr<const embedder> vectors);

/// Feature hashing of lower-cased words and their character trigrams, signed, of unit length. Needs
/// no model and no network; close for texts that share words or stems, blind for synonyms. A text
/// without a word gives a fixed unit vector.
[[nodiscard]] std::shared_ptr<const embedder> make_hashing_embedder(std::uint32_t dimensions = 256);

} // namespace troupe

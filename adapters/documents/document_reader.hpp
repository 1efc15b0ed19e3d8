#pragma once

#include "actors/ports/retrieval_ports.hpp"

#include <memory>

namespace troupe {

/// Reads Markdown (cmark), HTML (gumbo) and other text into passages of about 1,400 bytes along the
/// document's structure. Runs on `threads` threads of its own; limits::store_queue documents may
/// wait, more are `overloaded`. Destroying it lets running documents finish and drops waiting ones
/// (they answer `dropped`). Same bytes, same passages.
[[nodiscard]] std::unique_ptr<document_reader> make_document_reader(unsigned threads = 1);

} // namespace troupe

#pragma once

#include "actors/ports/retrieval_ports.hpp"
#include "adapters/documents/blocks.hpp"

#include <cstddef>
#include <vector>

namespace troupe::documents {

inline constexpr std::size_t passage_bytes = 1400;    ///< what a passage is filled up to
inline constexpr std::size_t section_bytes_min = 600; ///< a new section may join a smaller passage
inline constexpr std::size_t overlap_bytes = 210;     ///< repeated from the passage before, at most
inline constexpr std::size_t heading_bytes = 300;     ///< of a path of headings, at most

/// Cuts blocks into passages: along sections, then sentences or lines, then words, and inside a
/// word only when one is longer than a passage; never inside a UTF-8 sequence. A passage that
/// continues a section repeats the last sentences before it. Pure.
[[nodiscard]] std::vector<passage> cut_into_passages(const std::vector<block>& blocks);

} // namespace troupe::documents

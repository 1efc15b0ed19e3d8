#pragma once

#include "messages/base/result.hpp"

#include <cstdint>
#include <optional>
#include <vector>

/// Pure decisions about the embeddings of the built-in model.
namespace troupe::embedding_rules {

/// How long the vectors shall be that a request asks for; all of `most` when it does not say.
/// Errors: `invalid_argument` with param `dimensions` outside 1 to `most`.
[[nodiscard]] result<std::size_t> length_of(const std::optional<std::int64_t>& asked,
                                            std::uint32_t most);

/// The first `length` components of a unit vector, as a unit vector: what OpenAI's models do. When
/// these are all 0, the first of them is 1, as in the embedding of a text without words.
[[nodiscard]] std::vector<float> shortened(std::vector<float> vector, std::size_t length);

} // namespace troupe::embedding_rules

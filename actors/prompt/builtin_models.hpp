#pragma once

#include <string_view>

namespace troupe {

/// The models that need no provider.
inline constexpr std::string_view extract_model = "extract"; ///< chats: sentences of the passages
inline constexpr std::string_view local_model = "local";     ///< embeddings

} // namespace troupe

#pragma once

#include <compare>
#include <string>

namespace troupe {

/// A file where it is attached: the same file may be in several stores.
struct file_place {
  std::string vector_store_id;
  std::string file_id;
  auto operator<=>(const file_place&) const = default;
};

} // namespace troupe

#pragma once

#include "adapters/sql/database.hpp"

namespace troupe::sql {

// The three stores that share the role prompt's file.
[[nodiscard]] std::unique_ptr<file_store> make_file_store(std::shared_ptr<database> db);
[[nodiscard]] std::unique_ptr<store_catalog> make_store_catalog(std::shared_ptr<database> db);
[[nodiscard]] std::unique_ptr<conversation_store> make_conversation_store(
    std::shared_ptr<database> db);

} // namespace troupe::sql

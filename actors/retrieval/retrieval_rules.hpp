#pragma once

#include "actors/ports/document_store.hpp"
#include "actors/ports/retrieval_ports.hpp"
#include "messages/base/op_context.hpp"
#include "messages/documents.hpp"

#include <string>

/// Pure decisions of the service retrieval.
namespace troupe::retrieval_rules {

/// Whose objects a list shows: the caller's own, or another user's for an admin.
[[nodiscard]] const std::string& owner_of(const caller& who, const std::string& asked) noexcept;

template <class ListRequest>
[[nodiscard]] page_query page_of(const ListRequest& request) {
  return {request.limit, request.order == "asc", request.after, request.before};
}

/// A page in OpenAI's list shape.
template <class List, class Item>
[[nodiscard]] List list_of(page<Item> found) {
  List list;
  list.has_more = found.has_more;
  if (!found.items.empty()) {
    list.first_id = found.items.front().id;
    list.last_id = found.items.back().id;
  }
  list.data = std::move(found.items);
  return list;
}

/// Why a file could not be indexed, in the shape of `last_error`.
[[nodiscard]] file_error file_error_of(const error& why);

/// What `ranking_options` ask for. Errors: `invalid_argument` for an unknown ranker.
struct ranking_choice {
  ranking how = ranking::automatic;
  double score_threshold = 0;
};
[[nodiscard]] result<ranking_choice> ranking_of(const json_text& options);

}  // namespace troupe::retrieval_rules

#pragma once

#include "actors/ports/document_store.hpp"
#include "actors/ports/retrieval_ports.hpp"
#include "messages/base/op_context.hpp"
#include "messages/documents.hpp"

#include <optional>
#include <string>
#include <vector>

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

/// What `ranking_options` ask for. Errors: `invalid_argument` for an unknown ranker and for a
/// threshold that is no number from 0 to 1.
struct ranking_choice {
  ranking how = ranking::automatic;
  double score_threshold = 0;
};
[[nodiscard]] result<ranking_choice> ranking_of(const json_text& options);

/// The filter of a search, if it has one. Errors: as filter_of().
[[nodiscard]] result<std::optional<attribute_filter>> filter_asked(const json_text& filters);

/// Leaves only hits with at least this score.
void keep_from(std::vector<passage_hit>& hits, double score_threshold);

/// Where the passages stand, each file once.
[[nodiscard]] std::vector<file_place> places_of(const std::vector<passage_hit>& hits);

/// The answer to a search, in the order of `hits`; without those whose file went meanwhile.
[[nodiscard]] std::vector<search_hit> hits_of(std::vector<passage_hit> hits,
                                              const std::vector<placed_file>& files);

} // namespace troupe::retrieval_rules

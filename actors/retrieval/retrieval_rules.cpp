#include "actors/retrieval/retrieval_rules.hpp"

#include "messages/codec/chat_json.hpp"

#include <algorithm>

namespace troupe::retrieval_rules {

const std::string& owner_of(const caller& who, const std::string& asked) noexcept {
  return who.admin && !asked.empty() ? asked : who.user;
}

file_error file_error_of(const error& why) {
  switch (why.code) {
    case errc::unsupported_media:
      return {"unsupported_file", why.message};
    case errc::invalid_argument:
      return {"invalid_file", why.message};
    default:
      return {"server_error", why.message};
  }
}

result<ranking_choice> ranking_of(const json_text& options) {
  ranking_choice choice;
  if (options.empty()) return choice;
  using chat_json::kind_of_field;
  const auto ranker_kind = kind_of_field(options, "ranker");
  if (ranker_kind != json_kind::absent && ranker_kind != json_kind::string)
    return fail(errc::invalid_argument, "ranking_options.ranker: expected a string",
                "ranking_options.ranker");
  const auto ranker = chat_json::string_field(options, "ranker").value_or("auto");
  if (ranker == "bm25" || ranker == "none") {
    choice.how = ranking::bm25;
  } else if (ranker != "auto" && !ranker.starts_with("default")) {
    return fail(errc::invalid_argument, "ranking_options.ranker: expected auto, bm25 or none",
                "ranking_options.ranker");
  }
  if (kind_of_field(options, "score_threshold") == json_kind::absent) return choice;
  choice.score_threshold = chat_json::number_field(options, "score_threshold").value_or(-1);
  if (choice.score_threshold >= 0 && choice.score_threshold <= 1) return choice;
  return fail(errc::invalid_argument,
              "ranking_options.score_threshold: expected a number from 0 to 1",
              "ranking_options.score_threshold");
}

result<std::optional<attribute_filter>> filter_asked(const json_text& filters) {
  if (filters.empty()) return std::nullopt;
  auto filter = filter_of(filters);
  if (!filter) return std::unexpected(std::move(filter.error()));
  return std::move(*filter);
}

void keep_from(std::vector<passage_hit>& hits, double score_threshold) {
  std::erase_if(hits, [&](const passage_hit& hit) { return hit.score < score_threshold; });
}

std::vector<file_place> places_of(const std::vector<passage_hit>& hits) {
  std::vector<file_place> places;
  for (const auto& hit : hits) places.push_back({hit.vector_store_id, hit.file_id});
  std::ranges::sort(places);
  const auto repeated = std::ranges::unique(places);
  places.erase(repeated.begin(), repeated.end());
  return places;
}

std::vector<search_hit> hits_of(std::vector<passage_hit> hits,
                                const std::vector<placed_file>& files) {
  std::vector<search_hit> found;
  for (auto& hit : hits) {
    const file_place place{std::move(hit.vector_store_id), std::move(hit.file_id)};
    const auto file = std::ranges::find(files, place, &placed_file::place);
    if (file == files.end()) continue;
    search_hit out;
    out.file_id = place.file_id;
    out.filename = file->filename;
    out.score = hit.score;
    out.attributes = file->attributes;
    out.content.push_back({"text", std::move(hit.text)});
    found.push_back(std::move(out));
  }
  return found;
}

} // namespace troupe::retrieval_rules

#include "actors/retrieval/retrieval_rules.hpp"

#include "messages/codec/chat_json.hpp"

namespace troupe::retrieval_rules {

const std::string& owner_of(const caller& who, const std::string& asked) noexcept {
  return who.admin && !asked.empty() ? asked : who.user;
}

file_error file_error_of(const error& why) {
  switch (why.code) {
    case errc::unsupported_media: return {"unsupported_file", why.message};
    case errc::invalid_argument: return {"invalid_file", why.message};
    default: return {"server_error", why.message};
  }
}

result<ranking_choice> ranking_of(const json_text& options) {
  ranking_choice choice;
  if (options.empty()) return choice;
  const auto ranker = chat_json::string_field(options, "ranker").value_or("auto");
  if (ranker == "bm25" || ranker == "none") {
    choice.how = ranking::bm25;
  } else if (ranker != "auto" && !ranker.starts_with("default")) {
    return fail(errc::invalid_argument, "ranking_options.ranker: expected auto, bm25 or none",
                "ranking_options.ranker");
  }
  choice.score_threshold = chat_json::number_field(options, "score_threshold").value_or(0);
  return choice;
}

}  // namespace troupe::retrieval_rules

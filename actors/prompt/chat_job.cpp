#include "actors/prompt/chat_job.hpp"

#include <algorithm>

namespace troupe {
namespace {

constexpr std::size_t quote_bytes = 200;

std::string quote_of(const std::string& text) {
  auto end = std::min(text.size(), quote_bytes);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return text.substr(0, end);
}

const std::string& text_of(const search_hit& hit) {
  static const std::string none_found;
  return hit.content.empty() ? none_found : hit.content.front().text;
}

} // namespace

token_usage chat_job::usage() const {
  if (reported) return *reported;
  token_usage out;
  if (events()) {
    for (const auto& t : turns) out.prompt_tokens += chat_json::estimate_tokens(t.text);
  } else {
    out.prompt_tokens = asked_tokens;
  }
  for (const auto& hit : hits) out.prompt_tokens += chat_json::estimate_tokens(text_of(hit));
  out.completion_tokens = answer_tokens();
  out.total_tokens = out.prompt_tokens + out.completion_tokens;
  return out;
}

void chat_job::forget_question() {
  const auto format = request.format;
  request = {};
  request.format = format;
  question.clear();
  turns.clear();
  hits.clear();
  cited.clear();
  text.clear();
}

std::string context_of(const std::vector<search_hit>& hits) {
  if (hits.empty()) return {};
  std::string out =
      "Answer from these passages of the user's documents where they help, and name the file that "
      "a statement comes from. If they do not answer the question, say so.\n";
  std::size_t n = 0;
  for (const auto& hit : hits)
    out += "\n[" + std::to_string(++n) + "] " + hit.filename + "\n" + text_of(hit) + "\n";
  return out;
}

std::vector<citation> citations_of(const std::vector<search_hit>& hits) {
  std::vector<citation> out;
  for (const auto& hit : hits)
    out.push_back({hit.file_id, hit.filename, quote_of(text_of(hit)), hit.score});
  return out;
}

log_input usage_record(const chat_job& job, std::string_view status) {
  const auto usage = job.usage();
  const auto latency =
      std::chrono::duration_cast<std::chrono::milliseconds>(op_context::clock::now() - job.began)
          .count();
  log_input record;
  record.level = status == "ok" ? log_level::info : log_level::warn;
  record.service = "troupe.prompt";
  record.message = "chat.completed";
  record.attributes =
      chat_json::object_builder()
          .add("user", job.op.who.user)
          .add("model", job.model)
          .add("prompt_tokens", usage.prompt_tokens)
          .add("completion_tokens", usage.completion_tokens)
          .add("total_tokens", usage.total_tokens)
          .add("usage", job.source() == usage_source::reported ? "reported" : "estimated")
          .add("latency_ms", static_cast<std::int64_t>(latency))
          .add("status", status)
          .add("finish_reason", job.finish_reason)
          .add("request_id", job.op.request_id)
          .build();
  return record;
}

} // namespace troupe

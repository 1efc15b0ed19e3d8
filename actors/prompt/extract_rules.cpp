#include "actors/prompt/extract_rules.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace troupe::extract_rules {
namespace {

constexpr std::size_t sentences_max = 3;
constexpr std::size_t sentence_bytes_max = 600;

constexpr std::array stop_words{
    "a",     "an",     "and",    "are",  "as",   "at",    "be",   "by",    "can",  "could",
    "did",   "do",     "does",   "for",  "from", "had",   "has",  "have",  "how",  "i",
    "if",    "in",     "is",     "it",   "its",  "me",    "my",   "of",    "on",   "or",
    "our",   "please", "should", "so",   "tell", "that",  "the",  "their", "them", "there",
    "these", "they",   "this",   "to",   "was",  "we",    "were", "what",  "when", "where",
    "which", "who",    "why",    "will", "with", "would", "you",  "your"};

bool is_stop_word(std::string_view word) {
  return std::ranges::find(stop_words, word) != stop_words.end();
}

/// A light stemmer: enough that "regions" meets "region" and "indexing" meets "indexed".
std::string stem(std::string word) {
  for (const std::string_view ending : {"ingly", "edly", "ing", "ies", "ed", "es", "s"}) {
    if (word.size() >= ending.size() + 3 && word.ends_with(ending)) {
      word.erase(word.size() - ending.size());
      if (ending == "ies") word += 'y';
      break;
    }
  }
  if (word.size() > 4 && word.back() == 'e') word.pop_back();
  return word;
}

std::size_t utf8_length(unsigned char lead) {
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Scripts written without spaces start at U+2E80 in three bytes; Latin, Cyrillic, Greek, Arabic …
/// have two and count as letters of a word.
bool is_ideograph(unsigned char lead) {
  return lead >= 0xE2 && lead < 0xF0;
}

struct candidate {
  std::string text;
  const search_hit* hit;
  std::size_t order;
  double score;
};

std::string trimmed(std::string_view text) {
  while (!text.empty() && std::string_view(" \t\r\n#>*-|").contains(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && std::string_view(" \t\r\n|").contains(text.back())) text.remove_suffix(1);
  return std::string(text);
}

void add_sentence(std::vector<std::string>& out, std::string_view text) {
  auto sentence = trimmed(text);
  if (sentence.size() > sentence_bytes_max) {
    auto end = sentence_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(sentence[end]) & 0xC0) == 0x80) --end;
    sentence.resize(end);
  }
  if (sentence.size() >= 3) out.push_back(std::move(sentence));
}

/// How much each question term tells: rare among the candidates counts more.
std::unordered_map<std::string, double> weights_of(
    const std::vector<std::string>& question,
    const std::vector<std::unordered_set<std::string>>& bags) {
  std::unordered_map<std::string, double> weights;
  for (const auto& term : question) {
    const auto with =
        std::ranges::count_if(bags, [&](const auto& bag) { return bag.contains(term); });
    weights[term] =
        std::log(1.0 + (static_cast<double>(bags.size()) + 1) / (static_cast<double>(with) + 1));
  }
  return weights;
}

std::vector<candidate> candidates_of(const std::vector<search_hit>& hits) {
  std::vector<candidate> all;
  std::unordered_set<std::string> seen; // passages overlap
  for (const auto& hit : hits)
    for (const auto& content : hit.content)
      for (auto& sentence : sentences_of(content.text))
        if (seen.insert(sentence).second) all.push_back({std::move(sentence), &hit, all.size(), 0});
  return all;
}

} // namespace

std::string_view nothing_searched() noexcept {
  return "No document was searched: upload one with `troupe ingest PATH --store NAME` (or POST "
         "/v1/files and /v1/vector_stores), then ask again with its vector store.";
}

std::vector<std::string> sentences_of(std::string_view text) {
  std::vector<std::string> out;
  std::size_t first = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool line_end = text[i] == '\n' && (i + 1 == text.size() || text[i + 1] == '\n' ||
                                              std::string_view("#*-|>").contains(text[i + 1]));
    const bool stop = (text[i] == '.' || text[i] == '!' || text[i] == '?') &&
                      (i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\n');
    const bool wide_stop = text.substr(i, 3) == "\xE3\x80\x82"; // the ideographic full stop
    if (!line_end && !stop && !wide_stop) continue;
    const auto end = i + (wide_stop ? 3 : 1);
    add_sentence(out, text.substr(first, end - first));
    first = end;
    i = end - 1;
  }
  add_sentence(out, text.substr(first));
  return out;
}

std::vector<std::string> terms_of(std::string_view text) {
  std::vector<std::string> out;
  std::string word, before;
  const auto flush = [&] {
    if (!word.empty() && !is_stop_word(word)) out.push_back(stem(word));
    word.clear();
  };
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const auto length = std::min(utf8_length(lead), text.size() - i);
    if (is_ideograph(lead)) {
      flush();
      std::string character(text.substr(i, length));
      if (!before.empty()) out.push_back(before + character);
      before = std::move(character);
    } else {
      before.clear();
      if (lead >= 0x80) {
        word += text.substr(i, length);
      } else if (is_word_byte(text[i])) {
        word += static_cast<char>(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
      } else {
        flush();
      }
    }
    i += length;
  }
  flush();
  return out;
}

extract pick(std::string_view question, const std::vector<search_hit>& hits) {
  extract out;
  auto all = candidates_of(hits);
  if (all.empty()) return out;
  std::vector<std::unordered_set<std::string>> bags;
  bags.reserve(all.size());
  for (const auto& c : all) {
    const auto terms = terms_of(c.text);
    bags.emplace_back(terms.begin(), terms.end());
  }
  const auto weights = weights_of(terms_of(question), bags);
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const auto& [term, weight] : weights)
      if (bags[i].contains(term)) all[i].score += weight;
    // A heading alone answers little; the passage's own rank breaks ties.
    if (bags[i].size() < 4) all[i].score *= 0.5;
    all[i].score *= 0.5 + 0.5 * std::clamp(all[i].hit->score, 0.0, 1.0);
  }
  std::ranges::stable_sort(all, [](const auto& a, const auto& b) { return a.score > b.score; });
  const auto best = all.front().score;
  std::erase_if(all, [&](const candidate& c) { return c.score < best * 0.5; });
  if (all.size() > sentences_max) all.resize(sentences_max);
  if (best == 0) all.resize(1);
  std::ranges::sort(all, {}, &candidate::order);
  for (auto& c : all) {
    out.cited.push_back({c.hit->file_id, c.hit->filename, c.text, c.hit->score});
    out.sentences.push_back(std::move(c.text));
  }
  return out;
}

} // namespace troupe::extract_rules

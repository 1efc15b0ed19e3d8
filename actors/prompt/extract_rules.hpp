#pragma once

#include "messages/chat.hpp"
#include "messages/documents.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The built-in model `extract`: no network, no weights; it picks the sentences of the passages
/// that answer the question. Pure.
namespace troupe::extract_rules {

struct extract {
  std::vector<std::string> sentences; ///< in the order in which they are shown
  std::vector<citation> cited;        ///< one a sentence
};

[[nodiscard]] extract pick(std::string_view question, const std::vector<search_hit>& hits);

/// What it says when there was nothing to pick from.
[[nodiscard]] std::string_view nothing_searched() noexcept;

/// Sentences of a passage, markup stripped; pieces of code and tables count as sentences.
[[nodiscard]] std::vector<std::string> sentences_of(std::string_view text);

/// The words that count in a question or sentence: lower case, without stop words, plural and
/// common endings cut; runs without spaces (Chinese, Japanese) as pairs of characters.
[[nodiscard]] std::vector<std::string> terms_of(std::string_view text);

} // namespace troupe::extract_rules

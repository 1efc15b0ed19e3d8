// Goal: no document crashes the reader, overflows its stack or keeps it busy for long.
// Method: the known bombs of Markdown and HTML parsers, and random bytes of both languages.
#include "adapters/documents/document_reader.hpp"
#include "tests/unit/adapters/waiting.hpp"

#include <gtest/gtest.h>
#include <chrono>
#include <random>
#include <string>

namespace troupe {
namespace {

using passages = std::vector<passage>;

std::string repeated(std::string_view piece, std::size_t times) {
  std::string text;
  text.reserve(piece.size() * times);
  while (times-- > 0) text += piece;
  return text;
}

/// Reads it, expects an answer soon, whatever it is, and sane passages.
void survives(const std::string& name, std::string bytes) {
  static const auto reader = make_document_reader();
  const auto start = std::chrono::steady_clock::now();
  const auto found = test::wait_for<passages>(
      [&](reply<passages> answer) { reader->read(name, std::move(bytes), std::move(answer)); });
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took, std::chrono::seconds(20)) << name;
  if (!found) {
    EXPECT_EQ(found.error().code, errc::invalid_argument);
    return;
  }
  for (const auto& each : *found) {
    ASSERT_LE(each.text.size(), 1620u);
    ASSERT_LE(each.heading.size(), 300u);
    ASSERT_FALSE(each.text.empty());
  }
}

TEST(document_attack, deeply_nested_html_is_survived) {
  for (const char* tag :
       {"<div>", "<b>", "<table><tr><td>", "<ul><li>", "<svg><g>", "<b><p>", "<font a=1>"})
    for (const std::size_t times : {100u, 600u, 300'000u})
      survives("a.html", repeated(tag, times) + "text");
  for (const char* tag : {"<p>", "<li>", "<td>", "<br>", "<option>", "</p>", "</div>", "<p></b>"})
    survives("a.html", repeated(tag, 100'000) + "text");
}

TEST(document_attack, html_with_endless_attributes_or_open_quotes_is_survived) {
  std::string attributes = "<a";
  for (int n = 0; n < 200'000; ++n) attributes += " x" + std::to_string(n) + "=1";
  survives("a.html", attributes + ">text");
  survives("a.html", "<a" + repeated("\"", 100'000));
  survives("a.html", "<a x=" + repeated("'a'", 100'000) + ">text");
  survives("a.html", repeated("<a x=\"", 100'000));
  survives("a.html", repeated("<!--", 100'000));
  survives("a.html", repeated("<script>", 100'000));
  survives("a.html", repeated("&", 500'000) + repeated("&#x110000;", 10'000));
}

TEST(document_attack, markdown_bombs_are_survived) {
  for (const char* piece : {"[", "![", "> ", "* ", "*a_ ", "`", "``a", "<!A ", "<?", "<![CDATA[",
                            "[a](<b", "[a][b]", "a**b", "&a", "\\", "- - ", "_", "[]()", "~~~ "}) {
    survives("a.md", repeated(piece, 300'000) + "text");
    survives("a.md", repeated(piece, 20'000) + "text");
    survives("a.md", repeated(std::string(piece) + "\n", 60'000) + "text");
  }
  std::string nested;
  for (int n = 0; n < 400; ++n) nested += std::string(static_cast<std::size_t>(n), ' ') + "- a\n";
  survives("a.md", nested);
  survives("a.md", repeated("[a]: b\n", 100'000) + repeated("[a]\n\n", 100'000));
}

TEST(document_attack, a_heading_of_a_megabyte_is_text) {
  survives("a.md", "# " + repeated("word ", 200'000) + "\n\nbody\n");
  survives("a.html", "<h1>" + repeated("word ", 200'000) + "</h1>body");
}

TEST(document_attack, a_document_of_many_megabytes_is_read) {
  survives("a.txt", repeated("A line that is one of very many in this file.\n", 200'000));
  survives("a.md", repeated("Para *one*.\n\n## Head\n\n", 200'000));
  survives("a.txt", repeated("x", 8u << 20));
}

TEST(document_attack, random_markup_is_survived) {
  std::mt19937 random(20261121);
  const std::vector<std::string> pieces{
      "<",          ">",     "</",      "div",      "p",        "table",      "tr",
      "td",         "<td>",  "<table>", "</table>", "<select>", "<option>",   "&amp;",
      "\"",         "'",     "=",       "#",        "*",        "_",          "`",
      "```",        "\n",    "\n\n",    "    ",     "- ",       "1. ",        "> ",
      "[",          "](",    ")",       "|",        "---",      "<!--",       "-->",
      "<![CDATA[",  "é",     "漢",      "😀",       "text",     "<svg>",      "<math>",
      "<template>", "<pre>", "<h1>",    "</h2>",    "<title>",  "<frameset>", "<plaintext>",
      "<isindex>",  "{",     "}",       "\t"};
  for (int n = 0; n < 3000; ++n) {
    std::string text;
    for (auto count = random() % 80; count > 0; --count) text += pieces[random() % pieces.size()];
    survives(n % 2 == 0 ? "a.md" : "a.html", text);
  }
}

} // namespace
} // namespace troupe

// Goal: documents become passages that keep structure, order and every character that a reader
// sees. Method: small documents whose passages can be told by hand; properties over long ones.
#include "adapters/documents/document_reader.hpp"
#include "tests/unit/adapters/waiting.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <atomic>
#include <string>

namespace troupe {
namespace {

using passages = std::vector<passage>;

result<passages> read(std::string filename, std::string bytes) {
  static const auto reader = make_document_reader();
  return test::wait_for<passages>([&](reply<passages> answer) {
    reader->read(std::move(filename), std::move(bytes), std::move(answer));
  });
}

std::string all_text(const passages& from) {
  std::string text;
  for (const auto& each : from) text += each.text + '\n';
  return text;
}

std::string sentences(int count, const std::string& word = "word") {
  std::string text;
  for (int n = 0; n < count; ++n)
    text += "Sentence " + std::to_string(n) + " has a " + word + " and ends here. ";
  return text;
}

bool is_whole_utf8(const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t size = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if ((lead & 0xC0) == 0x80 || at + size > text.size()) return false;
    at += size;
  }
  return true;
}

TEST(document_reader, markdown_keeps_the_path_of_headings_beside_the_text) {
  const auto found = read("guide.md", "# Guide\n\n## Setup\n\n" + sentences(20) +
                                          "\n\n## Use\n\n### Keys\n\n" + sentences(20));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ(found->at(0).heading, "Guide > Setup");
  EXPECT_EQ(found->at(1).heading, "Guide > Use > Keys");
  EXPECT_EQ(found->at(0).ordinal, 0u);
  EXPECT_EQ(found->at(1).ordinal, 1u);
  EXPECT_TRUE(found->at(1).text.starts_with("Sentence 0"));
}

TEST(document_reader, markdown_text_is_what_a_reader_sees) {
  const auto found = read("a.md",
                          "Some *emphasis*, `code` and a [link](https://example.com/x).\n"
                          "Second line.\n\n```sh\ntroupe serve\n  --http\n```\n\n"
                          "1. first\n2. second\n   - inner\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(all_text(*found),
            "Some emphasis, code and a link. Second line.\n\n"
            "troupe serve\n  --http\n\n- first\n- second\n  - inner\n");
}

TEST(document_reader, a_code_block_inside_a_list_stays_in_its_place) {
  const auto found = read("a.md", "1. before\n\n   ```\n   command\n   ```\n\n2. after\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(all_text(*found), "- before\n\ncommand\n\n- after\n");
}

TEST(document_reader, markdown_tables_keep_their_rows) {
  const auto found =
      read("a.md", "| Name | Port |\n| --- | ---: |\n| edge | 8000 |\n| broker | 7700 |\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(all_text(*found), "Name | Port\nedge | 8000\nbroker | 7700\n");
}

TEST(document_reader, a_front_matter_gives_the_title_and_nothing_else) {
  const auto found = read("a.md", "---\ntitle: \"Limits\"\nlayout: page\n---\nThe body.\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->at(0).heading, "Limits");
  EXPECT_EQ(all_text(*found), "The body.\n");
}

TEST(document_reader, attributes_behind_a_heading_are_left_out) {
  const auto found = read("a.md", "# First steps { #first-steps }\n\nBody.\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->at(0).heading, "First steps");
}

TEST(document_reader, headings_without_text_are_found_too) {
  const auto found = read("a.md", "# Alpha\n# Beta\n## Gamma\n");
  ASSERT_TRUE(found);
  const auto text = all_text(*found);
  for (const char* word : {"Alpha", "Beta", "Gamma"})
    EXPECT_TRUE(text.contains(word) || found->at(0).heading.contains(word)) << word;
}

TEST(document_reader, small_sections_share_a_passage_with_their_headings_in_the_text) {
  const auto found = read("a.md", "# A\n\none\n\n# B\n\ntwo\n");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->at(0).heading, "A");
  EXPECT_EQ(found->at(0).text, "one\n\nB\n\ntwo");
}

TEST(document_reader, html_drops_scripts_styles_and_navigation_and_keeps_headings) {
  const auto found = read("a.html",
                          "<html><head><title>T</title><style>p{}</style></head><body>"
                          "<nav><a>menu</a></nav><h1>Head</h1><script>var x;</script>"
                          "<p>One   <b>two</b>&amp;\nthree<br>four</p>"
                          "<ul><li>item</li></ul><pre>a\n  b</pre>"
                          "<table><tr><th>k</th><td>v</td></tr></table></body></html>");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->back().heading, "T > Head");
  EXPECT_EQ(found->back().text, "One two& three\nfour\n\n- item\n\na\n  b\n\nk | v");
  EXPECT_FALSE(all_text(*found).contains("var x"));
  EXPECT_FALSE(all_text(*found).contains("menu"));
}

TEST(document_reader, html_inside_markdown_is_read_as_html) {
  const auto found = read("a.md", "<div><p>inside</p><script>bad()</script></div>\n\noutside\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(all_text(*found), "inside\n\noutside\n");
}

TEST(document_reader, a_short_first_line_of_a_text_file_is_its_title) {
  const auto found =
      read("a.txt", "The title\n\nThe body goes on\nover two lines of some length here.\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->at(0).heading, "The title");
  const auto alone = read("a.txt", "Only a title\n");
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->at(0).text, "Only a title");
}

TEST(document_reader, passages_stay_within_their_size_and_overlap_at_sentences) {
  const auto found = read("a.txt", sentences(500));
  ASSERT_TRUE(found);
  ASSERT_GT(found->size(), 10u);
  for (std::size_t n = 0; n < found->size(); ++n) {
    const auto& text = found->at(n).text;
    EXPECT_LE(text.size(), 1620u);
    EXPECT_TRUE(text.starts_with("Sentence ")) << text.substr(0, 40);
    EXPECT_TRUE(text.ends_with(".")) << text.substr(text.size() - 40);
    EXPECT_EQ(found->at(n).ordinal, n);
    if (n == 0) continue;
    const auto first = text.substr(0, text.find('.') + 1);
    EXPECT_TRUE(found->at(n - 1).text.contains(first)) << "no overlap at " << n;
  }
}

TEST(document_reader, no_sentence_is_lost_in_a_long_document) {
  const auto found = read("a.md", "# Long\n\n" + sentences(700));
  ASSERT_TRUE(found);
  const auto text = all_text(*found);
  for (int n = 0; n < 700; ++n)
    EXPECT_TRUE(text.contains("Sentence " + std::to_string(n) + " has")) << n;
}

TEST(document_reader, text_without_blanks_is_cut_only_between_characters) {
  std::string text;
  for (int n = 0; n < 3000; ++n) text += n % 7 == 0 ? "😀" : "日";
  const auto found = read("a.txt", text);
  ASSERT_TRUE(found);
  EXPECT_GT(found->size(), 4u);
  std::string joined;
  for (const auto& each : *found) {
    EXPECT_LE(each.text.size(), 1620u);
    EXPECT_TRUE(is_whole_utf8(each.text));
    joined += each.text;
  }
  EXPECT_EQ(joined, text);
}

TEST(document_reader, japanese_sentences_end_at_their_own_stop) {
  std::string text;
  for (int n = 0; n < 100; ++n) text += "これは文" + std::to_string(n) + "です。";
  const auto found = read("a.txt", text);
  ASSERT_TRUE(found);
  ASSERT_GT(found->size(), 1u);
  for (const auto& each : *found) {
    EXPECT_TRUE(each.text.starts_with("これは文"));
    EXPECT_TRUE(each.text.ends_with("です。"));
  }
}

TEST(document_reader, a_byte_order_mark_and_windows_line_ends_leave_no_trace) {
  const auto found = read("a.md", "\xEF\xBB\xBF# Title\r\n\r\nOne.\r\nTwo.\r\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->at(0).heading, "Title");
  EXPECT_EQ(found->at(0).text, "One. Two.");
}

TEST(document_reader, what_is_not_utf8_or_has_nul_bytes_is_refused_as_such) {
  for (const auto& bytes : {std::string("caf\xE9 au lait"), std::string("\xC0\xAF"),
                            std::string("\xED\xA0\x80"), std::string("\xF4\x90\x80\x80"),
                            std::string("cut \xE2\x82"), std::string("\xFF\xFEh\0i\0", 6)}) {
    const auto found = read("a.txt", bytes);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, errc::invalid_argument);
    EXPECT_TRUE(found.error().message.contains("not UTF-8")) << found.error().message;
  }
  const auto nul = read("a.md", std::string("a\0b", 3));
  ASSERT_FALSE(nul);
  EXPECT_EQ(nul.error().code, errc::invalid_argument);
  EXPECT_TRUE(nul.error().message.contains("NUL"));
}

TEST(document_reader, a_document_without_text_is_an_invalid_argument) {
  for (const auto& [name, bytes] :
       std::vector<std::pair<std::string, std::string>>{{"a.txt", ""},
                                                        {"a.txt", " \r\n\t\n"},
                                                        {"a.md", "\n\n---\n\n"},
                                                        {"a.md", ""},
                                                        {"a.html", "<script>x</script><p> </p>"},
                                                        {"a.html", ""},
                                                        {"a.md", "\xEF\xBB\xBF"}}) {
    const auto found = read(name, bytes);
    ASSERT_FALSE(found) << name << bytes;
    EXPECT_EQ(found.error().code, errc::invalid_argument);
  }
}

TEST(document_reader, formats_that_nobody_reads_are_named_in_the_error) {
  for (const auto& [name, bytes, extension] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"paper.PDF", "%PDF-1.4", ".pdf"},
           {"a.tar.gz", "x", ".gz"},
           {"p.png", "x", ".png"},
           {"dir.d/report.docx", "x", ".docx"},
           {"renamed.txt", "%PDF-1.7 ...", ".txt"},
           {"noext", "PK\x03\x04zip", "extension"}}) {
    const auto found = read(name, bytes);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().code, errc::unsupported_media) << name;
    EXPECT_TRUE(found.error().message.contains(extension)) << found.error().message;
  }
}

TEST(document_reader, any_other_text_is_read_whatever_its_name) {
  for (const char* name : {"README", "main.cpp", "data.csv", "notes.rst", ".hidden", "a.b/c", ""})
    EXPECT_TRUE(read(name, "some text\n")) << name;
}

TEST(document_reader, many_documents_at_once_are_each_answered_with_their_own) {
  auto reader = make_document_reader(2);
  std::atomic<int> right{0};
  for (int n = 0; n < 200; ++n)
    reader->read("a.txt", "document number " + std::to_string(n) + " it is",
                 reply<passages>([n, &right](result<passages> found) {
                   const auto own = std::string("number ").append(std::to_string(n)).append(" ");
                   if (found && found->at(0).text.contains(own)) ++right;
                   if (!found && found.error().code == errc::dropped) ++right;
                 }));
  reader.reset();
  EXPECT_EQ(right, 200);
}

} // namespace
} // namespace troupe

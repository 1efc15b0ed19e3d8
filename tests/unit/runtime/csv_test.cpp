// Goal: tables as RFC 4180 has them, and as spreadsheets write them, are read field by field, and
// what is no table is named by its line. Method: texts whole, and cut at every byte.
#include "runtime/cli/csv.hpp"

#include "messages/base/limits.hpp"
#include "tests/unit/runtime/scratch_folder.hpp"

#include <gtest/gtest.h>

namespace troupe::cli {
namespace {

using rows = std::vector<std::vector<std::string>>;

/// All rows of a file with this text; the message of the error as the last row.
rows read_file(const std::string& text) {
  const test::scratch_folder folder;
  csv_file file(folder.write("t.csv", text));
  rows out;
  for (;;) {
    auto row = file.next();
    if (!row)
      return out.push_back({row.error().message.substr(folder.path().string().size())}), out;
    if (!*row) return out;
    out.push_back((*row)->fields);
  }
}

std::string message_of(const std::string& text) {
  const auto out = read_csv_record(text, true);
  return out ? "none" : out.error().message;
}

TEST(csv, fields_are_told_apart_by_commas_and_rows_by_line_ends) {
  for (const char* end : {"\r\n", "\n", "\r"})
    EXPECT_EQ(read_file(std::string("a,b") + end + "1,2" + end + ",," + end),
              (rows{{"a", "b"}, {"1", "2"}, {"", "", ""}}));
  EXPECT_EQ(read_file("a,b\n1,"), (rows{{"a", "b"}, {"1", ""}})) << "no end of the last line";
  EXPECT_EQ(read_file(""), rows{});
}

TEST(csv, quotes_keep_commas_line_ends_and_quotes) {
  EXPECT_EQ(read_file("\"a,b\",\"c\r\nd\",\"e\"\"f\",\"\"\r\n x ,y\r\n"),
            (rows{{"a,b", "c\r\nd", "e\"f", ""}, {" x ", "y"}}));
  EXPECT_EQ(read_file("\"\"\"\"\n"), (rows{{"\""}}));
}

TEST(csv, a_byte_order_mark_and_blank_lines_are_passed_over) {
  EXPECT_EQ(read_file("\xEF\xBB\xBF"
                      "email\r\n\r\na@b\r\n\r\n"),
            (rows{{"email"}, {"a@b"}}));
}

TEST(csv, what_is_no_table_is_named_by_its_line) {
  EXPECT_EQ(read_file("a\n\"b\nc").back().front(), "/t.csv line 2: a quoted field is not closed");
  EXPECT_EQ(read_file("\"a\nb\"\nc\nd\"e\n").back().front(),
            "/t.csv line 4: a quote stands inside a field that has none around it");
  EXPECT_EQ(message_of("\"a\"b\n"), "text stands behind a field's closing quote");
  EXPECT_EQ(message_of("a\"\n"), "a quote stands inside a field that has none around it");
}

TEST(csv, a_file_that_is_not_there_cannot_be_read) {
  EXPECT_EQ(csv_file("/nowhere/t.csv").next().error().code, errc::unavailable);
  EXPECT_EQ(csv_file("/").next().error().code, errc::unavailable);
}

TEST(csv, rows_are_bounded_in_bytes_and_columns) {
  const std::string most(limits::csv_record_bytes - 1, 'x');
  EXPECT_EQ(read_file(most + "\nb\n"), (rows{{most}, {"b"}}));
  EXPECT_TRUE(read_file(most + "x\n").back().front().contains("more than 262144 bytes"));
  EXPECT_TRUE(read_file("a\n\"" + most + most).back().front().contains("line 2: the row has more"));
  EXPECT_EQ(
      read_csv_record(std::string(limits::csv_fields - 1, ',') + '\n', true).value()->fields.size(),
      limits::csv_fields);
  EXPECT_EQ(message_of(std::string(limits::csv_fields, ',') + '\n'),
            "the row has more than 256 columns");
}

TEST(csv, a_text_that_is_cut_wants_more_and_never_reads_otherwise) {
  const std::string text = "\"a \"\"b\"\"\",c,\"d\r\ne\"\r\n";
  const auto whole = read_csv_record(text + "next", false);
  ASSERT_TRUE(whole && *whole);
  EXPECT_EQ((*whole)->bytes, text.size());
  EXPECT_EQ((*whole)->lines, 2u);
  for (std::size_t n = 0; n < text.size(); ++n) {
    const auto cut = read_csv_record(text.substr(0, n), false);
    EXPECT_TRUE(cut && !*cut) << n;
  }
}

TEST(csv, what_is_written_is_read_as_it_was) {
  const rows all{{"a", "b,c", "d\"e", "f\r\ng", " h "}, {""}, {"", ""}, {"é"}};
  for (const auto& each : all)
    EXPECT_EQ(read_csv_record(to_csv(each), true).value()->fields, each) << to_csv(each);
  EXPECT_EQ(to_csv({"a", "b c", "\""}), "a,b c,\"\"\"\"\r\n");
}

} // namespace
} // namespace troupe::cli

// Goal: nothing from a document or a model steers the terminal, and tables line up. Method: the
// pure functions, and what a progress bar prints into a file.
#include "runtime/cli/terminal.hpp"

#include <gtest/gtest.h>
#include <algorithm>

namespace troupe::cli {
namespace {

TEST(terminal, control_characters_do_not_pass) {
  EXPECT_EQ(printable("a\x1b[31mb\x07\r\n\tc"), "a[31mb\n\tc");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m \xc3\xa4 \xe2\x80\xa6"),
            "31m \xc3\xa4 \xe2\x80\xa6");
}

TEST(terminal, long_texts_are_cut_between_characters) {
  EXPECT_EQ(shortened("short", 10), "short");
  EXPECT_EQ(shortened("two\nlines", 20), "two lines");
  EXPECT_EQ(shortened("ääääää", 4), "äää…");
}

TEST(terminal, elsewhere_progress_is_a_line_for_every_tenth) {
  testing::internal::CaptureStderr();
  progress bar(stderr, "uploading", 20);
  for (std::size_t i = 1; i <= 20; ++i) bar.show(i, "file");
  bar.finish();
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 10) << out;
  EXPECT_TRUE(out.ends_with("uploading: 20 of 20\n")) << out;
}

TEST(terminal, columns_line_up_by_characters) {
  testing::internal::CaptureStdout();
  print_table(stdout, {{"ä", "b"}, {"ccc", "d"}});
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "ä    b\nccc  d\n");
}

} // namespace
} // namespace troupe::cli

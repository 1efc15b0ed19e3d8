// Goal: a log line is one line that a program can take apart. Method: format_log_line() on fields
// that would break it, and the installed sink's output on stderr.
#include "runtime/log_spdlog.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(log_line, the_event_comes_first_and_plain_values_stand_bare) {
  EXPECT_EQ(format_log_line("http.listening", {{"address", "127.0.0.1:8000"}, {"threads", 2}}),
            "http.listening address=127.0.0.1:8000 threads=2");
}

TEST(log_line, values_that_would_break_the_line_are_quoted) {
  EXPECT_EQ(format_log_line("e", {{"a", ""}, {"b", "two words"}, {"c", "x=\"y\"\\"}}),
            "e a=\"\" b=\"two words\" c=\"x=\\\"y\\\"\\\\\"");
  EXPECT_EQ(format_log_line("e", {{"a", "one\ntwo\t\x1b[31m"}}), "e a=\"one\\ntwo\\t\\x1b[31m\"");
}

TEST(log_line, level_names_of_other_programs_are_read) {
  EXPECT_EQ(parse_log_level("WARNING").value(), log::level::warn);
  EXPECT_EQ(parse_log_level("critical").value(), log::level::error);
  EXPECT_EQ(parse_log_level("Info").value(), log::level::info);
  EXPECT_FALSE(parse_log_level("loud"));
}

TEST(log_line, the_sink_writes_to_stderr_from_its_level_on) {
  install_log_sink(log::level::info);
  testing::internal::CaptureStderr();
  log::debug("not.shown");
  log::info("shown", {{"n", 1}});
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(out.ends_with("Z info shown n=1\n")) << out;
  EXPECT_FALSE(out.contains("not.shown")) << out;
}

} // namespace
} // namespace troupe

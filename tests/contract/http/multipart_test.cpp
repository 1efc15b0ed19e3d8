// Goal: forms of real clients are read, malformed ones refused.
// Method: direct calls of the parser.
#include "adapters/http/multipart.hpp"

#include <gtest/gtest.h>

namespace troupe::http {
namespace {

constexpr std::string_view type = "multipart/form-data; boundary=B";

std::string part(std::string_view disposition, std::string_view body) {
  return "--B\r\nContent-Disposition: " + std::string(disposition) + "\r\n\r\n" +
         std::string(body) + "\r\n";
}

std::string filename_of(std::string_view disposition) {
  const auto text = part(disposition, "x") + "--B--";
  const auto parts = parse_form(type, text);
  return parts && parts->size() == 1 ? parts->front().filename : "refused";
}

TEST(multipart, parts_are_found_with_names_and_exact_bytes) {
  const std::string bytes("\r\n--Bx\0\r\n--\r\n", 13);
  const auto text = "preamble\r\n" + part("form-data; name=\"file\"; filename=\"a.bin\"", bytes) +
                    part("form-data; name=purpose", "assistants") + "--B--\r\nepilogue";
  // `--Bx` inside would be the delimiter with more behind it, which is malformed; use another.
  const auto clean = "preamble\r\n" +
                     part("form-data; name=\"file\"; filename=\"a.bin\"", "\r\n--C\r\n") +
                     part("form-data; name=purpose", "assistants") + "--B--\r\nepilogue";
  EXPECT_FALSE(parse_form(type, text));
  const auto parts = parse_form(type, clean);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].name, "file");
  EXPECT_TRUE((*parts)[0].has_filename);
  EXPECT_EQ((*parts)[0].body, "\r\n--C\r\n");
  EXPECT_EQ((*parts)[1].name, "purpose");
  EXPECT_EQ((*parts)[1].body, "assistants");
}

TEST(multipart, filenames_are_read_in_all_the_ways_clients_write_them) {
  EXPECT_EQ(filename_of("form-data; name=\"file\"; filename=\"a;b.md\""), "a;b.md");
  EXPECT_EQ(filename_of("form-data; name=\"file\"; filename=\"a\\\"b.md\""), "a\"b.md");
  EXPECT_EQ(filename_of("form-data; name=\"file\"; filename=plain.md"), "plain.md");
  EXPECT_EQ(filename_of("form-data; name=\"file\"; filename=\"x\"; filename*=UTF-8''b%C3%BC.md"),
            "b\xC3\xBC.md");
  EXPECT_EQ(filename_of("form-data; name=\"file\"; filename*=utf-8'en'y; filename=\"x\""), "y");
  EXPECT_EQ(filename_of("form-data; name=\"file\"; filename*=latin1''y; filename=\"x\""), "x");
  EXPECT_EQ(filename_of("FORM-DATA; NAME=\"file\"; FILENAME=\"../../etc/passwd\""), "passwd");
  EXPECT_EQ(filename_of("form-data; name=\"file\"; filename=\"C:\\dir\\a.md\""), "a.md");
}

TEST(multipart, empty_parts_and_forms_are_read) {
  const auto text = part("form-data; name=\"a\"", "") + part("form-data; name=\"b\"", "") + "--B--";
  const auto parts = parse_form(type, text);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].body, "");
  EXPECT_EQ((*parts)[1].body, "");
  const auto shared =
      parse_form(type, "--B\r\nContent-Disposition: form-data; name=x\r\n\r\n--B--");
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->front().body, "");
  EXPECT_EQ(parse_form(type, "--B--")->size(), 0u);
}

TEST(multipart, a_quoted_boundary_is_read_and_other_types_are_415) {
  EXPECT_TRUE(parse_form("Multipart/Form-Data; charset=utf-8; boundary=\"B\"", "--B--"));
  EXPECT_EQ(parse_form("application/json", "--B--").error().code, errc::unsupported_media);
  EXPECT_EQ(parse_form("", "--B--").error().code, errc::unsupported_media);
  EXPECT_EQ(parse_form("multipart/form-data", "--B--").error().code, errc::invalid_argument);
  EXPECT_FALSE(parse_form("multipart/form-data; boundary=" + std::string(71, 'x'), "x"));
}

TEST(multipart, malformed_forms_are_refused) {
  const std::string good = part("form-data; name=\"a\"", "x") + "--B--";
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_FALSE(parse_form(type, good.substr(0, n))) << n;
  for (const auto* bad :
       {"", "--B", "--B\r\n", "--B\r\n\r\nx\r\n--B--", "--B\r\nno colon\r\n\r\nx\r\n--B--",
        "--B\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--B--",
        "--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--",
        "--B\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--B--"})
    EXPECT_FALSE(parse_form(type, bad)) << bad;
}

TEST(multipart, parts_and_their_headers_are_bounded) {
  std::string many;
  for (std::size_t i = 0; i <= form_parts_max; ++i) many += part("form-data; name=a", "x");
  EXPECT_FALSE(parse_form(type, many + "--B--"));
  const auto longer = "--B\r\nX: " + std::string(part_header_bytes_max, 'x') + "\r\n" +
                      part("form-data; name=a", "x").substr(5) + "--B--";
  EXPECT_FALSE(parse_form(type, longer));
}

} // namespace
} // namespace troupe::http

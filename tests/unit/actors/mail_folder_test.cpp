// Goal: an operator's folder of mail texts is read whole or refused with a sentence. Method: real
// files in a scratch folder.
#include "runtime/mail_folder.hpp"

#include "messages/base/limits.hpp"
#include "tests/unit/runtime/scratch_folder.hpp"

#include <gtest/gtest.h>

namespace troupe::test {
namespace {

std::string subject_of(const mail_templates& in, mail_kind kind) {
  return in.render(kind, mail_values{}, "a@b.c").subject;
}

TEST(mail_folder, no_folder_means_the_built_in_texts) {
  const auto read = read_mail_templates({});
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(subject_of(*read, mail_kind::recovery), "Reset your password");
}

TEST(mail_folder, its_files_take_the_places_of_built_in_texts) {
  const scratch_folder folder;
  folder.write("recovery.subject", "New word\n");
  folder.write("recovery.html", "<b>{{ .Token }}</b>");
  folder.write(".git/config", "{{");
  folder.write(".recovery.html.swp", "{{");
  folder.write("images/logo.txt", "{{");
  const auto read = read_mail_templates(folder.path());
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(subject_of(*read, mail_kind::recovery), "New word");
  mail_values one;
  one.token = "1";
  EXPECT_EQ(read->render(mail_kind::recovery, one, "a@b.c").html, "<b>1</b>");
  EXPECT_EQ(subject_of(*read, mail_kind::invite), "You have been invited");
}

TEST(mail_folder, what_cannot_be_taken_is_named_with_its_path) {
  const scratch_folder folder;
  const auto absent = folder.path() / "absent";
  EXPECT_EQ(read_mail_templates(absent).error().message,
            absent.string() + ": No such file or directory");
  folder.write("invite.txt", "a\n{{ .Nobody }}");
  EXPECT_TRUE(read_mail_templates(folder.path())
                  .error()
                  .message.starts_with((folder.path() / "invite.txt").string() + ":2: "));
}

TEST(mail_folder, a_file_past_the_bound_is_refused) {
  const scratch_folder folder;
  folder.write("invite.txt", std::string(limits::mail_body_bytes + 1, 'x'));
  EXPECT_TRUE(read_mail_templates(folder.path()).error().message.ends_with(":1: is too long"));
  folder.write("invite.txt", std::string(limits::mail_body_bytes, 'x'));
  EXPECT_TRUE(read_mail_templates(folder.path()).has_value());
}

} // namespace
} // namespace troupe::test

// Goal: the mails' texts have their values in the right places and nothing else, and an operator's
// wrong template is named with its line. Method: pure functions on short texts.
#include "actors/auth/mail_templates.hpp"

#include "actors/ports/mail_rules.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

constexpr mail_kind kinds[] = {mail_kind::confirm_signup, mail_kind::recovery,
                               mail_kind::magic_link, mail_kind::email_change, mail_kind::invite};

mail_values values() {
  return {"https://api.example/verify?token=abc&type=signup",
          "123456",
          "hash-1",
          "https://site.example",
          "ada@example.com",
          "new@example.com",
          "https://site.example/welcome"};
}

std::string refusal(std::string_view file, std::string text) {
  mail_templates in;
  const auto r = in.replace(file, std::move(text));
  return r ? "fine" : r.error().message;
}

TEST(mail_templates, every_built_in_mail_has_link_and_code_and_is_taken_by_a_mailer) {
  const mail_templates in;
  for (const auto kind : kinds) {
    const auto out = in.render(kind, values(), "ada@example.com");
    EXPECT_EQ(out.to, "ada@example.com");
    EXPECT_FALSE(out.subject.empty());
    EXPECT_TRUE(out.text.contains("\nhttps://api.example/verify?token=abc&type=signup\n"));
    EXPECT_TRUE(
        out.html.contains("<a href=\"https://api.example/verify?token=abc&amp;type=signup\">"));
    for (const auto* part : {&out.text, &out.html}) {
      EXPECT_TRUE(part->contains("123456"));
      EXPECT_TRUE(part->contains("https://site.example"));
      EXPECT_FALSE(part->contains("{{")) << *part;
    }
    EXPECT_TRUE(mail_rules::check(out).has_value());
  }
}

TEST(mail_templates, the_five_mails_differ) {
  const mail_templates in;
  for (const auto a : kinds)
    for (const auto b : kinds)
      if (a != b) {
        EXPECT_NE(in.render(a, values(), "a@b.c").subject, in.render(b, values(), "a@b.c").subject);
        EXPECT_NE(in.render(a, values(), "a@b.c").html, in.render(b, values(), "a@b.c").html);
      }
  EXPECT_TRUE(
      in.render(mail_kind::email_change, values(), "a@b.c").text.contains("new@example.com"));
}

TEST(mail_templates, an_operators_text_takes_the_place_of_one_built_in) {
  mail_templates in;
  const auto before = in.render(mail_kind::invite, values(), "a@b.c");
  ASSERT_TRUE(in.replace("invite.html",
                         "{{.ConfirmationURL}}|{{ .Token }}|{{   .TokenHash\t}}|{{ .SiteURL }}|"
                         "{{ .Email }}|{{ .NewEmail }}|{{ .RedirectTo }}|} { }}|end"));
  ASSERT_TRUE(in.replace("invite.subject", "  Join {{ .SiteURL }}\n"));
  const auto out = in.render(mail_kind::invite, values(), "a@b.c");
  EXPECT_EQ(out.html,
            "https://api.example/verify?token=abc&amp;type=signup|123456|hash-1|"
            "https://site.example|ada@example.com|new@example.com|"
            "https://site.example/welcome|} { }}|end");
  EXPECT_EQ(out.subject, "Join https://site.example");
  EXPECT_EQ(out.text, before.text);
  const mail_templates fresh;
  EXPECT_EQ(in.render(mail_kind::recovery, values(), "a@b.c"),
            fresh.render(mail_kind::recovery, values(), "a@b.c"));
}

TEST(mail_templates, a_value_is_escaped_in_html_and_is_never_a_template_itself) {
  mail_templates in;
  for (const auto* file : {"recovery.txt", "recovery.html"})
    ASSERT_TRUE(in.replace(file, "<{{ .Email }}>"));
  auto hostile = values();
  hostile.email = "<b>&\"'{{ .Token }}";
  const auto out = in.render(mail_kind::recovery, hostile, "a@b.c");
  EXPECT_EQ(out.text, "<<b>&\"'{{ .Token }}>");
  EXPECT_EQ(out.html, "<&lt;b&gt;&amp;&#34;&#39;{{ .Token }}>");
}

TEST(mail_templates, a_wrong_template_is_named_with_its_line) {
  EXPECT_EQ(refusal("invite.html", "one\ntwo {{ .Token }}\n{{ .Nmae }}\n"),
            "invite.html:3: is no placeholder: {{ .Nmae }}; known are {{ .ConfirmationURL }}, "
            "{{ .Token }}, {{ .TokenHash }}, {{ .SiteURL }}, {{ .Email }}, {{ .NewEmail }}, "
            "{{ .RedirectTo }}");
  for (const char* wrong : {"{{ Token }}", "{{ .token }}", "{{ if .Token }}x{{ end }}",
                            "{{ .Data.name }}", "{{}}", "{{ .Token", "a {{ {{ .Token }}", "{{"})
    EXPECT_TRUE(refusal("recovery.txt", wrong).starts_with("recovery.txt:1: is no placeholder: "))
        << wrong;
  EXPECT_EQ(refusal("invite.subject", " \n"), "invite.subject:1: is empty");
  EXPECT_EQ(refusal("invite.subject", "one\ntwo"), "invite.subject:2: a subject is one line");
  EXPECT_EQ(refusal("invite.txt", std::string(limits::mail_body_bytes + 1, 'x')),
            "invite.txt:1: is too long");
}

TEST(mail_templates, a_file_that_is_no_template_is_named_with_those_that_are) {
  for (const char* file :
       {"invitation.html", "invite", "invite.htm", "invite.html.bak", ".html", "", "README.md"})
    EXPECT_EQ(refusal(file, "x"),
              std::string(file) +
                  ": is no template; wanted is one of confirm_signup, recovery, "
                  "magic_link, email_change, invite with .subject, .txt or .html");
}

} // namespace
} // namespace troupe

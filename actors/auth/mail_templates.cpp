#include "actors/auth/mail_templates.hpp"

#include "messages/base/limits.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace troupe {
namespace {

constexpr std::array<std::string_view, mail_kind_count> kind_names{
    "confirm_signup", "recovery", "magic_link", "email_change", "invite"};

struct placeholder {
  std::string_view name;
  std::string mail_values::* value;
};

constexpr placeholder placeholders[] = {
    {"ConfirmationURL", &mail_values::confirmation_url},
    {"Token", &mail_values::token},
    {"TokenHash", &mail_values::token_hash},
    {"SiteURL", &mail_values::site_url},
    {"Email", &mail_values::email},
    {"NewEmail", &mail_values::new_email},
    {"RedirectTo", &mail_values::redirect_to},
};

/// What one kind of mail says; the two parts are made of it.
struct wording {
  std::string_view subject;
  std::string_view heading;
  std::string_view request; ///< a sentence before the link, without its full stop
  std::string_view action;  ///< the link's text
};

constexpr std::array<wording, mail_kind_count> wordings{{
    {"Confirm your e-mail address", "Confirm your e-mail address",
     "To confirm the address {{ .Email }} for your account at {{ .SiteURL }}, follow this link",
     "Confirm the address"},
    {"Reset your password", "Reset your password",
     "To choose a new password for your account at {{ .SiteURL }}, follow this link",
     "Reset the password"},
    {"Your sign-in link", "Sign in", "To sign in at {{ .SiteURL }}, follow this link", "Sign in"},
    {"Confirm your new e-mail address", "Confirm the change of your e-mail address",
     "To change the address of your account at {{ .SiteURL }} from {{ .Email }} to "
     "{{ .NewEmail }}, follow this link",
     "Change the address"},
    {"You have been invited", "You have been invited",
     "You have been invited to open an account at {{ .SiteURL }}. To accept, follow this link",
     "Accept the invitation"},
}};

constexpr std::string_view closing =
    "If you did not expect this mail, ignore it: nothing changes without the link or the code.";

std::string built_in_text(const wording& say) {
  return std::string(say.request) + ":\n\n{{ .ConfirmationURL }}\n\nOr enter the code " +
         "{{ .Token }}\n\n" + std::string(closing) + "\n";
}

std::string built_in_html(const wording& say) {
  return "<h2>" + std::string(say.heading) + "</h2>\n<p>" + std::string(say.request) +
         ":</p>\n<p><a href=\"{{ .ConfirmationURL }}\">" + std::string(say.action) +
         "</a></p>\n<p>Or enter the code <strong>{{ .Token }}</strong></p>\n<p>" +
         std::string(closing) + "</p>\n";
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// Calls `on_literal(text)` and `on_name(inside of {{ }})` in turn, both `bool`, until one says
/// false. Answers where it stopped; nothing when it went to the end. Braces that are never closed
/// are told as a name that begins with them, which is none.
template <class Literal, class Name>
std::optional<std::size_t> walk(std::string_view text, Literal on_literal, Name on_name) {
  for (std::size_t at = 0; at < text.size();) {
    const auto open = std::min(text.find("{{", at), text.size());
    if (!on_literal(text.substr(at, open - at))) return at;
    if (open == text.size()) return std::nullopt;
    const auto close = text.find("}}", open);
    const bool closed = close != text.npos;
    if (!on_name(closed ? text.substr(open + 2, close - open - 2) : text.substr(open))) return open;
    at = closed ? close + 2 : text.size();
  }
  return std::nullopt;
}

const placeholder* find_placeholder(std::string_view inside) {
  const auto name = trimmed(inside);
  if (!name.starts_with('.')) return nullptr;
  const auto* found = std::ranges::find(placeholders, name.substr(1), &placeholder::name);
  return found == std::end(placeholders) ? nullptr : found;
}

void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
}

std::string filled(std::string_view text, const mail_values& values, bool escape) {
  std::string out;
  walk(
      text,
      [&](std::string_view literal) {
        out += literal;
        return true;
      },
      [&](std::string_view inside) {
        if (const auto* found = find_placeholder(inside)) {
          const auto& value = values.*found->value;
          if (escape) {
            append_escaped(out, value);
          } else {
            out += value;
          }
        }
        return true;
      });
  return out;
}

std::string known_placeholders() {
  std::string out;
  for (const auto& each : placeholders)
    out += (out.empty() ? "{{ ." : ", {{ .") + std::string(each.name) + " }}";
  return out;
}

/// The offset of the first thing in braces that is no placeholder.
std::optional<std::size_t> first_unknown(std::string_view text) {
  return walk(
      text, [](std::string_view) { return true; },
      [](std::string_view inside) { return find_placeholder(inside) != nullptr; });
}

std::unexpected<error> wrong(std::string_view file, std::size_t line, std::string why) {
  return fail(errc::invalid_argument,
              std::string(file) + ':' + std::to_string(line) + ": " + std::move(why));
}

/// The first 40 characters of a line, without its control characters, for an error message.
std::string excerpt(std::string_view text) {
  std::string out(text.substr(0, std::min<std::size_t>(40, text.find('\n'))));
  std::erase_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  return out;
}

std::unexpected<error> unknown_file(std::string_view file) {
  std::string kinds;
  for (const auto name : kind_names) kinds += (kinds.empty() ? "" : ", ") + std::string(name);
  return fail(errc::invalid_argument, std::string(file) + ": is no template; wanted is one of " +
                                          kinds + " with .subject, .txt or .html");
}

} // namespace

mail_templates::mail_templates() {
  for (std::size_t i = 0; i < mail_kind_count; ++i) {
    const auto& say = wordings[i];
    kinds_[i] = {std::string(say.subject), built_in_text(say), built_in_html(say)};
  }
}

result<void> mail_templates::replace(std::string_view file, std::string text) {
  const auto dot = std::min(file.find('.'), file.size());
  const auto ending = file.substr(dot);
  const auto* kind = std::ranges::find(kind_names, file.substr(0, dot));
  std::string texts::* place = ending == ".subject" ? &texts::subject
                               : ending == ".txt"   ? &texts::text
                               : ending == ".html"  ? &texts::html
                                                    : nullptr;
  if (kind == kind_names.end() || place == nullptr) return unknown_file(file);
  if (text.size() > limits::mail_body_bytes) return wrong(file, 1, "is too long");
  if (ending == ".subject") {
    text = trimmed(text);
    if (text.empty()) return wrong(file, 1, "is empty");
    if (text.contains('\n')) return wrong(file, 2, "a subject is one line");
  }
  if (const auto at = first_unknown(text)) {
    const auto line = 1 + std::ranges::count(std::string_view(text).substr(0, *at), '\n');
    return wrong(file, static_cast<std::size_t>(line),
                 "is no placeholder: " + excerpt(std::string_view(text).substr(*at)) +
                     "; known are " + known_placeholders());
  }
  kinds_[static_cast<std::size_t>(kind - kind_names.begin())].*place = std::move(text);
  return {};
}

mail mail_templates::render(mail_kind kind, const mail_values& values, std::string to) const {
  const auto& in = kinds_[static_cast<std::size_t>(kind)];
  return {std::move(to), filled(in.subject, values, false), filled(in.text, values, false),
          filled(in.html, values, true)};
}

} // namespace troupe

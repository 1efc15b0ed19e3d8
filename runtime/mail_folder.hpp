#pragma once

#include "actors/auth/mail_templates.hpp"

#include <filesystem>

namespace troupe {

/// The texts of all mails, with the files of `folder` (`invite.html` and the like) in the place of
/// the built-in ones; an empty path: none. Hidden files and folders inside are passed over. Blocks:
/// for the start. Errors: `invalid_argument`, whose message names the file, and the line where
/// there is one.
[[nodiscard]] result<mail_templates> read_mail_templates(const std::filesystem::path& folder);

} // namespace troupe

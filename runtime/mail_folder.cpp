#include "runtime/mail_folder.hpp"

#include "messages/base/limits.hpp"

#include <fstream>
#include <optional>

namespace troupe {
namespace {

namespace fs = std::filesystem;

/// Reads one byte more than a template may have, so that replace() can tell.
std::optional<std::string> read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string out(limits::mail_body_bytes + 1, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  if (in.bad() || !in.is_open()) return std::nullopt;
  out.resize(static_cast<std::size_t>(in.gcount()));
  return out;
}

result<void> take_file(mail_templates& into, const fs::path& file) {
  auto text = read_text(file);
  if (!text) return fail(errc::invalid_argument, file.string() + ": cannot be read");
  auto taken = into.replace(file.filename().string(), std::move(*text));
  if (!taken) taken.error().message.insert(0, (file.parent_path() / "").string());
  return taken;
}

} // namespace

result<mail_templates> read_mail_templates(const fs::path& folder) {
  mail_templates out;
  if (folder.empty()) return out;
  std::error_code failed;
  fs::directory_iterator files(folder, failed);
  for (; !failed && files != fs::directory_iterator(); files.increment(failed)) {
    const auto& file = files->path();
    std::error_code ignored; // what is neither cannot be read either
    if (file.filename().string().starts_with('.') || files->is_directory(ignored)) continue;
    if (auto taken = take_file(out, file); !taken) return std::unexpected(taken.error());
  }
  if (failed) return fail(errc::invalid_argument, folder.string() + ": " + failed.message());
  return out;
}

} // namespace troupe

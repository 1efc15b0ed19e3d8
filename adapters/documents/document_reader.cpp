#include "adapters/documents/document_reader.hpp"

#include "adapters/documents/blocks.hpp"
#include "adapters/documents/chunker.hpp"
#include "adapters/documents/html.hpp"
#include "adapters/documents/utf8.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/worker_threads.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace troupe {
namespace {

using namespace documents;

constexpr std::array<std::string_view, 3> markdown_extensions{".md", ".markdown", ".mdx"};
constexpr std::array<std::string_view, 3> html_extensions{".html", ".htm", ".xhtml"};
/// Formats that are no text whatever their bytes look like.
constexpr std::array<std::string_view, 40> binary_extensions{
    ".pdf", ".doc",  ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".odt",  ".ods",   ".odp",
    ".rtf", ".epub", ".png",  ".jpg", ".jpeg", ".gif", ".webp", ".bmp",  ".tif",   ".tiff",
    ".ico", ".mp3",  ".mp4",  ".wav", ".ogg",  ".avi", ".mov",  ".webm", ".zip",   ".gz",
    ".tar", ".bz2",  ".xz",   ".zst", ".7z",   ".rar", ".exe",  ".so",   ".class", ".parquet"};

bool one_of(std::string_view extension, auto& list) {
  return std::ranges::find(list, extension) != list.end();
}

/// In lower case with its dot; empty when there is none.
std::string extension_of(std::string_view filename) {
  filename = filename.substr(filename.find_last_of("/\\") + 1);
  const auto dot = filename.rfind('.');
  if (dot == filename.npos || dot == 0) return {};
  std::string extension(filename.substr(dot));
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

/// What the first bytes say, where they say it beyond doubt.
bool starts_like_binary(std::string_view bytes) {
  using namespace std::string_view_literals;
  static constexpr std::array marks{"%PDF-"sv,
                                    "PK\x03\x04"sv,
                                    "\x89PNG"sv,
                                    "\xFF\xD8\xFF"sv,
                                    "GIF8"sv,
                                    "\x1F\x8B"sv,
                                    "\x7F"
                                    "ELF"sv};
  return std::ranges::any_of(marks, [&](auto mark) { return bytes.starts_with(mark); });
}

std::unexpected<error> unreadable(const std::string& extension) {
  const auto what = extension.empty() ? std::string("without an extension and text") : extension;
  return fail(errc::unsupported_media,
              "files " + what + " cannot be read: send Markdown, HTML or plain text", "file");
}

/// LF line ends, no byte order mark.
std::string normalised(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (bytes[at] != '\r')
      text += bytes[at];
    else if (at + 1 == bytes.size() || bytes[at + 1] != '\n')
      text += '\n';
  }
  return text;
}

result<std::vector<passage>> read_now(const std::string& filename, std::string bytes) {
  const auto extension = extension_of(filename);
  if (one_of(extension, binary_extensions) || starts_like_binary(bytes))
    return unreadable(extension);
  if (!is_utf8(bytes)) return fail(errc::invalid_argument, "the document is not UTF-8", "file");
  if (bytes.contains('\0'))
    return fail(errc::invalid_argument, "the document has NUL bytes: it is no text", "file");
  const auto text = normalised(bytes);
  bytes = {};
  result<std::vector<block>> blocks;
  if (one_of(extension, markdown_extensions))
    blocks = read_markdown(text);
  else if (one_of(extension, html_extensions))
    blocks = read_html(text);
  else
    blocks = read_text(text);
  if (!blocks) return std::unexpected(blocks.error());
  auto passages = cut_into_passages(*blocks);
  if (passages.empty()) return fail(errc::invalid_argument, "the document has no text", "file");
  return passages;
}

class structured_reader final : public document_reader {
public:
  explicit structured_reader(unsigned threads) : threads_(threads, limits::store_queue) {}

  void read(std::string filename, std::string bytes, reply<std::vector<passage>> answer) override {
    if (!threads_.reserve())
      return answer.fail(make_error(errc::overloaded, "too many documents wait to be read"));
    threads_.post([filename = std::move(filename), bytes = std::move(bytes),
                   answer = std::move(answer)]() mutable {
      try {
        answer(read_now(filename, std::move(bytes)));
      } catch (const std::bad_alloc&) {
        answer.fail(make_error(errc::unavailable, "no memory for reading the document"));
      }
    });
  }

private:
  worker_threads threads_;
};

} // namespace

std::unique_ptr<document_reader> make_document_reader(unsigned threads) {
  return std::make_unique<structured_reader>(std::max(threads, 1u));
}

} // namespace troupe

#include "runtime/cli/ingest_plan.hpp"

#include <openssl/evp.h>
#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <map>
#include <memory>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view endings[] = {
    ".md",     ".markdown", ".mdx",  ".html", ".htm",  ".xhtml", ".txt",  ".text",
    ".rst",    ".adoc",     ".org",  ".tex",  ".csv",  ".tsv",   ".json", ".jsonl",
    ".ndjson", ".xml",      ".yaml", ".yml",  ".toml", ".ini",   ".log",
};

bool is_hidden(const fs::path& file) {
  return file.filename().string().starts_with('.');
}

/// Collects the files of one call; keeps names unique over all paths.
class collector {
public:
  result<void> add_path(const fs::path& path) {
    std::error_code wrong;
    const auto status = fs::status(path, wrong);
    if (wrong || !fs::exists(status)) {
      return fail(errc::not_found, path.string() + ": there is no such file or folder");
    }
    if (!fs::is_directory(status)) {
      add(path, path.filename().string(), path.parent_path());
      return {};
    }
    return add_folder(path);
  }

  found_files finish() && {
    for (auto& [name, file] : files_) out_.files.push_back(std::move(file));
    return std::move(out_);
  }

private:
  result<void> add_folder(const fs::path& folder) {
    std::error_code wrong;
    auto at = fs::recursive_directory_iterator(
        folder, fs::directory_options::skip_permission_denied, wrong);
    for (; !wrong && at != fs::recursive_directory_iterator(); at.increment(wrong)) {
      std::error_code ignored;
      if (is_hidden(at->path())) {
        if (at->is_directory(ignored)) at.disable_recursion_pending();
      } else if (at->is_regular_file(ignored) && is_readable_kind(at->path())) {
        add(at->path(), at->path().lexically_relative(folder).generic_string(), folder);
      }
    }
    if (wrong) return fail(errc::unavailable, folder.string() + ": " + wrong.message());
    return {};
  }

  void add(const fs::path& path, std::string name, const fs::path& root) {
    std::error_code wrong;
    const auto bytes = fs::file_size(path, wrong);
    if (wrong) {
      out_.refused.push_back({name, wrong.message()});
      return;
    }
    if (bytes == 0) {
      ++out_.empty;
      return;
    }
    const auto taken = files_.find(name);
    if (taken != files_.end()) {
      if (fs::equivalent(taken->second.path, path, wrong)) return; // named twice
      const auto folder = fs::absolute(root).lexically_normal();
      name =
          (folder.has_filename() ? folder.filename() : folder.parent_path().filename()).string() +
          '/' + name;
    }
    if (!files_.try_emplace(name, local_file{path, name, bytes, {}}).second) {
      out_.refused.push_back({path.string(), "another file would have the same name, " + name});
    }
  }

  std::map<std::string, local_file> files_;
  found_files out_;
};

} // namespace

bool is_readable_kind(const fs::path& file) {
  std::string ending = file.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::ranges::find(endings, ending) != std::end(endings);
}

result<found_files> find_files(const std::vector<fs::path>& paths) {
  collector found;
  for (const auto& path : paths) {
    if (auto done = found.add_path(path); !done) return std::unexpected(done.error());
  }
  return std::move(found).finish();
}

result<std::string> sha256_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(),
                                                                       &EVP_MD_CTX_free);
  if (!in || EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) != 1) {
    return fail(errc::unavailable, "cannot be read");
  }
  std::array<char, 64 << 10> block;
  while (in.read(block.data(), block.size()) || in.gcount() > 0) {
    EVP_DigestUpdate(digest.get(), block.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) return fail(errc::unavailable, "cannot be read to its end");
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw;
  unsigned int size = 0;
  EVP_DigestFinal_ex(digest.get(), raw.data(), &size);
  constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    out += hex[raw[i] >> 4];
    out += hex[raw[i] & 15];
  }
  return out;
}

ingest_plan plan_ingest(std::vector<local_file> local, const std::vector<stored_file>& stored) {
  using index = std::multimap<std::string_view, const stored_file*>;
  index by_path, by_name;
  for (const auto& file : stored) {
    file.path.empty() ? by_name.emplace(file.name, &file) : by_path.emplace(file.path, &file);
  }
  ingest_plan plan;
  for (auto& file : local) {
    planned_file planned;
    bool there = false;
    const auto compare = [&](const index& in, std::string_view key, bool may_replace) {
      const auto [first, last] = in.equal_range(key);
      for (auto at = first; at != last; ++at) {
        const stored_file& old = *at->second;
        const bool works = old.status == "completed" || old.status == "in_progress";
        there = there || (works && old.sha256 == file.sha256);
        if (may_replace) planned.outdated.push_back(old.id);
      }
    };
    const std::string_view last_part = std::string_view(file.name).substr(file.name.rfind('/') + 1);
    compare(by_path, file.name, true);
    compare(by_name, last_part, last_part.size() == file.name.size());
    if (there) {
      ++plan.skipped;
      continue;
    }
    planned.file = std::move(file);
    plan.uploads.push_back(std::move(planned));
  }
  return plan;
}

} // namespace troupe::cli

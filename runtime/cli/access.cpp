#include "runtime/cli/access.hpp"

#include <filesystem>
#include <fstream>
#include <initializer_list>

namespace troupe::cli {
namespace {

std::string variable(const environment& variables, const char* name) {
  const auto at = variables.find(name);
  return at == variables.end() ? std::string() : at->second;
}

std::string first_of(std::initializer_list<std::string> candidates) {
  for (const auto& text : candidates) {
    if (!text.empty()) return text;
  }
  return {};
}

result<std::string> normalise(std::string url) {
  const std::string given = url;
  while (url.ends_with('/')) url.pop_back();
  if (url.ends_with("/v1")) url.resize(url.size() - 3); // the base URL of an OpenAI client
  while (url.ends_with('/')) url.pop_back();
  const auto scheme = url.find("://");
  const bool http = url.starts_with("http://") || url.starts_with("https://");
  if (!http || scheme + 3 >= url.size()) {
    return fail(errc::invalid_argument,
                "--url wants an address as in http://127.0.0.1:8000, not \"" + given + '"', "url");
  }
  return url;
}

std::string read_key(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string key;
  in >> key; // one word; what surrounds it is white space
  return key;
}

} // namespace

result<access> resolve_access(const access_options& flags, const environment& variables) {
  auto url =
      normalise(first_of({flags.url, variable(variables, "TROUPE_URL"), "http://127.0.0.1:8000"}));
  if (!url) return std::unexpected(url.error());
  access out{*url, first_of({flags.key, variable(variables, "TROUPE_API_KEY")})};
  if (!out.key.empty()) return out;
  const std::filesystem::path folder =
      first_of({flags.data, variable(variables, "TROUPE_DATA"), "data"});
  const auto file = folder / "admin.key";
  out.key = read_key(file);
  if (!out.key.empty()) return out;
  return fail(errc::unauthenticated,
              "no API key: pass --key, set TROUPE_API_KEY, or name the server's "
              "data folder with --data (" +
                  file.string() + " cannot be read or is empty)");
}

} // namespace troupe::cli

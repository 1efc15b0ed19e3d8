#include "runtime/cli/keys.hpp"

#include "broker/access.hpp"
#include "broker/keys.hpp"
#include "messages/base/result.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

/// What the roles serve and ask for; other names get what an edge gets.
struct role_rights {
  std::string_view role, serves, asks;
};
constexpr role_rights known_roles[] = {
    {"edge", "", R"("router")"},
    {"router", R"("router")",
     R"("auth", "keys", "accounts", "limits", "prompt", "retrieval", "log")"},
    {"auth", R"("auth", "keys", "accounts", "limits")", R"("prompt", "retrieval", "log")"},
    {"prompt", R"("prompt", "retrieval")", R"("retrieval", "limits", "log")"},
    {"log", R"("log")", ""},
};

std::unexpected<error> cannot(const char* what, const fs::path& file, int code) {
  return fail(errc::unavailable, "cannot " + std::string(what) + ' ' + file.string() + ": " +
                                     std::generic_category().message(code));
}

result<void> check(const keys_options& options) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789-_";
  const auto& role = options.role;
  if (!role.empty() && role.size() <= principal_bytes &&
      role.find_first_not_of(letters) == role.npos)
    return {};
  return fail(errc::invalid_argument, "--role wants 1 to 64 of a-z, 0-9, - and _", "role");
}

result<void> write_new(const fs::path& file, const std::string& line, mode_t mode) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (descriptor < 0) return cannot("create", file, errno);
  const auto text = line + '\n';
  const bool is_written =
      ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(descriptor) == 0;
  const int code = errno;
  ::close(descriptor);
  return is_written ? result<void>() : cannot("write", file, code);
}

/// What to paste: a section of the allow-list, or a setting of those who link to a broker.
std::string entry_for(const std::string& role, const std::string& public_key) {
  if (role == "broker") return "[bus]\nbroker_key = [\"" + public_key + "\"]\n";
  const auto* at = std::ranges::find(known_roles, role, &role_rights::role);
  const auto& rights = at == std::end(known_roles) ? known_roles[0] : *at;
  const auto list = [](std::string_view names) { return '[' + std::string(names) + ']'; };
  return "[principals." + role + "]\npublic_keys = [\"" + public_key +
         "\"]\nregister = " + list(rights.serves) + "\ncall = " + list(rights.asks) +
         "\npublish = []\nsubscribe = []\n";
}

struct made_key {
  fs::path secret_file, public_file;
  std::string public_key;
};

result<made_key> generate(const keys_options& options) {
  if (auto fits = check(options); !fits) return std::unexpected(std::move(fits.error()));
  std::error_code failed;
  fs::create_directories(options.out, failed);
  if (failed) return cannot("create", options.out, failed.value());
  const auto folder = fs::path(options.out);
  made_key out{folder / (options.role + ".key"), folder / (options.role + ".pub"), {}};
  if (fs::exists(out.public_file)) return cannot("create", out.public_file, EEXIST);
  const auto keys = make_key_pair();
  if (auto done = write_new(out.secret_file, keys.secret_key.value, 0600); !done)
    return std::unexpected(std::move(done.error()));
  if (auto done = write_new(out.public_file, keys.public_key, 0644); !done)
    return std::unexpected(std::move(done.error()));
  out.public_key = keys.public_key;
  return out;
}

} // namespace

int run_keys_generate(const keys_options& options) {
  const auto made = generate(options);
  if (!made) {
    std::fprintf(stderr, "troupe keys: %s\n", made.error().message.c_str());
    return made.error().code == errc::invalid_argument ? 2 : 1;
  }
  const auto entry = entry_for(options.role, made->public_key);
  if (options.json) {
    const boost::json::object out{{"role", options.role},
                                  {"secret_key_file", made->secret_file.string()},
                                  {"public_key_file", made->public_file.string()},
                                  {"public_key", made->public_key},
                                  {"entry", entry}};
    std::printf("%s\n", boost::json::serialize(out).c_str());
    return 0;
  }
  std::printf("%s", entry.c_str());
  std::fprintf(stderr, "wrote %s (secret) and %s; what is above goes into %s\n",
               made->secret_file.c_str(), made->public_file.c_str(),
               options.role == "broker" ? "the settings of all who link to the broker"
                                        : "the file that the brokers' bus.allow names");
  return 0;
}

} // namespace troupe::cli

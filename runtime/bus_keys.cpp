#include "runtime/bus_keys.hpp"

#include "broker/keys.hpp"
#include "messages/base/log.hpp"

#include <fstream>

namespace troupe {
namespace {

namespace fs = std::filesystem;

std::unexpected<error> wrong(const std::string& setting, const std::string& what) {
  return fail(errc::invalid_argument, setting + ": " + what, setting);
}

/// The first line of a file, when it is a key.
result<std::string> read_key(const std::string& setting, const std::string& file) {
  std::ifstream in(file);
  std::string line;
  if (!in || fs::is_directory(file) || !std::getline(in, line))
    return wrong(setting, file + " cannot be read, or is empty");
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  if (!is_link_key(line))
    return wrong(setting,
                 file + " holds no key of 40 characters; `troupe keys generate` makes one");
  return line;
}

void warn_of_readers(const std::string& file) {
  std::error_code failed;
  const auto mode = fs::status(file, failed).permissions();
  if (!failed && (mode & (fs::perms::group_read | fs::perms::others_read)) != fs::perms::none)
    log::warn("bus.key_readable", {{"file", file}, {"why", "others than its owner may read it"}});
}

} // namespace

result<bus_keys> read_bus_keys(const config& in) {
  bus_keys out;
  if (in.bus.key.empty()) return out;
  auto own = read_key("bus.key", in.bus.key);
  if (!own) return std::unexpected(std::move(own.error()));
  warn_of_readers(in.bus.key);
  out.own.value = std::move(*own);
  for (const auto& given : in.bus.broker_key) {
    auto key = is_link_key(given) ? result<std::string>(given) : read_key("bus.broker_key", given);
    if (!key) return std::unexpected(std::move(key.error()));
    out.brokers.push_back(std::move(*key));
  }
  if (out.brokers.empty()) out.brokers.push_back(public_key_of(out.own));
  return out;
}

} // namespace troupe

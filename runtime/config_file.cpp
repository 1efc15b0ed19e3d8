#include "runtime/config_file.hpp"

#include "runtime/toml.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

namespace troupe {
namespace {

using reading = std::pair<std::uint32_t, file_setting>; // the line, to sort by

class flattener {
public:
  explicit flattener(std::string file) : file_(std::move(file)) {}

  result<void> walk(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      if (const auto* inner = node.as_table()) {
        if (inner->empty() && !find_section(key)) return unknown_section(key, *inner);
        if (auto done = walk(*inner, key + '.'); !done) return done;
        continue;
      }
      const auto line = node.source().begin.line;
      auto value = to_raw(node);
      if (!value)
        return fail(errc::invalid_argument, at(line) + ": " + key + ": " + value.error(), key);
      found_.emplace_back(line, file_setting{key, std::move(*value), at(line)});
    }
    return {};
  }

  std::vector<file_setting> sorted() && {
    std::ranges::stable_sort(found_, {}, &reading::first);
    std::vector<file_setting> out;
    for (auto& [line, setting] : found_) out.push_back(std::move(setting));
    return out;
  }

  std::string at(std::uint32_t line) const { return file_ + ':' + std::to_string(line); }

private:
  static bool find_section(const std::string& key) {
    return std::ranges::any_of(all_keys(),
                               [&](const key_info& k) { return k.key.starts_with(key + '.'); });
  }

  result<void> unknown_section(const std::string& key, const toml::table& at_table) const {
    return fail(errc::invalid_argument,
                at(at_table.source().begin.line) + ": " + key + ": there is no such section", key);
  }

  static std::expected<raw_value, complaint> to_raw(const toml::node& node) {
    if (const auto v = node.value_exact<std::string>()) return raw_value{*v, true};
    if (const auto v = node.value_exact<std::int64_t>()) return raw_value{*v, true};
    if (const auto v = node.value_exact<double>()) return raw_value{*v, true};
    if (const auto v = node.value_exact<bool>()) return raw_value{*v, true};
    const auto* list = node.as_array();
    if (!list) return std::unexpected("dates and times are not used here");
    std::vector<std::string> texts;
    for (const auto& item : *list) {
      const auto text = item.value_exact<std::string>();
      if (!text) return std::unexpected("wants a list of texts");
      texts.push_back(*text);
    }
    return raw_value{std::move(texts), true};
  }

  std::string file_;
  std::vector<reading> found_;
};

} // namespace

result<std::vector<file_setting>> read_config_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad() || std::filesystem::is_directory(file)) {
    return fail(errc::invalid_argument,
                file.string() + ": cannot be read: " + std::strerror(errno));
  }
  // Names the file as the user did, without the `./` of the default.
  flattener flat(file.lexically_normal().string());
  const auto table = parse_toml(text, file.lexically_normal().string());
  if (!table) return std::unexpected(table.error());
  if (auto done = flat.walk(*table, ""); !done) return std::unexpected(done.error());
  return std::move(flat).sorted();
}

} // namespace troupe

#include "runtime/allow_list.hpp"

#include "broker/keys.hpp"
#include "runtime/toml.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>

namespace troupe {
namespace {

constexpr std::size_t file_bytes = 1u << 20;
constexpr std::size_t service_bytes = 64, topic_bytes = 200;

constexpr std::string_view name_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

bool is_name(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most &&
         text.find_first_not_of(name_characters) == text.npos;
}

bool is_service(std::string_view text) {
  return text == "*" || is_name(text, service_bytes);
}

bool is_topic(std::string_view text) {
  const auto is_control = [](unsigned char c) { return c <= ' ' || c == 0x7F; };
  return !text.empty() && text.size() <= topic_bytes && std::ranges::none_of(text, is_control);
}

/// What a list of a rule holds.
struct list_facts {
  std::string_view field;
  std::vector<std::string> access_rule::* list;
  std::size_t most;
  bool (*is_fine)(std::string_view);
  std::string_view wanted;
};

constexpr list_facts lists[] = {
    {"public_keys", &access_rule::public_keys, access_keys_max,
     [](std::string_view text) { return is_link_key(text); }, "a public key of 40 characters"},
    {"register", &access_rule::may_register, access_names_max, is_service, "a service, or *"},
    {"call", &access_rule::may_call, access_names_max, is_service, "a service, or *"},
    {"publish", &access_rule::may_publish, access_names_max, is_topic, "a topic, or *"},
    {"subscribe", &access_rule::may_subscribe, access_names_max, is_topic, "a topic, or *"},
};

class allow_list_reader {
public:
  explicit allow_list_reader(const std::string& file) : file_(file) {}

  result<void> read(const toml::table& all) {
    for (const auto& [name, node] : all) {
      if (name.str() != "principals")
        return wrong(node, std::string(name.str()), "only [principals.NAME] is known here");
      const auto* principals = node.as_table();
      if (principals == nullptr) return wrong(node, "principals", "wants sections, one a name");
      for (const auto& [who, rule] : *principals)
        if (auto done = read_rule(std::string(who.str()), rule); !done) return done;
    }
    return {};
  }

  std::vector<access_rule> take() && { return std::move(rules_); }

private:
  std::unexpected<error> wrong(const toml::node& at, const std::string& field,
                               const std::string& what) const {
    const auto line = std::to_string(at.source().begin.line);
    return fail(errc::invalid_argument, file_ + ':' + line + ": " + field + ": " + what, field);
  }

  result<void> read_rule(const std::string& name, const toml::node& node) {
    const auto section = "principals." + name.substr(0, principal_bytes);
    const auto* fields = node.as_table();
    if (fields == nullptr) return wrong(node, section, "wants a section");
    if (!is_name(name, principal_bytes))
      return wrong(node, section, "a name has 1 to 64 letters, digits, - and _");
    if (rules_.size() >= access_principals_max)
      return wrong(node, section, "more than 1024 principals");
    access_rule rule;
    rule.principal = name;
    for (const auto& [field, value] : *fields)
      if (auto done =
              read_field(rule, section + '.' + std::string(field.str()), field.str(), value);
          !done)
        return done;
    if (!fields->contains("public_keys"))
      return wrong(node, section + ".public_keys", "is missing");
    rules_.push_back(std::move(rule));
    return {};
  }

  result<void> read_field(access_rule& into, const std::string& path, std::string_view field,
                          const toml::node& value) {
    if (field == "tap") {
      const auto may = value.value_exact<bool>();
      if (!may) return wrong(value, path, "wants true or false");
      into.may_tap = *may;
      return {};
    }
    const auto* facts = std::ranges::find(lists, field, &list_facts::field);
    if (facts == std::end(lists))
      return wrong(value, path,
                   "there is no such field; known are public_keys, register, call, publish, "
                   "subscribe and tap");
    const auto* items = value.as_array();
    if (items == nullptr) return wrong(value, path, "wants a list of texts");
    if (items->size() > facts->most)
      return wrong(value, path, "more than " + std::to_string(facts->most) + " entries");
    for (const auto& item : *items) {
      const auto text = item.value_exact<std::string>();
      if (!text || !facts->is_fine(*text))
        return wrong(item, path, "wants " + std::string(facts->wanted));
      if (field == "public_keys")
        if (auto done = claim(into.principal, *text, path, item); !done) return done;
      (into.*facts->list).push_back(*text);
    }
    return {};
  }

  /// A key says who somebody is, so it can be only one's.
  result<void> claim(const std::string& principal, const std::string& key, const std::string& path,
                     const toml::node& at) {
    const auto [known, is_new] = owners_.emplace(key, principal);
    if (is_new) return {};
    return wrong(at, path, "this key is one of " + known->second + " already");
  }

  const std::string& file_;
  std::vector<access_rule> rules_;
  std::map<std::string, std::string> owners_; // of keys
};

} // namespace

result<std::vector<access_rule>> parse_allow_list(std::string_view text, const std::string& file) {
  const auto all = parse_toml(text, file);
  if (!all) return std::unexpected(all.error());
  allow_list_reader reader(file);
  if (auto done = reader.read(*all); !done) return std::unexpected(std::move(done.error()));
  return std::move(reader).take();
}

result<std::string> read_allow_list(const std::filesystem::path& file) {
  const auto wrong = [&](const std::string& why) {
    return fail(errc::invalid_argument, "bus.allow: " + file.string() + ": " + why, "bus.allow");
  };
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::string text(file_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (!in.is_open() || in.bad() || std::filesystem::is_directory(file))
    return wrong(std::string("cannot be read: ") + std::strerror(errno));
  if (text.size() > file_bytes) return wrong("is larger than 1 MiB");
  return text;
}

} // namespace troupe

#include "adapters/http/route_table.hpp"

#include "adapters/http/target.hpp"

#include <algorithm>
#include <utility>

namespace troupe::http {
namespace {

bool present(gate_kind kind, const http_gates& gates) noexcept {
  switch (kind) {
    case gate_kind::none:
      return true;
    case gate_kind::accounts:
      return gates.accounts != nullptr;
    case gate_kind::chats:
      return gates.chats != nullptr;
    case gate_kind::documents:
      return gates.documents != nullptr;
    case gate_kind::logs:
      return gates.logs != nullptr;
    case gate_kind::cluster:
      return gates.cluster != nullptr;
    case gate_kind::any:
      return gates.accounts != nullptr || gates.chats != nullptr || gates.documents != nullptr ||
             gates.logs != nullptr;
  }
  return false;
}

std::string_view take_segment(std::string_view& rest) noexcept {
  rest.remove_prefix(1); // its slash
  const auto end = std::min(rest.find('/'), rest.size());
  const auto segment = rest.substr(0, end);
  rest = rest.substr(end);
  return segment;
}

// Whether the path fits; the values of `{…}` are appended, still encoded.
bool fits(std::string_view pattern, std::string_view path,
          std::vector<std::pair<std::string_view, std::string_view>>& values) {
  while (!pattern.empty()) {
    if (!path.starts_with('/')) return false;
    const auto whole = path.substr(1);
    const auto wanted = take_segment(pattern);
    const auto got = take_segment(path);
    if (!wanted.starts_with('{')) {
      if (wanted != got) return false;
      continue;
    }
    if (got.empty()) return false;
    const auto name = wanted.substr(1, wanted.size() - 2);
    if (name.ends_with("...")) {
      values.emplace_back(name.substr(0, name.size() - 3), whole);
      return true;
    }
    values.emplace_back(name, got);
  }
  return path.empty();
}

void note(route_match& match, const route& line, std::string_view method) {
  // GoTrue's GET follows a link that counts once: a mail scanner's HEAD must not use it up.
  const bool heads = line.method == "GET" && line.errors != error_form::gotrue;
  if (line.method == method || (heads && method == "HEAD")) match.found = &line;
  if (!match.allow.empty()) match.allow += ", ";
  match.allow += line.method;
  if (heads) match.allow += ", HEAD";
}

} // namespace

route_table::route_table(const http_gates& gates) {
  std::vector<route> all;
  add_system_routes(all);
  add_account_routes(all);
  add_admin_routes(all);
  add_organization_routes(all);
  add_chat_routes(all);
  add_document_routes(all);
  add_log_routes(all);
  add_cluster_routes(all);
  add_supabase_routes(all);
  add_supabase_admin_routes(all);
  for (const auto& line : all)
    if (present(line.gate, gates)) routes_.push_back(line);
  for (const auto& line : routes_) {
    if (line.pattern.find('{') == std::string_view::npos)
      exact_[line.pattern].push_back(&line);
    else
      patterns_.push_back(&line);
  }
}

route_match route_table::find(std::string_view method, std::string_view path) const {
  route_match out;
  if (const auto at = exact_.find(path); at != exact_.end()) {
    for (const auto* line : at->second) note(out, *line, method);
    return out;
  }
  std::vector<std::pair<std::string_view, std::string_view>> values, chosen;
  for (const auto* line : patterns_) {
    values.clear();
    if (!fits(line->pattern, path, values)) continue;
    note(out, *line, method);
    if (out.found == line) chosen = values;
  }
  for (const auto& [name, value] : chosen) {
    auto decoded = percent_decode(value, false);
    if (!decoded) {
      out.malformed = true;
      return out;
    }
    out.path.emplace_back(std::string(name), std::move(*decoded));
  }
  return out;
}

} // namespace troupe::http

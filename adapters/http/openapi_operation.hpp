#pragma once

#include "adapters/http/route_table.hpp"
#include "messages/codec/schema.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Private to the document: what one route is in it. Pure.
namespace troupe::http {

using messages_by_name = std::map<std::string, json::message_schema, std::less<>>;

/// The names in a path's `{…}`.
[[nodiscard]] std::vector<std::string> path_parameters(std::string_view path);

/// The member of a path's object: `"get":{…}`.
[[nodiscard]] std::string operation(const route& line, const std::string& path,
                                    const messages_by_name& messages);

/// The members of `components.headers` and `components.responses`, which operations refer to.
[[nodiscard]] std::string header_components();
[[nodiscard]] std::string response_components();

} // namespace troupe::http

#include "messages/codec/attribute_filter.hpp"

#include "messages/base/limits.hpp"
#include "messages/codec/json_cursor.hpp"
#include "messages/field_check.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace troupe {
namespace {

using field_check::refuse;
using json_detail::cursor;
using operation = attribute_filter::operation;

constexpr std::array<std::pair<std::string_view, operation>, 10> operations{
    {{"eq", operation::eq},
     {"ne", operation::ne},
     {"gt", operation::gt},
     {"gte", operation::gte},
     {"lt", operation::lt},
     {"lte", operation::lte},
     {"in", operation::in},
     {"nin", operation::nin},
     {"and", operation::all},
     {"or", operation::any}}};

bool is_compound(operation type) {
  return type == operation::all || type == operation::any;
}
bool takes_list(operation type) {
  return type == operation::in || type == operation::nin;
}
bool is_ordering(operation type) {
  return type == operation::gt || type == operation::gte || type == operation::lt ||
         type == operation::lte;
}

std::string got(std::string_view wanted, json_kind kind) {
  return "expected " + std::string(wanted) + ", got " + std::string(name_of(kind));
}

/// The sources of a filter's members; empty when absent or null.
struct filter_members {
  std::string_view type, key, value, filters;
};

class filter_reader {
public:
  result<attribute_filter> read(std::string_view source, const std::string& at, std::size_t depth) {
    if (depth > limits::filter_depth)
      return refuse(at, "filters are nested more than " + std::to_string(limits::filter_depth) +
                            " levels deep");
    if (++nodes_ > limits::filter_nodes)
      return refuse("filters", "more than " + std::to_string(limits::filter_nodes) + " filters");
    const auto members = members_of(source, at);
    if (!members) return std::unexpected(members.error());
    const auto type = type_of(members->type, at);
    if (!type) return std::unexpected(type.error());
    return is_compound(*type) ? compound(*type, *members, at, depth)
                              : comparison(*type, *members, at);
  }

private:
  static result<filter_members> members_of(std::string_view source, const std::string& at) {
    cursor in(source);
    if (in.peek() != json_kind::object) return refuse(at, got("an object", in.peek()));
    filter_members found;
    std::string_view name;
    std::string scratch;
    for (in.enter(); in.next_member(name, scratch);) {
      std::string_view* const to = name == "type"      ? &found.type
                                   : name == "key"     ? &found.key
                                   : name == "value"   ? &found.value
                                   : name == "filters" ? &found.filters
                                                       : nullptr;
      if (to == nullptr) return refuse(at, "a filter has type, key and value, or type and filters");
      const bool null = in.peek() == json_kind::null;
      const std::string_view raw = in.raw();
      *to = null ? std::string_view() : raw;
    }
    return found;
  }

  static result<operation> type_of(std::string_view source, const std::string& at) {
    cursor in(source);
    const std::string param = at + ".type";
    if (source.empty()) return refuse(param, "is required");
    if (in.peek() != json_kind::string) return refuse(param, got("a string", in.peek()));
    std::string scratch;
    const std::string_view name = in.string(scratch);
    const auto* const found = std::ranges::find(operations, name, [](auto& o) { return o.first; });
    if (found != operations.end()) return found->second;
    return refuse(param, "must be one of eq, ne, gt, gte, lt, lte, in, nin, and, or");
  }

  result<attribute_filter> compound(operation type, const filter_members& members,
                                    const std::string& at, std::size_t depth) {
    if (!members.key.empty()) return refuse(at + ".key", "has no place beside and, or");
    if (!members.value.empty()) return refuse(at + ".value", "has no place beside and, or");
    const std::string param = at + ".filters";
    if (members.filters.empty()) return refuse(param, "is required");
    cursor in(members.filters);
    if (in.peek() != json_kind::array) return refuse(param, got("an array", in.peek()));
    attribute_filter made;
    made.type = type;
    for (in.enter(); in.next_element();) {
      const std::string here = param + "[" + std::to_string(made.filters.size()) + "]";
      auto part = read(in.raw(), here, depth + 1);
      if (!part) return part;
      made.filters.push_back(std::move(*part));
    }
    if (made.filters.empty()) return refuse(param, "must have at least one filter");
    return made;
  }

  result<attribute_filter> comparison(operation type, const filter_members& members,
                                      const std::string& at) {
    if (!members.filters.empty()) return refuse(at + ".filters", "has a place beside and, or only");
    attribute_filter made;
    made.type = type;
    if (members.key.empty()) return refuse(at + ".key", "is required");
    cursor in(members.key);
    if (in.peek() != json_kind::string) return refuse(at + ".key", got("a string", in.peek()));
    std::string scratch;
    made.key = in.string(scratch);
    if (const auto wrong = wrong_with_key(made.key); !wrong.empty())
      return refuse(at + ".key", wrong);
    if (auto ok = values(made, members.value, at + ".value"); !ok)
      return std::unexpected(std::move(ok.error()));
    return made;
  }

  result<void> values(attribute_filter& made, std::string_view source, const std::string& param) {
    if (source.empty()) return refuse(param, "is required");
    if (!takes_list(made.type)) return add_value(made, source, param);
    cursor in(source);
    if (in.peek() != json_kind::array) return refuse(param, got("an array", in.peek()));
    for (in.enter(); in.next_element();) {
      const std::string here = param + "[" + std::to_string(made.values.size()) + "]";
      if (auto ok = add_value(made, in.raw(), here); !ok) return ok;
    }
    return {};
  }

  result<void> add_value(attribute_filter& made, std::string_view source,
                         const std::string& param) {
    if (++values_ > limits::filter_values)
      return refuse("filters", "more than " + std::to_string(limits::filter_values) + " values");
    auto value = attribute_value_of(source);
    if (!value) return refuse(param, value.error().message);
    if (is_ordering(made.type) && std::holds_alternative<bool>(*value))
      return refuse(param, "a boolean is neither less nor greater: expected a number or a string");
    made.values.push_back(std::move(*value));
    return {};
  }

  std::size_t nodes_ = 0, values_ = 0;
};

bool compares(operation type, const attribute_value& is, const attribute_value& with) {
  if (is.index() != with.index()) return false; // a variant would order them by their types
  switch (type) {
    case operation::gt:
      return is > with;
    case operation::gte:
      return is >= with;
    case operation::lt:
      return is < with;
    case operation::lte:
      return is <= with;
    default:
      return is == with;
  }
}

bool compare(const attribute_filter& filter, const std::vector<attribute>& attributes) {
  const bool negated = filter.type == operation::ne || filter.type == operation::nin;
  const auto at = std::ranges::find(attributes, filter.key, &attribute::key);
  if (at == attributes.end()) return negated;
  const bool any = std::ranges::any_of(filter.values, [&](const attribute_value& value) {
    return compares(filter.type, at->value, value);
  });
  return any != negated;
}

} // namespace

result<attribute_filter> filter_of(const json_text& filters) {
  return filter_reader().read(filters.raw, "filters", 1);
}

bool matches(const attribute_filter& filter, const std::vector<attribute>& attributes) {
  const auto holds = [&](const attribute_filter& part) { return matches(part, attributes); };
  if (filter.type == operation::all) return std::ranges::all_of(filter.filters, holds);
  if (filter.type == operation::any) return std::ranges::any_of(filter.filters, holds);
  return compare(filter, attributes);
}

} // namespace troupe

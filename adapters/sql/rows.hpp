#pragma once

#include "actors/ports/document_store.hpp"

#include <soci/soci.h>
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace troupe::sql {

/// The sort key (created_at, id) of the object that `after` or `before` names.
struct page_mark {
  long long created_at = 0;
  std::string id;
};

/// What a page lies between, in the order of the list.
struct page_marks {
  std::optional<page_mark> after, before;
};

/// Finds the marks of a query. `find` answers a `result` with an object that has created_at and an
/// id; one that is not found is the caller's `invalid_argument`.
template <class F>
result<page_marks> find_marks(const page_query& query, F find) {
  page_marks marks;
  for (auto [name, id, to] : {std::tuple("after", &query.after, &marks.after),
                              std::tuple("before", &query.before, &marks.before)}) {
    if (id->empty()) continue;
    const auto object = find(*id);
    if (!object)
      return fail(errc::invalid_argument, std::string(name) + ": no such object: " + *id, name);
    to->emplace(object->created_at, object->id);
  }
  return marks;
}

/// The rows of one page: `order by created_at, id` with keyset paging (a page costs its own rows,
/// however far it lies). `select` has the columns and `where` conditions; `bind` binds their
/// parameters, `into` the columns, `take` makes an item of the row just fetched.
template <class Item, class Bind, class Into, class Take>
page<Item> read_page(soci::session& session, std::string select, const std::string& id_column,
                     const page_query& query, const page_marks& marks, Bind bind, Into into,
                     Take take) {
  // A page that only ends at an object is read backwards from it.
  const bool backwards = !marks.after && marks.before;
  const bool ascending = query.ascending != backwards;
  soci::statement rows(session);
  bind(rows);
  int n = 0;
  const auto parameter = [&](const auto& value) {
    rows.exchange(soci::use(value));
    return " :page" + std::to_string(n++);
  };
  // The first condition bounds the index, the second is exact.
  const auto beyond = [&](const page_mark& mark, const char* sign) {
    select += std::string(" and created_at ") + sign + '=' + parameter(mark.created_at);
    select += std::string(" and (created_at ") + sign + parameter(mark.created_at);
    select += " or " + id_column + ' ' + sign + parameter(mark.id) + ')';
  };
  if (marks.after) beyond(*marks.after, query.ascending ? ">" : "<");
  if (marks.before) beyond(*marks.before, query.ascending ? "<" : ">");
  const auto* direction = ascending ? " asc" : " desc";
  select += std::string(" order by created_at") + direction + ", " + id_column + direction +
            " limit " + std::to_string(std::uint64_t{query.limit} + 1);
  into(rows);
  rows.alloc();
  rows.prepare(select);
  rows.define_and_bind();
  page<Item> out;
  for (bool more = rows.execute(true); more; more = rows.fetch()) {
    if (out.items.size() == query.limit) {
      out.has_more = true;
      break;
    }
    out.items.push_back(take());
  }
  if (backwards) std::ranges::reverse(out.items);
  return out;
}

} // namespace troupe::sql

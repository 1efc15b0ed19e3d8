#pragma once

#include "actors/ports/document_store.hpp"

#include <algorithm>
#include <soci/soci.h>
#include <string>
#include <utility>
#include <vector>

namespace troupe::sql {

/// Where a page starts: the sort key (created_at, id) of the object that `after` or `before` names.
struct page_start {
  bool none = true;
  long long created_at = 0;
  std::string id;
};

/// The rows of one page: `order by created_at, id` with keyset paging (a page costs its own rows,
/// however far it lies). `select` has the columns and `where` conditions; `bind` binds their
/// parameters, `into` the columns, `take` makes an item of the row just fetched.
template <class Item, class Bind, class Into, class Take>
page<Item> read_page(soci::session& session, std::string select, const std::string& id_column,
                     const page_query& query, const page_start& start, Bind bind, Into into, Take take) {
  // A page before an object is read backwards from it.
  const bool backwards = query.after.empty() && !query.before.empty();
  const bool ascending = query.ascending != backwards;
  soci::statement rows(session);
  bind(rows);
  if (!start.none) {
    const auto* sign = ascending ? ">" : "<";
    select += std::string(" and (created_at ") + sign + " :pc or (created_at = :pd and " + id_column +
              ' ' + sign + " :pi))";
    rows.exchange(soci::use(start.created_at));
    rows.exchange(soci::use(start.created_at));
    rows.exchange(soci::use(start.id));
  }
  const auto* direction = ascending ? " asc" : " desc";
  select += std::string(" order by created_at") + direction + ", " + id_column + direction + " limit " +
            std::to_string(query.limit + 1);
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

}  // namespace troupe::sql

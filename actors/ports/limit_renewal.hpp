#pragma once

#include "actors/ports/gathering.hpp"
#include "messages/base/reply.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// For adapters of limit_store that renew in parts.
namespace troupe::limit_rules {

/// Calls `ask(part, reply)` for every `most` of the ids and answers when all parts have; at once
/// when there are none.
template <class Ask>
void renew_in_parts(std::vector<std::string> ids, std::size_t most,
                    reply<std::vector<std::string>> answer, Ask ask) {
  if (ids.empty()) return answer(std::move(ids));
  using names = std::vector<std::string>;
  const auto all = std::make_shared<gathering<names>>((ids.size() + most - 1) / most, names(),
                                                      std::move(answer));
  for (auto from = ids.begin(); from != ids.end();) {
    const auto to = from + std::min(static_cast<std::ptrdiff_t>(most), ids.end() - from);
    ask(std::vector<std::string>{std::move_iterator(from), std::move_iterator(to)},
        reply<names>([all](result<names> lost) {
          all->take(std::move(lost), [](names& in_all, const names& of_part) {
            in_all.insert(in_all.end(), of_part.begin(), of_part.end());
          });
        }));
    from = to;
  }
}

} // namespace troupe::limit_rules

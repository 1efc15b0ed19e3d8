// Goal: no text makes the reader of imported tables crash or loop, and a record that was read is
// read the same from what to_csv() makes of it. Method: the bytes are a file's end, or one that is
// cut; each record is taken in turn.
#include "messages/base/limits.hpp"
#include "runtime/cli/csv.hpp"
#include "runtime/cli/user_table.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace troupe;
using namespace troupe::cli;

void expect(bool holds) {
  if (!holds) std::abort();
}

void try_record(const csv_record& record) {
  expect(!record.fields.empty() && record.fields.size() <= limits::csv_fields);
  const auto again = read_csv_record(to_csv(record.fields), true);
  // Quotes may make it longer than a record may be.
  if (again) expect(*again && (*again)->fields == record.fields);
  if (!again) expect(again.error().code == errc::too_large);
}

/// The first record names the columns, the others are users.
void try_users(std::string_view text, bool at_end) {
  std::optional<user_columns> columns;
  while (!text.empty()) {
    const auto record = read_csv_record(text, at_end);
    if (!record || !*record) return expect(record || !record.error().message.empty());
    expect((*record)->bytes > 0 && (*record)->bytes <= text.size());
    try_record(**record);
    text.remove_prefix((*record)->bytes);
    if (columns && columns->of.size() == (*record)->fields.size())
      (void)to_user(*columns, (*record)->fields);
    if (auto mapped = map_columns((*record)->fields, {}); mapped && !columns)
      columns = std::move(*mapped);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try_users(text, data[0] % 2 == 0);
  return 0;
}

#include "runtime/cli/import_users.hpp"

#include "messages/base/limits.hpp"
#include "runtime/cli/api_client.hpp"
#include "runtime/cli/csv.hpp"
#include "runtime/cli/terminal.hpp"
#include "runtime/cli/user_source.hpp"
#include "runtime/cli/user_table.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>

namespace troupe::cli {
namespace {

struct failed_row {
  std::size_t line = 0;
  std::string email, field, reason;
};

/// What came of the rows so far.
struct import_summary {
  std::size_t rows = 0, created = 0, exists = 0, updated = 0, failed = 0;
  std::vector<failed_row> first_failed; ///< at most limits::import_shown
};

/// Keeps the rows that failed as they came, and why, so that they can be corrected and imported
/// again.
class failed_file {
public:
  /// Errors: `invalid_argument` when it is the file that is read, `unavailable`. Rows hold password
  /// hashes: only the owner may read the file.
  result<void> open(const std::filesystem::path& path, const std::string& from,
                    std::vector<std::string> columns) {
    if (path.empty()) return {};
    std::error_code ignored;
    if (std::filesystem::equivalent(path, from, ignored))
      return fail(errc::invalid_argument, "--failed names the file that is imported: name another");
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    to_.reset(fd < 0 || ::fchmod(fd, 0600) != 0 ? nullptr : ::fdopen(fd, "wb"));
    if (!to_) return fail(errc::unavailable, "cannot write " + path.string());
    columns.insert(columns.end(), {"line", "reason"});
    return write(columns);
  }
  result<void> add(std::vector<std::string> fields, std::size_t columns, const failed_row& why) {
    if (!to_) return {};
    fields.resize(columns); // a row with too few or too many cannot stand under the header
    fields.push_back(std::to_string(why.line));
    fields.push_back(why.field.empty() ? why.reason : why.field + ": " + why.reason);
    return write(fields);
  }

private:
  struct closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  result<void> write(const std::vector<std::string>& fields) {
    const auto line = to_csv(fields);
    if (std::fwrite(line.data(), 1, line.size(), to_.get()) == line.size() &&
        std::fflush(to_.get()) == 0)
      return {};
    return fail(errc::unavailable, "cannot write the file of the rows that failed");
  }

  std::unique_ptr<std::FILE, closer> to_;
};

class user_importer {
public:
  user_importer(const import_users_options& options, const access& to, user_source& from)
      : options_(options),
        api_(to),
        from_(from),
        bar_(stderr, options.dry_run ? "looking" : "importing", from.count()) {}

  /// Errors end it early; what was done by then is in summary().
  result<void> run() {
    if (auto ok = choose_columns(); !ok) return ok;
    auto outcome = send_all();
    bar_.finish();
    std::ranges::sort(summary_.first_failed, {}, &failed_row::line); // a batch's come at its end
    return outcome;
  }
  [[nodiscard]] const import_summary& summary() const noexcept { return summary_; }

private:
  struct waiting_row {
    source_row row;
    std::string email;
  };

  result<void> choose_columns() {
    std::vector<std::pair<std::string, user_field>> mappings;
    for (const auto& text : options_.map) {
      auto mapping = parse_mapping(text);
      if (!mapping) return std::unexpected(std::move(mapping.error()));
      mappings.push_back(std::move(*mapping));
    }
    auto all = map_columns(from_.columns(), mappings);
    if (!all) return std::unexpected(std::move(all.error()));
    for (auto& field : all->of)
      if (options_.without_passwords && field == user_field::password_hash)
        field = user_field::ignored;
    for (const auto& name : all->left_out)
      bar_.line("column " + printable(name) + " is ignored (--map " + printable(name) + "=field)");
    std::vector<std::size_t> wanted;
    for (std::size_t n = 0; n < all->of.size(); ++n)
      if (all->of[n] != user_field::ignored) wanted.push_back(n);
    auto names = from_.choose(wanted);
    if (names.size() != all->of.size()) // the rows of a table have these alone
      std::erase(all->of, user_field::ignored);
    columns_ = std::move(*all);
    return failed_.open(options_.failed, options_.from, std::move(names));
  }

  result<void> send_all() {
    for (;;) {
      auto row = from_.next();
      if (!row) return std::unexpected(std::move(row.error()));
      if (!*row) return send();
      if (auto ok = take(std::move(**row)); !ok) return ok;
    }
  }

  /// Puts the row into the batch, or among those that failed.
  result<void> take(source_row row) {
    ++summary_.rows;
    if (row.fields.size() != columns_.of.size())
      return refuse(row, {row.line,
                          {},
                          {},
                          "has " + std::to_string(row.fields.size()) + " columns, the header has " +
                              std::to_string(columns_.of.size())});
    auto made = to_user(columns_, row.fields);
    if (made.wrong)
      return refuse(row, {row.line, made.user.email, made.wrong->field, made.wrong->why});
    for (const auto& field : row.fields) bytes_ += field.size();
    rows_.push_back({std::move(row), made.user.email});
    batch_.users.push_back(std::move(made.user));
    if (rows_.size() < limits::import_users && bytes_ < limits::import_batch_bytes) return {};
    return send();
  }

  result<void> send() {
    if (rows_.empty()) return {};
    batch_.update = options_.update;
    batch_.dry_run = options_.dry_run;
    auto reply = api_.import_users(batch_);
    if (!reply) return std::unexpected(std::move(reply.error()));
    if (reply->data.size() != rows_.size())
      return fail(errc::internal, "the server answered for another number of rows");
    for (std::size_t n = 0; n < rows_.size(); ++n)
      if (auto ok = count(rows_[n], reply->data[n]); !ok) return ok;
    bar_.show(summary_.rows, rows_.back().email);
    rows_.clear();
    batch_.users.clear();
    bytes_ = 0;
    return {};
  }

  result<void> count(const waiting_row& of, const import_outcome& outcome) {
    if (outcome.status == "failed")
      return refuse(
          of.row, {of.row.line, of.email, outcome.param.value_or(""), outcome.reason.value_or("")});
    ++(outcome.status == "created"   ? summary_.created
       : outcome.status == "updated" ? summary_.updated
                                     : summary_.exists);
    return {};
  }

  result<void> refuse(const source_row& row, failed_row why) {
    ++summary_.failed;
    auto written = failed_.add(row.fields, columns_.of.size(), why);
    if (summary_.first_failed.size() < limits::import_shown)
      summary_.first_failed.push_back(std::move(why));
    return written;
  }

  const import_users_options& options_;
  api_client api_;
  user_source& from_;
  progress bar_;
  user_columns columns_;
  failed_file failed_;
  import_summary summary_;
  std::vector<waiting_row> rows_; // of the batch
  import_users_request batch_;
  std::size_t bytes_ = 0; // of the batch
};

void print_json(const import_summary& all, const import_users_options& options) {
  namespace json = boost::json;
  json::array failed;
  for (const auto& row : all.first_failed)
    failed.push_back(json::object{
        {"line", row.line}, {"email", row.email}, {"field", row.field}, {"reason", row.reason}});
  const json::object out{{"dry_run", options.dry_run},       {"rows", all.rows},
                         {"created", all.created},           {"exists", all.exists},
                         {"updated", all.updated},           {"failed", all.failed},
                         {"first_failed", std::move(failed)}};
  std::printf("%s\n", json::serialize(out).c_str());
}

void print_text(const import_summary& all, const import_users_options& options) {
  const char* as_if = options.dry_run ? " (nothing was done)" : "";
  std::vector<std::vector<std::string>> rows = {
      {"created", std::to_string(all.created) + as_if},
      {"exists", std::to_string(all.exists) + " (left as they are)"}};
  if (options.update) rows.push_back({"updated", std::to_string(all.updated) + as_if});
  rows.push_back({"failed", std::to_string(all.failed)});
  print_table(stdout, rows);
  if (all.failed == 0) return;
  rows = {{"", "LINE", "E-MAIL", "FIELD", "REASON"}};
  for (const auto& row : all.first_failed)
    rows.push_back({"", std::to_string(row.line), shortened(row.email, 40), printable(row.field),
                    shortened(row.reason, 100)});
  print_table(stdout, rows);
  if (all.failed > all.first_failed.size())
    std::printf("  … and %zu more\n", all.failed - all.first_failed.size());
  if (options.failed.empty())
    std::printf("  --failed FILE keeps them, to be corrected and imported again\n");
  else
    std::printf("  all are in %s, to be corrected and imported again\n", options.failed.c_str());
}

int report(const error& why) {
  std::fprintf(stderr, "troupe users import: %s\n", printable(why.message).c_str());
  return why.code == errc::invalid_argument && why.status == 0 ? 2 : 1;
}

} // namespace

int run_import_users(const import_users_options& options, const environment& variables) {
  auto to = resolve_access(options.access, variables);
  if (!to) return report(to.error());
  auto from = open_user_source(options.from);
  if (!from) return report(from.error());
  user_importer importer(options, *to, **from);
  const auto outcome = importer.run();
  const auto& all = importer.summary();
  if (outcome || all.created + all.exists + all.updated + all.failed > 0)
    options.json ? print_json(all, options) : print_text(all, options);
  if (outcome) return all.failed == 0 ? 0 : 1;
  std::fprintf(stderr, "%s", all.created > 0 ? "it was broken off; repeat it to go on\n" : "");
  return report(outcome.error());
}

} // namespace troupe::cli

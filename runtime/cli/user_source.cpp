#include "runtime/cli/user_source.hpp"

#include "adapters/sql/table_reader.hpp"
#include "messages/base/limits.hpp"
#include "runtime/cli/csv.hpp"

namespace troupe::cli {
namespace {

class csv_source final : public user_source {
public:
  explicit csv_source(std::string path) : path_(std::move(path)), file_(path_) {}

  result<void> open() {
    csv_file all(path_);
    for (;; ++count_) {
      auto row = all.next();
      if (!row) return std::unexpected(std::move(row.error()));
      if (!*row) break;
    }
    auto header = file_.next();
    if (!header) return std::unexpected(std::move(header.error()));
    if (!*header)
      return fail(errc::invalid_argument, path_ + " is empty: its first line names the columns");
    columns_ = std::move((*header)->fields);
    --count_;
    return {};
  }

  std::string name() const override { return path_; }
  const std::vector<std::string>& columns() const noexcept override { return columns_; }
  std::uint64_t count() const noexcept override { return count_; }
  std::vector<std::string> choose(const std::vector<std::size_t>&) override { return columns_; }
  result<std::optional<source_row>> next() override {
    auto row = file_.next();
    if (!row) return std::unexpected(std::move(row.error()));
    if (!*row) return std::nullopt;
    return source_row{(*row)->line, std::move((*row)->fields)};
  }

private:
  const std::string path_;
  csv_file file_;
  std::vector<std::string> columns_;
  std::uint64_t count_ = 0;
};

class sql_source final : public user_source {
public:
  sql_source(std::unique_ptr<table_reader> from, std::uint64_t count)
      : from_(std::move(from)), count_(count) {}

  std::string name() const override { return from_->name(); }
  const std::vector<std::string>& columns() const noexcept override { return from_->columns(); }
  std::uint64_t count() const noexcept override { return count_; }
  std::vector<std::string> choose(const std::vector<std::size_t>& wanted) override {
    for (const auto n : wanted) wanted_.push_back(columns()[n]);
    return wanted_;
  }
  result<std::optional<source_row>> next() override {
    if (at_ == page_.size()) {
      auto page = from_->next_page(wanted_, limits::import_users);
      if (!page) return std::unexpected(std::move(page.error()));
      page_ = std::move(*page);
      at_ = 0;
    }
    if (page_.empty()) return std::nullopt;
    return source_row{++row_, std::move(page_[at_++])};
  }

private:
  const std::unique_ptr<table_reader> from_;
  const std::uint64_t count_;
  std::vector<std::string> wanted_;
  std::vector<std::vector<std::string>> page_;
  std::size_t at_ = 0, row_ = 0;
};

} // namespace

result<std::unique_ptr<user_source>> open_user_source(const std::string& place) {
  if (!is_table_url(place)) {
    auto out = std::make_unique<csv_source>(place);
    if (auto ok = out->open(); !ok) return std::unexpected(std::move(ok.error()));
    return out;
  }
  auto table = open_table(place);
  if (!table) return std::unexpected(std::move(table.error()));
  const auto count = (*table)->count();
  if (!count) return std::unexpected(count.error());
  return std::make_unique<sql_source>(std::move(*table), *count);
}

} // namespace troupe::cli

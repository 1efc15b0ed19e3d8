#include "adapters/sql/table_reader.hpp"

#include "adapters/sql/database.hpp"
#include "adapters/sql/server_url.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>

namespace troupe {
namespace {

using namespace sql;
using soci::into;
using soci::use;

std::unexpected<error> wrong(std::string what) {
  return fail(errc::invalid_argument, std::move(what));
}

/// A table and where it lies.
struct table_place {
  sql_server server;
  std::string table = "users";
  std::string key; ///< empty: the primary key
};

result<table_place> parse_place(std::string_view text) {
  auto parsed = boost::urls::parse_uri({text.data(), text.size()});
  if (!parsed) return wrong("it is no URL such as mysql://user:password@host/database?table=users");
  boost::urls::url url(*parsed);
  table_place out;
  for (auto [name, to] : {std::pair("table", &out.table), std::pair("key", &out.key)}) {
    const auto option = url.params().find(name);
    if (option == url.params().end()) continue;
    *to = std::string((*option).value);
    url.params().erase(name);
  }
  auto server = parse_server_url({url.buffer().data(), url.buffer().size()});
  if (!server) return std::unexpected(std::move(server.error()));
  out.server = std::move(*server);
  return out;
}

class sql_table final : public table_reader {
public:
  explicit sql_table(table_place at) : at_(std::move(at)) {
    engine_ = is_mysql() ? make_mysql_engine(at_.server) : make_postgresql_engine(at_.server);
  }

  /// Connects and looks at the table's columns and key.
  result<void> open() {
    return guarded([&]() -> result<void> {
      engine_->open(session_, true);
      read_columns();
      if (columns_.empty())
        return wrong("the database " + shown(at_.server) + " has no table " + at_.table);
      if (at_.key.empty()) read_key();
      if (std::ranges::find(columns_, at_.key) == columns_.end())
        return wrong("the table " + at_.table +
                     " has no primary key of one column: name a column whose values are unique "
                     "with &key=column");
      return {};
    });
  }

  std::string name() const override { return shown(at_.server) + " table " + at_.table; }
  const std::vector<std::string>& columns() const noexcept override { return columns_; }

  result<std::uint64_t> count() override {
    return guarded([&]() -> result<std::uint64_t> {
      long long out = 0;
      session_ << "select count(*) from " + quoted(at_.table), into(out);
      return static_cast<std::uint64_t>(out);
    });
  }

  result<std::vector<std::vector<std::string>>> next_page(const std::vector<std::string>& columns,
                                                          std::uint32_t limit) override {
    return guarded(
        [&]() -> result<std::vector<std::vector<std::string>>> { return page(columns, limit); });
  }

private:
  [[nodiscard]] bool is_mysql() const noexcept {
    return at_.server.what == sql_server::kind::mysql;
  }

  template <class F>
  auto guarded(F work) -> decltype(work()) {
    try {
      return work();
    } catch (const std::exception& why) {
      return fail(errc::unavailable, "cannot read " + name() + ": " + reason_of(why));
    }
  }

  /// The text of an information_schema's query with the schema that unqualified names are of.
  [[nodiscard]] std::string here(const std::string& alias) const {
    return " where " + alias +
           "table_schema = " + (is_mysql() ? "database()" : "current_schema()") + " and " + alias +
           "table_name = :table ";
  }

  void read_columns() {
    std::string column, type;
    soci::statement query =
        (session_.prepare << "select column_name, data_type from information_schema.columns" +
                                 here("") + "order by ordinal_position",
         use(at_.table), into(column), into(type));
    for (bool more = query.execute(true); more; more = query.fetch()) {
      columns_.push_back(column);
      types_.push_back(type);
    }
  }

  void read_key() {
    std::vector<std::string> parts;
    std::string column;
    soci::statement query =
        (session_.prepare << "select k.column_name from information_schema.table_constraints c "
                             "join information_schema.key_column_usage k "
                             "on k.constraint_name = c.constraint_name "
                             "and k.table_schema = c.table_schema "
                             "and k.table_name = c.table_name" +
                                 here("c.") + "and c.constraint_type = 'PRIMARY KEY'",
         use(at_.table), into(column));
    for (bool more = query.execute(true); more; more = query.fetch()) parts.push_back(column);
    if (parts.size() == 1) at_.key = parts.front();
  }

  [[nodiscard]] std::string quoted(const std::string& name) const {
    const char quote = is_mysql() ? '`' : '"';
    std::string out(1, quote);
    for (const char c : name) out.append(c == quote ? 2 : 1, c);
    return out + quote;
  }
  [[nodiscard]] const std::string& type_of(const std::string& column) const {
    return types_[static_cast<std::size_t>(std::ranges::find(columns_, column) - columns_.begin())];
  }
  [[nodiscard]] bool holds_bytes(const std::string& column) const {
    const auto& type = type_of(column);
    return type.ends_with("binary") || type.ends_with("blob") || type == "bytea";
  }
  /// An expression that is the column as text.
  [[nodiscard]] std::string as_text(const std::string& column) const {
    const auto name = quoted(column);
    if (!is_mysql())
      return holds_bytes(column) ? "encode(" + name + ", 'hex')" : "cast(" + name + " as text)";
    if (holds_bytes(column)) return "lower(hex(" + name + "))";
    return type_of(column) == "bit" ? "cast(" + name + " + 0 as char)"
                                    : "cast(" + name + " as char)";
  }
  /// The condition that goes on behind the last key; a text parameter is compared as the column's
  /// type.
  [[nodiscard]] std::string behind_last() const {
    const bool bytes = holds_bytes(at_.key);
    const char* value = !bytes ? ":last" : is_mysql() ? "unhex(:last)" : "decode(:last, 'hex')";
    return " where t." + quoted(at_.key) + " > " + value;
  }

  std::vector<std::vector<std::string>> page(const std::vector<std::string>& columns,
                                             std::uint32_t limit) {
    std::string select = "select " + as_text(at_.key);
    for (const auto& column : columns) select += ", " + as_text(column);
    // Without its table the key's name would mean the text of it that is selected.
    select += " from " + quoted(at_.table) + " t" + (last_ ? behind_last() : "") + " order by t." +
              quoted(at_.key) + " limit " + std::to_string(limit);
    std::string key;
    std::vector<std::string> row(columns.size());
    std::vector<soci::indicator> nulls(columns.size());
    soci::statement query(session_);
    if (last_) query.exchange(use(*last_));
    query.exchange(into(key));
    for (std::size_t n = 0; n < row.size(); ++n) query.exchange(into(row[n], nulls[n]));
    query.alloc();
    query.prepare(select);
    query.define_and_bind();
    std::vector<std::vector<std::string>> out;
    for (bool more = query.execute(true); more; more = query.fetch()) {
      for (std::size_t n = 0; n < row.size(); ++n)
        if (nulls[n] == soci::i_null) row[n].clear();
      out.push_back(row);
    }
    if (!out.empty()) last_ = key;
    return out;
  }

  table_place at_;
  std::unique_ptr<engine> engine_;
  soci::session session_;
  std::vector<std::string> columns_, types_; // in the table's order
  std::optional<std::string> last_;          // the key of the last row that was read, as text
};

} // namespace

bool is_table_url(std::string_view text) {
  return text.contains("://");
}

result<std::unique_ptr<table_reader>> open_table(std::string_view url) {
  auto at = parse_place(url);
  if (!at) return std::unexpected(std::move(at.error()));
  auto made = std::make_unique<sql_table>(std::move(*at));
  if (auto ok = made->open(); !ok) return std::unexpected(std::move(ok.error()));
  return made;
}

} // namespace troupe

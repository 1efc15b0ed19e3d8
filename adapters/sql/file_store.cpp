#include "adapters/sql/prompt_parts.hpp"
#include "adapters/sql/rows.hpp"
#include "messages/base/limits.hpp"

namespace troupe {
namespace {

using soci::into;
using soci::use;
using sql::database;

struct file_buffer {
  file_view file;
  long long bytes = 0, created = 0;

  file_view take() {
    file.bytes = bytes;
    file.created_at = created;
    return file;
  }
};

constexpr const char* columns =
    "select id, bytes, created_at, filename, purpose, sha256 from files where user_id = :u";

result<file_view> find_file(soci::session& s, const std::string& user, const std::string& id) {
  file_buffer b;
  s << std::string(columns) + " and id = :i", use(user), use(id), into(b.file.id), into(b.bytes),
      into(b.created), into(b.file.filename), into(b.file.purpose), into(b.file.sha256);
  if (!s.got_data()) return fail(errc::not_found, "no such file: " + id, "file_id");
  return b.take();
}

void erase_file(soci::session& s, const std::string& id) {
  s << "delete from store_files where file_id = :i", use(id);
  s << "delete from file_contents where file_id = :i", use(id);
  s << "delete from files where id = :i", use(id);
}

purge_step purge_files(soci::session& s, const std::string& user, std::uint32_t max) {
  constexpr auto bytes_max = static_cast<long long>(limits::purge_bytes);
  std::vector<std::string> ids;
  std::string id;
  long long bytes = 0, sum = 0;
  {
    soci::statement query = (s.prepare << "select id, bytes from files where user_id = :u order by "
                                          "created_at, id limit " +
                                              std::to_string(max),
                             use(user), into(id), into(bytes));
    for (bool more = query.execute(true); more && sum < bytes_max; more = query.fetch()) {
      ids.push_back(id);
      sum += bytes;
    }
  }
  for (const auto& each : ids) erase_file(s, each);
  return {ids.size(), ids.size() == max || sum >= bytes_max};
}

class sql_files final : public file_store {
public:
  explicit sql_files(std::shared_ptr<database> db) : db_(std::move(db)) {}

  void insert_file(std::string user, file_view file, std::string bytes,
                   reply<done> answer) override {
    const auto weight = bytes.size();
    db_->write<done>(
        std::move(answer),
        [user = std::move(user), file = std::move(file),
         bytes = std::move(bytes)](soci::session& s) -> result<done> {
          const long long size = file.bytes, created = file.created_at;
          s << "insert into files (id, user_id, bytes, created_at, filename, purpose, sha256) "
               "values (:i, :u, :b, :c, :f, :p, :s)",
              use(file.id), use(user), use(size), use(created), use(file.filename),
              use(file.purpose), use(file.sha256);
          s << "insert into file_contents (file_id, content) values (:i, :c)", use(file.id),
              use(bytes);
          return done{};
        },
        weight);
  }

  void get_file(std::string user, std::string id, reply<file_view> answer) override {
    db_->read<file_view>(std::move(answer),
                         [user = std::move(user), id = std::move(id)](soci::session& s) {
                           return find_file(s, user, id);
                         });
  }

  void read_file(std::string user, std::string id, reply<std::string> answer) override {
    db_->read<std::string>(
        std::move(answer),
        [user = std::move(user), id = std::move(id)](soci::session& s) -> result<std::string> {
          if (auto file = find_file(s, user, id); !file)
            return std::unexpected(std::move(file.error()));
          std::string bytes;
          s << "select content from file_contents where file_id = :i", use(id), into(bytes);
          return bytes;
        });
  }

  void list_files(std::string user, std::string purpose, page_query query,
                  reply<page<file_view>> answer) override {
    db_->read<page<file_view>>(
        std::move(answer),
        [user = std::move(user), purpose = std::move(purpose),
         query = std::move(query)](soci::session& s) -> result<page<file_view>> {
          const auto marks =
              sql::find_marks(query, [&](const std::string& id) { return find_file(s, user, id); });
          if (!marks) return std::unexpected(marks.error());
          file_buffer b;
          const auto where = std::string(columns) + (purpose.empty() ? "" : " and purpose = :p");
          return sql::read_page<file_view>(
              s, where, "id", query, *marks,
              [&](soci::statement& q) {
                q.exchange(use(user));
                if (!purpose.empty()) q.exchange(use(purpose));
              },
              [&](soci::statement& q) {
                q.exchange(into(b.file.id));
                q.exchange(into(b.bytes));
                q.exchange(into(b.created));
                q.exchange(into(b.file.filename));
                q.exchange(into(b.file.purpose));
                q.exchange(into(b.file.sha256));
              },
              [&] { return b.take(); });
        });
  }

  void delete_file(std::string user, std::string id,
                   reply<std::vector<std::string>> answer) override {
    using ids = std::vector<std::string>;
    db_->write<ids>(
        std::move(answer),
        [user = std::move(user), id = std::move(id)](soci::session& s) -> result<ids> {
          if (auto file = find_file(s, user, id); !file)
            return std::unexpected(std::move(file.error()));
          ids stores;
          std::string store;
          soci::statement query =
              (s.prepare << "select store_id from store_files where file_id = :i order by store_id",
               use(id), into(store));
          for (bool more = query.execute(true); more; more = query.fetch()) stores.push_back(store);
          erase_file(s, id);
          return stores;
        });
  }

  void purge(std::string user, std::uint32_t max, reply<purge_step> answer) override {
    db_->write<purge_step>(std::move(answer),
                           [user = std::move(user), max](soci::session& s) -> result<purge_step> {
                             return purge_files(s, user, max);
                           });
  }

private:
  std::shared_ptr<database> db_;
};

} // namespace

std::unique_ptr<file_store> sql::make_file_store(std::shared_ptr<database> db) {
  return std::make_unique<sql_files>(std::move(db));
}

result<prompt_stores> open_prompt_stores(const sql_config& config) {
  auto db = database::open(config, sql::prompt_schema);
  if (!db) return std::unexpected(std::move(db.error()));
  return prompt_stores{sql::make_file_store(*db), sql::make_store_catalog(*db),
                       sql::make_conversation_store(*db)};
}

} // namespace troupe

#include "adapters/sql/prompt_parts.hpp"
#include "adapters/sql/rows.hpp"

#include <ctime>
#include <set>
#include <string_view>

namespace troupe {
namespace {

using soci::into;
using soci::use;
using sql::database;

struct store_buffer {
  store_view store;
  long long created = 0, active = 0;

  store_view take() {
    store.created_at = created;
    store.last_active_at = nullable<std::int64_t>(active);
    return store;
  }
};

constexpr const char* store_columns =
    "select id, created_at, name, metadata, last_active_at from stores where user_id = :u";

void count_files(soci::session& s, store_view& store) {
  std::string status;
  long long n = 0, bytes = 0;
  soci::statement query =
      (s.prepare << "select status, count(*), coalesce(sum(usage_bytes), 0) from "
                    "store_files where store_id = :i group by status",
       use(store.id), into(status), into(n), into(bytes));
  auto& counts = store.file_counts_;
  counts = {};
  store.usage_bytes = 0;
  for (bool more = query.execute(true); more; more = query.fetch()) {
    counts.total += n;
    store.usage_bytes += bytes;
    (status == "completed"   ? counts.completed
     : status == "failed"    ? counts.failed
     : status == "cancelled" ? counts.cancelled
                             : counts.in_progress) += n;
  }
  store.status = counts.in_progress > 0 ? "in_progress" : "completed";
}

result<store_view> find_store(soci::session& s, const std::string& user, const std::string& id) {
  store_buffer b;
  s << std::string(store_columns) + " and id = :i", use(user), use(id), into(b.store.id),
      into(b.created), into(b.store.name), into(b.store.metadata.raw), into(b.active);
  if (!s.got_data()) return fail(errc::not_found, "no such vector store: " + id, "vector_store_id");
  return b.take();
}

struct entry_buffer {
  store_file_view entry;
  long long created = 0, usage = 0;
  std::string error_code, error_message;

  void bind(soci::statement& q) {
    q.exchange(into(entry.id));
    q.exchange(into(entry.vector_store_id));
    q.exchange(into(created));
    q.exchange(into(entry.status));
    q.exchange(into(error_code));
    q.exchange(into(error_message));
    q.exchange(into(usage));
    q.exchange(into(entry.attributes.raw));
  }
  store_file_view take() {
    entry.created_at = created;
    entry.usage_bytes = usage;
    entry.last_error.value.reset();
    if (!error_code.empty() || !error_message.empty())
      entry.last_error = file_error{error_code, error_message};
    return entry;
  }
};

constexpr const char* entry_columns =
    "select file_id, store_id, created_at, status, error_code, error_message, usage_bytes, "
    "attributes "
    "from store_files where store_id = :s and user_id = :u";

result<store_file_view> find_entry(soci::session& s, const std::string& user,
                                   const std::string& store, const std::string& file) {
  entry_buffer b;
  soci::statement query(s);
  query.exchange(use(store));
  query.exchange(use(user));
  query.exchange(use(file));
  b.bind(query);
  query.alloc();
  query.prepare(std::string(entry_columns) + " and file_id = :f");
  query.define_and_bind();
  if (!query.execute(true))
    return fail(errc::not_found, "no such file in the store: " + file, "file_id");
  return b.take();
}

bool has_file(soci::session& s, const std::string& user, const std::string& id) {
  int files = 0;
  s << "select count(*) from files where id = :i and user_id = :u", use(id), use(user), into(files);
  return files > 0;
}

/// In the order of their first mention, each once; all of them the user's.
result<std::vector<std::string>> distinct_files(soci::session& s, const std::string& user,
                                                const std::vector<std::string>& ids) {
  std::vector<std::string> distinct;
  std::set<std::string_view> seen;
  for (std::size_t n = 0; n < ids.size(); ++n) {
    if (!seen.insert(ids[n]).second) continue;
    if (!has_file(s, user, ids[n]))
      return fail(errc::not_found, "no such file: " + ids[n],
                  "file_ids[" + std::to_string(n) + "]");
    distinct.push_back(ids[n]);
  }
  return distinct;
}

void insert_entry(soci::session& s, const std::string& user, const store_file_view& entry) {
  const long long created = entry.created_at;
  s << "insert into store_files (store_id, file_id, user_id, created_at, status, error_code, "
       "error_message, usage_bytes, attributes) values (:s, :f, :u, :c, 'in_progress', '', '', 0, "
       ":a)",
      use(entry.vector_store_id), use(entry.id), use(user), use(created), use(entry.attributes.raw);
}

void insert_row(soci::session& s, const std::string& user, const store_view& store) {
  const long long created = store.created_at;
  s << "insert into stores (id, user_id, created_at, name, metadata, last_active_at) values "
       "(:i, :u, :c, :n, :m, :a)",
      use(store.id), use(user), use(created), use(store.name), use(store.metadata.raw),
      use(created);
}

/// Adds those files of one store whose attributes match.
void add_matching(soci::session& s, const std::string& user, const std::string& store,
                  const attribute_filter& filter, std::vector<file_place>& to) {
  std::string file;
  json_text attributes;
  soci::statement query = (s.prepare << "select file_id, attributes from store_files where "
                                        "store_id = :s and user_id = :u order by file_id",
                           use(store), use(user), into(file), into(attributes.raw));
  for (bool more = query.execute(true); more; more = query.fetch())
    if (matches(filter, attributes_of(attributes))) to.push_back({store, file});
}

/// Files of the user's stores, each with its store.
std::vector<file_place> some_places(soci::session& s, const std::string& user, std::uint32_t max) {
  std::vector<file_place> out;
  file_place place;
  soci::statement query =
      (s.prepare << "select e.store_id, e.file_id from stores s join store_files e on "
                    "e.store_id = s.id where s.user_id = :u limit " +
                        std::to_string(max),
       use(user), into(place.vector_store_id), into(place.file_id));
  for (bool more = query.execute(true); more; more = query.fetch()) out.push_back(place);
  return out;
}

void touch(soci::session& s, const std::string& store) {
  const long long now = std::time(nullptr);
  s << "update stores set last_active_at = :n where id = :i", use(now), use(store);
}

class sql_catalog final : public store_catalog {
public:
  explicit sql_catalog(std::shared_ptr<database> db) : db_(std::move(db)) {}

  void insert_store(std::string user, store_view store, std::vector<std::string> file_ids,
                    reply<done> answer) override {
    db_->write<done>(std::move(answer),
                     [user = std::move(user), store = std::move(store),
                      file_ids = std::move(file_ids)](soci::session& s) -> result<done> {
                       auto files = distinct_files(s, user, file_ids);
                       if (!files) return std::unexpected(std::move(files.error()));
                       insert_row(s, user, store);
                       store_file_view entry;
                       entry.vector_store_id = store.id;
                       entry.created_at = store.created_at;
                       for (auto& id : *files) {
                         entry.id = std::move(id);
                         insert_entry(s, user, entry);
                       }
                       return done{};
                     });
  }

  void get_store(std::string user, std::string id, reply<store_view> answer) override {
    db_->read<store_view>(std::move(answer),
                          [user = std::move(user), id = std::move(id)](soci::session& s) {
                            auto store = find_store(s, user, id);
                            if (store) count_files(s, *store);
                            return store;
                          });
  }

  void list_stores(std::string user, page_query query, reply<page<store_view>> answer) override {
    db_->read<page<store_view>>(
        std::move(answer),
        [user = std::move(user),
         query = std::move(query)](soci::session& s) -> result<page<store_view>> {
          const auto marks = sql::find_marks(
              query, [&](const std::string& id) { return find_store(s, user, id); });
          if (!marks) return std::unexpected(marks.error());
          store_buffer b;
          auto out = sql::read_page<store_view>(
              s, store_columns, "id", query, *marks,
              [&](soci::statement& q) { q.exchange(use(user)); },
              [&](soci::statement& q) {
                q.exchange(into(b.store.id));
                q.exchange(into(b.created));
                q.exchange(into(b.store.name));
                q.exchange(into(b.store.metadata.raw));
                q.exchange(into(b.active));
              },
              [&] { return b.take(); });
          for (auto& store : out.items) count_files(s, store);
          return out;
        });
  }

  void delete_store(std::string user, std::string id, reply<done> answer) override {
    db_->write<done>(
        std::move(answer),
        [user = std::move(user), id = std::move(id)](soci::session& s) -> result<done> {
          if (auto store = find_store(s, user, id); !store)
            return std::unexpected(std::move(store.error()));
          s << "delete from store_files where store_id = :i", use(id);
          s << "delete from stores where id = :i", use(id);
          return done{};
        });
  }

  void store_ids(std::string user, reply<std::vector<std::string>> answer) override {
    using ids = std::vector<std::string>;
    db_->read<ids>(std::move(answer), [user = std::move(user)](soci::session& s) -> result<ids> {
      ids out;
      std::string id;
      soci::statement query = (s.prepare << "select id from stores where user_id = :u order by "
                                            "created_at desc, id desc limit 1000",
                               use(user), into(id));
      for (bool more = query.execute(true); more; more = query.fetch()) out.push_back(id);
      return out;
    });
  }

  void attach(std::string user, store_file_view entry, reply<store_file_view> answer) override {
    db_->write<store_file_view>(
        std::move(answer),
        [user = std::move(user),
         entry = std::move(entry)](soci::session& s) -> result<store_file_view> {
          if (auto store = find_store(s, user, entry.vector_store_id); !store)
            return std::unexpected(std::move(store.error()));
          if (!has_file(s, user, entry.id))
            return fail(errc::not_found, "no such file: " + entry.id, "file_id");
          if (auto there = find_entry(s, user, entry.vector_store_id, entry.id)) return there;
          insert_entry(s, user, entry);
          touch(s, entry.vector_store_id);
          return find_entry(s, user, entry.vector_store_id, entry.id);
        });
  }

  void set_status(std::string store, std::string file, std::string status, nullable<file_error> why,
                  std::int64_t usage_bytes, reply<done> answer) override {
    db_->write<done>(std::move(answer), [=](soci::session& s) -> result<done> {
      const long long usage = usage_bytes;
      const auto error = why ? *why : file_error{};
      soci::statement update =
          (s.prepare << "update store_files set status = :t, error_code = :c, error_message = :m, "
                        "usage_bytes = :b where store_id = :s and file_id = :f",
           use(status), use(error.code), use(error.message), use(usage), use(store), use(file));
      update.execute(true);
      if (update.get_affected_rows() == 0)
        return fail(errc::not_found, "no such file in the store: " + file, "file_id");
      touch(s, store);
      return done{};
    });
  }

  void get_entry(std::string user, std::string store, std::string file,
                 reply<store_file_view> answer) override {
    db_->read<store_file_view>(std::move(answer), [=](soci::session& s) -> result<store_file_view> {
      if (auto found = find_store(s, user, store); !found)
        return std::unexpected(std::move(found.error()));
      return find_entry(s, user, store, file);
    });
  }

  void list_entries(std::string user, std::string store, std::string status, page_query query,
                    reply<page<store_file_view>> answer) override {
    db_->read<page<store_file_view>>(
        std::move(answer), [=](soci::session& s) -> result<page<store_file_view>> {
          if (auto found = find_store(s, user, store); !found)
            return std::unexpected(std::move(found.error()));
          const auto marks = sql::find_marks(
              query, [&](const std::string& id) { return find_entry(s, user, store, id); });
          if (!marks) return std::unexpected(marks.error());
          entry_buffer b;
          const auto where =
              std::string(entry_columns) + (status.empty() ? "" : " and status = :t");
          return sql::read_page<store_file_view>(
              s, where, "file_id", query, *marks,
              [&](soci::statement& q) {
                q.exchange(use(store));
                q.exchange(use(user));
                if (!status.empty()) q.exchange(use(status));
              },
              [&](soci::statement& q) { b.bind(q); }, [&] { return b.take(); });
        });
  }

  void detach(std::string user, std::string store, std::string file, reply<done> answer) override {
    db_->write<done>(std::move(answer), [=](soci::session& s) -> result<done> {
      if (auto found = find_store(s, user, store); !found)
        return std::unexpected(std::move(found.error()));
      if (auto entry = find_entry(s, user, store, file); !entry)
        return std::unexpected(std::move(entry.error()));
      s << "delete from store_files where store_id = :s and file_id = :f", use(store), use(file);
      touch(s, store);
      return done{};
    });
  }

  void detach_all(std::string user, std::uint32_t max, reply<purge_step> answer) override {
    db_->write<purge_step>(std::move(answer),
                           [user = std::move(user), max](soci::session& s) -> result<purge_step> {
                             const auto places = some_places(s, user, max);
                             for (const auto& place : places)
                               s << "delete from store_files where store_id = :s and file_id = :f",
                                   use(place.vector_store_id), use(place.file_id);
                             return purge_step{places.size(), places.size() == max};
                           });
  }

  void matching_files(std::string user, std::vector<std::string> store_ids, attribute_filter filter,
                      reply<std::vector<file_place>> answer) override {
    using places = std::vector<file_place>;
    db_->read<places>(std::move(answer),
                      [user = std::move(user), store_ids = std::move(store_ids),
                       filter = std::move(filter)](soci::session& s) -> result<places> {
                        places found;
                        for (const auto& store : store_ids)
                          add_matching(s, user, store, filter, found);
                        return found;
                      });
  }

  void describe(std::string user, std::vector<file_place> places,
                reply<std::vector<placed_file>> answer) override {
    using files = std::vector<placed_file>;
    db_->read<files>(
        std::move(answer),
        [user = std::move(user), places = std::move(places)](soci::session& s) -> result<files> {
          files found;
          for (const auto& place : places) {
            placed_file file{place, {}, {}};
            s << "select f.filename, e.attributes from store_files e join files f on f.id = "
                 "e.file_id where e.store_id = :s and e.file_id = :f and e.user_id = :u",
                use(place.vector_store_id), use(place.file_id), use(user), into(file.filename),
                into(file.attributes.raw);
            if (s.got_data()) found.push_back(std::move(file));
          }
          return found;
        });
  }

  void pending(reply<std::vector<pending_file>> answer) override {
    using files = std::vector<pending_file>;
    db_->read<files>(std::move(answer), [](soci::session& s) -> result<files> {
      files out;
      pending_file f;
      soci::statement query =
          (s.prepare << "select user_id, store_id, file_id from store_files where "
                        "status = 'in_progress' order by created_at, store_id, file_id limit 10000",
           into(f.user), into(f.vector_store_id), into(f.file_id));
      for (bool more = query.execute(true); more; more = query.fetch()) out.push_back(f);
      return out;
    });
  }

private:
  std::shared_ptr<database> db_;
};

} // namespace

std::unique_ptr<store_catalog> sql::make_store_catalog(std::shared_ptr<database> db) {
  return std::make_unique<sql_catalog>(std::move(db));
}

} // namespace troupe

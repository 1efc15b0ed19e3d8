#include "adapters/memory/answer_after.hpp"
#include "adapters/memory/memory_parts.hpp"
#include "adapters/memory/memory_stores.hpp"
#include "messages/base/limits.hpp"

#include <algorithm>
#include <ctime>
#include <map>
#include <tuple>

namespace troupe {
namespace {

using memory::answer_after;

std::unexpected<error> none(const std::string& what, const char* param) {
  return fail(errc::not_found, "no such " + what, param);
}
std::unexpected<error> taken() {
  return fail(errc::conflict, "it exists already");
}

struct stored_file {
  std::string user;
  file_view file;
  std::string bytes;
};
struct stored_store {
  std::string user;
  store_view store;
};
struct stored_entry {
  std::string user;
  store_file_view entry;
};

/// The state that files and stores share: a file that goes leaves its stores.
struct shelf {
  std::mutex mutex; ///< guards the rest
  std::map<std::string, stored_file> files;
  std::map<std::string, stored_store> stores;
  std::map<std::pair<std::string, std::string>, stored_entry> entries; ///< by store and file

  result<stored_file*> file_of(const std::string& user, const std::string& id) {
    const auto at = files.find(id);
    if (at == files.end() || at->second.user != user) return none("file: " + id, "file_id");
    return &at->second;
  }
  result<stored_store*> store_of(const std::string& user, const std::string& id) {
    const auto at = stores.find(id);
    if (at == stores.end() || at->second.user != user)
      return none("vector store: " + id, "vector_store_id");
    return &at->second;
  }
  result<stored_entry*> entry_of(const std::string& user, const std::string& store,
                                 const std::string& file) {
    if (auto s = store_of(user, store); !s) return std::unexpected(std::move(s.error()));
    const auto at = entries.find({store, file});
    if (at == entries.end()) return none("file in the store: " + file, "file_id");
    return &at->second;
  }
  /// Answers the stores that the file was in.
  std::vector<std::string> detach_everywhere(const std::string& file) {
    std::vector<std::string> left;
    std::erase_if(entries, [&](const auto& e) {
      if (e.first.second != file) return false;
      left.push_back(e.first.first);
      return true;
    });
    return left;
  }
  void touch(const std::string& store) {
    if (const auto at = stores.find(store); at != stores.end())
      at->second.store.last_active_at = std::int64_t{std::time(nullptr)};
  }
};

/// One page of items that are in no order yet, of which only those that `shown` says are listed;
/// the marks may be of any.
template <class Item, class F>
result<page<Item>> page_of(std::vector<Item> all, const page_query& q, F shown) {
  std::ranges::sort(all, [&](const Item& a, const Item& b) {
    const bool less = std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
    return less == q.ascending && a.id != b.id;
  });
  auto first = all.begin(), last = all.end();
  if (!q.after.empty()) {
    first = std::ranges::find(all, q.after, &Item::id);
    if (first == all.end())
      return fail(errc::invalid_argument, "after: no such object: " + q.after, "after");
    ++first;
  }
  if (!q.before.empty()) {
    last = std::ranges::find(all, q.before, &Item::id);
    if (last == all.end())
      return fail(errc::invalid_argument, "before: no such object: " + q.before, "before");
  }
  std::vector<Item> between;
  if (first < last) std::ranges::copy_if(first, last, std::back_inserter(between), shown);
  const bool more = between.size() > q.limit;
  if (!more) return page<Item>{std::move(between), false};
  const auto limit = static_cast<std::ptrdiff_t>(q.limit);
  // A page that only ends at an object is the one right before it.
  if (q.after.empty() && !q.before.empty())
    return page<Item>{{between.end() - limit, between.end()}, true};
  return page<Item>{{between.begin(), between.begin() + limit}, true};
}

class memory_files final : public file_store {
public:
  explicit memory_files(std::shared_ptr<shelf> s) : s_(std::move(s)) {}

  void insert_file(std::string user, file_view file, std::string bytes,
                   reply<done> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<done> {
      auto id = file.id;
      stored_file row{std::move(user), std::move(file), std::move(bytes)};
      if (!s_->files.try_emplace(std::move(id), std::move(row)).second) return taken();
      return done{};
    });
  }
  void get_file(std::string user, std::string id, reply<file_view> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<file_view> {
      auto f = s_->file_of(user, id);
      if (!f) return std::unexpected(std::move(f.error()));
      return (*f)->file;
    });
  }
  void read_file(std::string user, std::string id, reply<std::string> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<std::string> {
      auto f = s_->file_of(user, id);
      if (!f) return std::unexpected(std::move(f.error()));
      return (*f)->bytes;
    });
  }
  void list_files(std::string user, std::string purpose, page_query query,
                  reply<page<file_view>> answer) override {
    answer_after(s_->mutex, answer, [&] {
      std::vector<file_view> all;
      for (const auto& [id, f] : s_->files)
        if (f.user == user) all.push_back(f.file);
      return page_of(std::move(all), query,
                     [&](const file_view& f) { return purpose.empty() || f.purpose == purpose; });
    });
  }
  void delete_file(std::string user, std::string id,
                   reply<std::vector<std::string>> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<std::vector<std::string>> {
      if (auto f = s_->file_of(user, id); !f) return std::unexpected(std::move(f.error()));
      auto stores = s_->detach_everywhere(id);
      s_->files.erase(id);
      return stores;
    });
  }
  void purge(std::string user, std::uint32_t max, reply<purge_step> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<purge_step> {
      purge_step out;
      std::size_t bytes = 0;
      std::erase_if(s_->files, [&](const auto& f) {
        if (out.deleted == max || bytes >= limits::purge_bytes || f.second.user != user)
          return false;
        bytes += f.second.bytes.size();
        s_->detach_everywhere(f.first);
        ++out.deleted;
        return true;
      });
      out.more = out.deleted == max || bytes >= limits::purge_bytes;
      return out;
    });
  }

private:
  std::shared_ptr<shelf> s_;
};

class memory_catalog final : public store_catalog {
public:
  explicit memory_catalog(std::shared_ptr<shelf> s) : s_(std::move(s)) {}

  void insert_store(std::string user, store_view store, std::vector<std::string> file_ids,
                    reply<done> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<done> {
      for (std::size_t n = 0; n < file_ids.size(); ++n)
        if (!s_->file_of(user, file_ids[n]))
          return fail(errc::not_found, "no such file: " + file_ids[n],
                      "file_ids[" + std::to_string(n) + "]");
      if (s_->stores.contains(store.id)) return taken();
      for (auto& id : file_ids) {
        stored_entry row{user, {}};
        row.entry.id = id;
        row.entry.vector_store_id = store.id;
        row.entry.created_at = store.created_at;
        s_->entries.try_emplace({store.id, std::move(id)}, std::move(row));
      }
      store.last_active_at = store.created_at;
      auto id = store.id;
      s_->stores.try_emplace(std::move(id), stored_store{std::move(user), std::move(store)});
      return done{};
    });
  }
  void get_store(std::string user, std::string id, reply<store_view> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<store_view> {
      auto s = s_->store_of(user, id);
      if (!s) return std::unexpected(std::move(s.error()));
      return counted((*s)->store);
    });
  }
  void list_stores(std::string user, page_query query, reply<page<store_view>> answer) override {
    answer_after(s_->mutex, answer, [&] {
      std::vector<store_view> all;
      for (const auto& [id, s] : s_->stores)
        if (s.user == user) all.push_back(counted(s.store));
      return page_of(std::move(all), query, [](const store_view&) { return true; });
    });
  }
  void delete_store(std::string user, std::string id, reply<done> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<done> {
      if (auto s = s_->store_of(user, id); !s) return std::unexpected(std::move(s.error()));
      std::erase_if(s_->entries, [&](const auto& e) { return e.first.first == id; });
      s_->stores.erase(id);
      return done{};
    });
  }
  void store_ids(std::string user, reply<std::vector<std::string>> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<std::vector<std::string>> {
      std::vector<std::pair<std::int64_t, std::string>> mine;
      for (const auto& [id, s] : s_->stores)
        if (s.user == user) mine.emplace_back(s.store.created_at, id);
      std::ranges::sort(mine, std::ranges::greater());
      if (mine.size() > store_ids_max) mine.resize(store_ids_max);
      std::vector<std::string> out;
      for (auto& [created, id] : mine) out.push_back(std::move(id));
      return out;
    });
  }

  void attach(std::string user, store_file_view entry, reply<store_file_view> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<store_file_view> {
      if (auto s = s_->store_of(user, entry.vector_store_id); !s)
        return std::unexpected(std::move(s.error()));
      if (auto f = s_->file_of(user, entry.id); !f) return std::unexpected(std::move(f.error()));
      entry.status = "in_progress";
      entry.usage_bytes = 0;
      entry.last_error.value.reset();
      const auto [at, fresh] =
          s_->entries.try_emplace({entry.vector_store_id, entry.id}, stored_entry{user, entry});
      if (fresh) s_->touch(entry.vector_store_id);
      return at->second.entry;
    });
  }
  void set_status(std::string store, std::string file, std::string status, nullable<file_error> why,
                  std::int64_t usage_bytes, reply<done> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<done> {
      const auto at = s_->entries.find({store, file});
      if (at == s_->entries.end()) return none("file in the store: " + file, "file_id");
      auto& entry = at->second.entry;
      entry.status = std::move(status);
      entry.last_error = std::move(why);
      entry.usage_bytes = usage_bytes;
      s_->touch(store);
      return done{};
    });
  }
  void get_entry(std::string user, std::string store, std::string file,
                 reply<store_file_view> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<store_file_view> {
      auto e = s_->entry_of(user, store, file);
      if (!e) return std::unexpected(std::move(e.error()));
      return (*e)->entry;
    });
  }
  void list_entries(std::string user, std::string store, std::string status, page_query query,
                    reply<page<store_file_view>> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<page<store_file_view>> {
      if (auto s = s_->store_of(user, store); !s) return std::unexpected(std::move(s.error()));
      std::vector<store_file_view> all;
      for (const auto& [key, e] : s_->entries)
        if (key.first == store) all.push_back(e.entry);
      return page_of(std::move(all), query, [&](const store_file_view& e) {
        return status.empty() || e.status == status;
      });
    });
  }
  void detach(std::string user, std::string store, std::string file, reply<done> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<done> {
      if (auto e = s_->entry_of(user, store, file); !e)
        return std::unexpected(std::move(e.error()));
      s_->entries.erase({store, file});
      s_->touch(store);
      return done{};
    });
  }
  void detach_all(std::string user, std::uint32_t max, reply<purge_step> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<purge_step> {
      purge_step out;
      std::erase_if(s_->entries, [&](const auto& e) {
        if (out.deleted == max || e.second.user != user) return false;
        ++out.deleted;
        return true;
      });
      out.more = out.deleted == max;
      return out;
    });
  }
  void matching_files(std::string user, std::vector<std::string> store_ids, attribute_filter filter,
                      reply<std::vector<file_place>> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<std::vector<file_place>> {
      std::vector<file_place> found;
      for (const auto& store : store_ids)
        for (const auto& [key, e] : s_->entries)
          if (key.first == store && e.user == user &&
              matches(filter, attributes_of(e.entry.attributes)))
            found.push_back({key.first, key.second});
      return found;
    });
  }
  void describe(std::string user, std::vector<file_place> places,
                reply<std::vector<placed_file>> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<std::vector<placed_file>> {
      std::vector<placed_file> found;
      for (auto& place : places) {
        const auto at = s_->entries.find({place.vector_store_id, place.file_id});
        if (at == s_->entries.end() || at->second.user != user) continue;
        const auto& file = s_->files.at(place.file_id).file;
        found.push_back({std::move(place), file.filename, at->second.entry.attributes});
      }
      return found;
    });
  }
  void pending(reply<std::vector<pending_file>> answer) override {
    answer_after(s_->mutex, answer, [&]() -> result<std::vector<pending_file>> {
      std::vector<const stored_entry*> waiting;
      for (const auto& [key, e] : s_->entries)
        if (e.entry.status == "in_progress") waiting.push_back(&e);
      std::ranges::stable_sort(waiting, {}, [](auto* e) { return e->entry.created_at; });
      if (waiting.size() > pending_max) waiting.resize(pending_max);
      std::vector<pending_file> out;
      for (const auto* e : waiting) out.push_back({e->user, e->entry.vector_store_id, e->entry.id});
      return out;
    });
  }

private:
  static constexpr std::size_t store_ids_max = 1000;
  static constexpr std::size_t pending_max = 10000;

  store_view counted(store_view store) const {
    auto& c = store.file_counts_;
    c = {};
    store.usage_bytes = 0;
    for (auto at = s_->entries.lower_bound({store.id, ""});
         at != s_->entries.end() && at->first.first == store.id; ++at) {
      const auto& e = at->second.entry;
      ++c.total;
      store.usage_bytes += e.usage_bytes;
      ++(e.status == "completed"   ? c.completed
         : e.status == "failed"    ? c.failed
         : e.status == "cancelled" ? c.cancelled
                                   : c.in_progress);
    }
    store.status = c.in_progress > 0 ? "in_progress" : "completed";
    return store;
  }

  std::shared_ptr<shelf> s_;
};

} // namespace

memory_prompt_stores make_memory_prompt_stores() {
  auto s = std::make_shared<shelf>();
  return {std::make_unique<memory_files>(s), std::make_unique<memory_catalog>(s),
          memory::make_conversations()};
}

} // namespace troupe

#include "adapters/memory/memory_stores.hpp"

#include <algorithm>
#include <map>
#include <mutex>

namespace troupe {
namespace {

std::unexpected<error> none(const std::string& what, const char* param) {
  return fail(errc::not_found, "no such " + what, param);
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
  std::mutex mutex;
  std::map<std::string, stored_file> files;
  std::map<std::string, stored_store> stores;
  std::map<std::pair<std::string, std::string>, stored_entry> entries;
};

/// One page of items that are in no order yet.
template <class Item>
result<page<Item>> page_of(std::vector<Item> all, const page_query& q) {
  std::ranges::sort(all, [](const Item& a, const Item& b) {
    return std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
  });
  if (!q.ascending) std::ranges::reverse(all);
  auto first = all.begin(), last = all.end();
  if (!q.after.empty()) {
    first = std::ranges::find(all, q.after, &Item::id);
    if (first == all.end()) return fail(errc::invalid_argument, "no such object: " + q.after, "after");
    ++first;
  } else if (!q.before.empty()) {
    last = std::ranges::find(all, q.before, &Item::id);
    if (last == all.end()) return fail(errc::invalid_argument, "no such object: " + q.before, "before");
    if (last - first > q.limit) first = last - q.limit;
    return page<Item>{{first, last}, first != all.begin()};
  }
  const bool more = last - first > static_cast<std::ptrdiff_t>(q.limit);
  if (more) last = first + q.limit;
  return page<Item>{{first, last}, more};
}

class memory_files final : public file_store {
public:
  explicit memory_files(std::shared_ptr<shelf> s) : s_(std::move(s)) {}

  void insert_file(std::string user, file_view file, std::string bytes, reply<done> answer) override {
    {
      const std::lock_guard lock(s_->mutex);
      auto id = file.id;
      s_->files[std::move(id)] = {std::move(user), std::move(file), std::move(bytes)};
    }
    answer(done{});
  }
  void get_file(std::string user, std::string id, reply<file_view> answer) override {
    const std::unique_lock lock(s_->mutex);
    const auto* f = find(user, id);
    answer(f ? result<file_view>(f->file) : none("file: " + id, "file_id"));
  }
  void read_file(std::string user, std::string id, reply<std::string> answer) override {
    const std::unique_lock lock(s_->mutex);
    const auto* f = find(user, id);
    answer(f ? result<std::string>(f->bytes) : none("file: " + id, "file_id"));
  }
  void list_files(std::string user, std::string purpose, page_query query,
                  reply<page<file_view>> answer) override {
    const std::unique_lock lock(s_->mutex);
    std::vector<file_view> all;
    for (const auto& [id, f] : s_->files)
      if (f.user == user && (purpose.empty() || f.file.purpose == purpose)) all.push_back(f.file);
    answer(page_of(std::move(all), query));
  }
  void delete_file(std::string user, std::string id, reply<std::vector<std::string>> answer) override {
    const std::unique_lock lock(s_->mutex);
    if (!find(user, id)) return answer(none("file: " + id, "file_id"));
    std::vector<std::string> stores;
    std::erase_if(s_->entries, [&](const auto& e) {
      if (e.first.second != id) return false;
      stores.push_back(e.first.first);
      return true;
    });
    s_->files.erase(id);
    answer(std::move(stores));
  }

private:
  const stored_file* find(const std::string& user, const std::string& id) const {
    const auto at = s_->files.find(id);
    return at == s_->files.end() || at->second.user != user ? nullptr : &at->second;
  }

  std::shared_ptr<shelf> s_;
};

class memory_catalog final : public store_catalog {
public:
  explicit memory_catalog(std::shared_ptr<shelf> s) : s_(std::move(s)) {}

  void insert_store(std::string user, store_view store, reply<done> answer) override {
    {
      const std::lock_guard lock(s_->mutex);
      store.last_active_at = store.created_at;
      auto id = store.id;
      s_->stores[std::move(id)] = {std::move(user), std::move(store)};
    }
    answer(done{});
  }
  void get_store(std::string user, std::string id, reply<store_view> answer) override {
    const std::unique_lock lock(s_->mutex);
    const auto* s = find(user, id);
    answer(s ? result<store_view>(counted(s->store)) : none("vector store: " + id, "vector_store_id"));
  }
  void list_stores(std::string user, page_query query, reply<page<store_view>> answer) override {
    const std::unique_lock lock(s_->mutex);
    std::vector<store_view> all;
    for (const auto& [id, s] : s_->stores)
      if (s.user == user) all.push_back(counted(s.store));
    answer(page_of(std::move(all), query));
  }
  void delete_store(std::string user, std::string id, reply<done> answer) override {
    const std::unique_lock lock(s_->mutex);
    if (!find(user, id)) return answer(none("vector store: " + id, "vector_store_id"));
    std::erase_if(s_->entries, [&](const auto& e) { return e.first.first == id; });
    s_->stores.erase(id);
    answer(done{});
  }
  void store_ids(std::string user, reply<std::vector<std::string>> answer) override {
    const std::unique_lock lock(s_->mutex);
    std::vector<std::string> out;
    for (const auto& [id, s] : s_->stores)
      if (s.user == user) out.push_back(id);
    std::ranges::reverse(out);
    if (out.size() > 1000) out.resize(1000);
    answer(std::move(out));
  }

  void attach(std::string user, store_file_view entry, reply<store_file_view> answer) override {
    const std::unique_lock lock(s_->mutex);
    if (!find(user, entry.vector_store_id))
      return answer(none("vector store: " + entry.vector_store_id, "vector_store_id"));
    const auto file = s_->files.find(entry.id);
    if (file == s_->files.end() || file->second.user != user)
      return answer(none("file: " + entry.id, "file_id"));
    entry.status = "in_progress";
    const auto at = s_->entries.try_emplace({entry.vector_store_id, entry.id}, stored_entry{user, entry}).first;
    answer(at->second.entry);
  }
  void set_status(std::string store, std::string file, std::string status, nullable<file_error> why,
                  std::int64_t usage_bytes, reply<done> answer) override {
    {
      const std::lock_guard lock(s_->mutex);
      if (const auto at = s_->entries.find({store, file}); at != s_->entries.end()) {
        at->second.entry.status = std::move(status);
        at->second.entry.last_error = std::move(why);
        at->second.entry.usage_bytes = usage_bytes;
      }
    }
    answer(done{});
  }
  void get_entry(std::string user, std::string store, std::string file, reply<store_file_view> answer) override {
    const std::unique_lock lock(s_->mutex);
    if (!find(user, store)) return answer(none("vector store: " + store, "vector_store_id"));
    const auto at = s_->entries.find({store, file});
    if (at == s_->entries.end()) return answer(none("file in the store: " + file, "file_id"));
    answer(at->second.entry);
  }
  void list_entries(std::string user, std::string store, std::string status, page_query query,
                    reply<page<store_file_view>> answer) override {
    const std::unique_lock lock(s_->mutex);
    if (!find(user, store)) return answer(none("vector store: " + store, "vector_store_id"));
    std::vector<store_file_view> all;
    for (const auto& [key, e] : s_->entries)
      if (key.first == store && (status.empty() || e.entry.status == status)) all.push_back(e.entry);
    answer(page_of(std::move(all), query));
  }
  void detach(std::string user, std::string store, std::string file, reply<done> answer) override {
    const std::unique_lock lock(s_->mutex);
    if (!find(user, store)) return answer(none("vector store: " + store, "vector_store_id"));
    if (s_->entries.erase({store, file}) == 0) return answer(none("file in the store: " + file, "file_id"));
    answer(done{});
  }
  void pending(reply<std::vector<pending_file>> answer) override {
    const std::unique_lock lock(s_->mutex);
    std::vector<pending_file> out;
    for (const auto& [key, e] : s_->entries)
      if (e.entry.status == "in_progress") out.push_back({e.user, key.first, key.second});
    answer(std::move(out));
  }

private:
  const stored_store* find(const std::string& user, const std::string& id) const {
    const auto at = s_->stores.find(id);
    return at == s_->stores.end() || at->second.user != user ? nullptr : &at->second;
  }
  store_view counted(store_view store) const {
    auto& c = store.file_counts_;
    for (const auto& [key, e] : s_->entries) {
      if (key.first != store.id) continue;
      ++c.total;
      store.usage_bytes += e.entry.usage_bytes;
      ++(e.entry.status == "completed"   ? c.completed
         : e.entry.status == "failed"    ? c.failed
         : e.entry.status == "cancelled" ? c.cancelled
                                         : c.in_progress);
    }
    store.status = c.in_progress > 0 ? "in_progress" : "completed";
    return store;
  }

  std::shared_ptr<shelf> s_;
};

class memory_conversations final : public conversation_store {
public:
  void create(std::string user, std::string id, reply<done> answer) override {
    {
      const std::lock_guard lock(mutex_);
      all_[std::move(id)].first = std::move(user);
    }
    answer(done{});
  }
  void last_turns(std::string user, std::string id, std::uint32_t max,
                  reply<std::vector<turn_row>> answer) override {
    const std::unique_lock lock(mutex_);
    const auto at = all_.find(id);
    if (at == all_.end() || at->second.first != user) return answer(none("conversation: " + id, "conversation_id"));
    const auto& turns = at->second.second;
    const auto count = std::min<std::size_t>(max, turns.size());
    answer(std::vector<turn_row>(turns.end() - static_cast<std::ptrdiff_t>(count), turns.end()));
  }
  void append(std::string user, std::string id, std::vector<turn_row> turns, reply<done> answer) override {
    const std::unique_lock lock(mutex_);
    const auto at = all_.find(id);
    if (at == all_.end() || at->second.first != user) return answer(none("conversation: " + id, "conversation_id"));
    for (auto& t : turns) at->second.second.push_back(std::move(t));
    answer(done{});
  }

private:
  std::mutex mutex_;
  std::map<std::string, std::pair<std::string, std::vector<turn_row>>> all_;
};

}  // namespace

memory_prompt_stores make_memory_prompt_stores() {
  auto s = std::make_shared<shelf>();
  return {std::make_unique<memory_files>(s), std::make_unique<memory_catalog>(s),
          std::make_unique<memory_conversations>()};
}

}  // namespace troupe

#include "adapters/memory/memory_stores.hpp"
#include "messages/codec/chat_json.hpp"

#include <algorithm>
#include <charconv>
#include <mutex>

namespace troupe {
namespace {

std::string lower(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

bool matches(const log_record& r, const log_filter& f) {
  if (r.user != f.user || (f.level && r.level != *f.level)) return false;
  if (!f.service.empty() && r.service != f.service) return false;
  if (!f.since.empty() && r.time < f.since) return false;
  if (!f.until.empty() && r.time >= f.until) return false;
  const auto message = lower(r.message);
  return std::ranges::all_of(f.words, [&](const auto& w) { return message.contains(lower(w)); });
}

class memory_log final : public log_store {
public:
  void append(std::vector<log_record> records, reply<done> answer) override {
    {
      const std::lock_guard lock(mutex_);
      for (auto& r : records)
        if (!find(r.id)) records_.push_back(std::move(r));
    }
    answer(done{});
  }
  void get(std::string user, std::string id, reply<log_record> answer) override {
    const std::unique_lock lock(mutex_);
    const auto* r = find(id);
    answer(r && r->user == user ? result<log_record>(*r) : fail(errc::not_found, "no such record"));
  }
  void patch(std::string user, std::string id, json_text attributes, reply<log_record> answer) override {
    const std::unique_lock lock(mutex_);
    auto* r = find(id);
    if (!r || r->user != user) return answer(fail(errc::not_found, "no such record"));
    auto merged = chat_json::merge_patch(r->attributes, attributes);
    if (!merged) return answer(std::unexpected(std::move(merged.error())));
    r->attributes = std::move(*merged);
    answer(*r);
  }
  /// The cursor is the number of records to skip.
  void list(log_filter f, reply<log_slice> answer) override {
    std::size_t skip = 0;
    const auto* end = f.before.data() + f.before.size();
    if (!f.before.empty() && std::from_chars(f.before.data(), end, skip).ptr != end)
      return answer(fail(errc::invalid_argument, "cursor: not one of this server's", "cursor"));
    const std::unique_lock lock(mutex_);
    std::vector<const log_record*> found;
    for (auto at = records_.rbegin(); at != records_.rend(); ++at)
      if (matches(*at, f)) found.push_back(&*at);
    std::ranges::stable_sort(found, std::ranges::greater(), &log_record::time);
    log_slice out;
    for (auto i = skip; i < found.size() && out.records.size() < f.limit; ++i) out.records.push_back(*found[i]);
    if (skip + out.records.size() < found.size()) out.next = std::to_string(skip + out.records.size());
    answer(std::move(out));
  }
  void flush(reply<done> answer) override { answer(done{}); }

private:
  log_record* find(const std::string& id) {
    const auto at = std::ranges::find(records_, id, &log_record::id);
    return at == records_.end() ? nullptr : &*at;
  }

  std::mutex mutex_;
  std::vector<log_record> records_;
};

}  // namespace

std::unique_ptr<log_store> make_memory_log_store() { return std::make_unique<memory_log>(); }

}  // namespace troupe

#include "adapters/memory/answer_after.hpp"
#include "adapters/memory/memory_stores.hpp"
#include "messages/base/limits.hpp"
#include "messages/codec/chat_json.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

namespace troupe {
namespace {

using memory::answer_after;

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

/// The place of a record in the order of lists: time, then arrival.
using place = std::pair<std::string, std::size_t>;

/// A cursor is `time~arrival`, the place of a page's last record.
std::optional<place> parse_cursor(const std::string& text) {
  const auto at = text.rfind('~');
  if (at == text.npos || at == 0) return std::nullopt;
  place out{text.substr(0, at), 0};
  const auto* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data() + at + 1, end, out.second);
  if (code != std::errc() || rest != end) return std::nullopt;
  return out;
}

class memory_log final : public log_store {
public:
  void append(std::vector<log_record> records, reply<done> answer) override {
    answer_after(mutex_, answer, [&]() -> result<done> {
      for (auto& r : records)
        if (by_id_.try_emplace(r.id, arrivals_).second) records_.emplace(arrivals_++, std::move(r));
      return done{};
    });
  }
  void get(std::string user, std::string id, reply<log_record> answer) override {
    answer_after(mutex_, answer, [&]() -> result<log_record> {
      const auto* r = find(user, id);
      if (!r) return fail(errc::not_found, "no such record");
      return *r;
    });
  }
  void patch(std::string user, std::string id, json_text attributes,
             reply<log_record> answer) override {
    answer_after(mutex_, answer, [&]() -> result<log_record> {
      auto* r = find(user, id);
      if (!r) return fail(errc::not_found, "no such record");
      auto merged = chat_json::merge_patch(r->attributes, attributes);
      if (!merged) return std::unexpected(std::move(merged.error()));
      r->attributes = std::move(*merged);
      return *r;
    });
  }
  void list(log_filter f, reply<log_slice> answer) override {
    std::optional<place> from;
    if (!f.before.empty()) {
      from = parse_cursor(f.before);
      if (!from)
        return answer(fail(errc::invalid_argument, "cursor: not one of this server's", "cursor"));
    }
    if (f.words.size() > log_words_max)
      return answer(fail(errc::invalid_argument,
                         "q: at most " + std::to_string(log_words_max) + " words", "q"));
    answer_after(mutex_, answer, [&]() -> result<log_slice> { return slice(f, from); });
  }
  void flush(reply<done> answer) override { answer(done{}); }
  void purge(std::string user, std::uint32_t max, reply<purge_step> answer) override {
    answer_after(mutex_, answer, [&]() -> result<purge_step> {
      purge_step out;
      std::erase_if(records_, [&](const auto& row) {
        if (out.deleted == max || row.second.user != user) return false;
        by_id_.erase(row.second.id);
        ++out.deleted;
        return true;
      });
      out.more = out.deleted == max;
      return out;
    });
  }

private:
  log_record* find(const std::string& user, const std::string& id) {
    const auto at = by_id_.find(id);
    if (at == by_id_.end()) return nullptr;
    auto& record = records_.at(at->second);
    return record.user == user ? &record : nullptr;
  }

  log_slice slice(const log_filter& f, const std::optional<place>& from) const {
    std::vector<place> found;
    for (const auto& [arrival, record] : records_) {
      place here{record.time, arrival};
      if (matches(record, f) && (!from || here < *from)) found.push_back(std::move(here));
    }
    std::ranges::sort(found, std::ranges::greater());
    log_slice out;
    place last;
    std::size_t bytes = 0;
    for (const auto& at : found) {
      if (out.records.size() == f.limit || bytes >= limits::log_page_bytes) {
        out.next = last.first + '~' + std::to_string(last.second);
        break;
      }
      out.records.push_back(records_.at(at.second));
      bytes += out.records.back().message.size() + out.records.back().attributes.raw.size();
      last = at;
    }
    return out;
  }

  std::mutex mutex_;
  std::size_t arrivals_ = 0;                           // guarded by mutex_
  std::map<std::size_t, log_record> records_;          // guarded by mutex_, by arrival
  std::unordered_map<std::string, std::size_t> by_id_; // guarded by mutex_, into records_
};

} // namespace

std::unique_ptr<log_store> make_memory_log_store() {
  return std::make_unique<memory_log>();
}

} // namespace troupe

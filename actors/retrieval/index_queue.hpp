#pragma once

#include "actors/ports/document_store.hpp"
#include "actors/ports/retrieval_ports.hpp"

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <utility>

namespace troupe {

/// Which files wait to be indexed and which are being indexed: pure bookkeeping, no I/O.
class index_queue {
public:
  using key = std::pair<std::string, std::string>; ///< store, file

  explicit index_queue(std::size_t at_once) : at_once_(at_once) {}

  /// Ignores what waits or runs already.
  void add(pending_file file) {
    key k{file.vector_store_id, file.file_id};
    if (running_.contains(k) || !queued_.insert(k).second) return;
    waiting_.push_back(std::move(file));
  }

  /// The next file to index, if there is one and a place is free.
  [[nodiscard]] bool next(pending_file& out) {
    if (running_.size() >= at_once_ || waiting_.empty()) return false;
    out = std::move(waiting_.front());
    waiting_.pop_front();
    key k{out.vector_store_id, out.file_id};
    queued_.erase(k);
    running_.insert(std::move(k));
    return true;
  }

  /// The file left its store: it is not indexed any more, or its passages must go when it is done.
  void drop(const std::string& store, const std::string& file) {
    key k{store, file};
    if (queued_.erase(k) != 0)
      std::erase_if(waiting_,
                    [&](const auto& w) { return w.vector_store_id == store && w.file_id == file; });
    if (running_.contains(k)) dropped_.insert(std::move(k));
  }

  void drop_store(const std::string& store) {
    std::erase_if(waiting_, [&](const auto& w) {
      if (w.vector_store_id != store) return false;
      queued_.erase({w.vector_store_id, w.file_id});
      return true;
    });
    for (const auto& k : running_)
      if (k.first == store) dropped_.insert(k);
  }

  /// Ends a running file; answers whether its passages are wanted.
  [[nodiscard]] bool finish(const std::string& store, const std::string& file) {
    const key k{store, file};
    running_.erase(k);
    return dropped_.erase(k) == 0;
  }

  /// Whether a file of this store is being indexed.
  [[nodiscard]] bool is_running(const std::string& store) const {
    const auto at = running_.lower_bound({store, {}});
    return at != running_.end() && at->first == store;
  }

  [[nodiscard]] bool idle() const noexcept { return running_.empty() && waiting_.empty(); }

private:
  std::size_t at_once_;
  std::deque<pending_file> waiting_;
  std::set<key> queued_, running_, dropped_;
};

} // namespace troupe

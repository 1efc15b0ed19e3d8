#pragma once

#include "actors/retrieval/index_queue.hpp"
#include "actors/retrieval/retrieval_actor.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// What the service retrieval does beside its requests: it indexes files, and takes away what is
/// not wanted any more. Everything runs inside the actor.
class retrieval_background : public service_base<retrieval_service> {
protected:
  retrieval_background(pointer self, slot_registry& slots, retrieval_deps deps);

  /// Goes on with everything that waits to be indexed.
  void load_pending();
  void index_next();
  /// In the background; also stops the file's indexing.
  void remove_passages(const std::string& store, const std::string& file);
  /// Deletes all that the user owns. See TROUPE_RETRIEVAL_INTERNAL_METHODS.
  void purge(std::string user, answer<purge_reply> a);

  retrieval_deps d_;
  index_queue queue_;

private:
  struct purge_job {
    std::string user;
    answer<purge_reply> a;
    std::vector<std::string> stores = {}; ///< to be purged, the last one first
    std::uint64_t deleted = 0;
  };
  using purge_ptr = std::shared_ptr<purge_job>;

  void read(std::shared_ptr<pending_file> f, std::string filename);
  void put(std::shared_ptr<pending_file> f, std::vector<passage> passages);
  void finish_index(const pending_file& f, result<std::int64_t> bytes);
  void keep_status(const pending_file& f, result<std::int64_t> bytes);

  void purge_stores(const purge_ptr& job);
  void purge_next_store(const purge_ptr& job);
  void delete_store(const purge_ptr& job);
  void purge_files(const purge_ptr& job);

  std::vector<std::function<void()>> stalled_; // purges that wait for a file being indexed
};

} // namespace troupe

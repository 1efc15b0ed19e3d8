#include "actors/retrieval/retrieval_background.hpp"

#include "actors/retrieval/retrieval_rules.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/log.hpp"

#include <utility>

namespace troupe {
namespace {

constexpr std::size_t index_at_once = 4;

} // namespace

retrieval_background::retrieval_background(pointer self, slot_registry& slots, retrieval_deps deps)
    : service_base(self, slots), d_(std::move(deps)), queue_(index_at_once) {}

// indexing

void retrieval_background::load_pending() {
  d_.stores->pending(
      to_self<std::vector<pending_file>>([this](result<std::vector<pending_file>> files) {
        if (!files) {
          log::warn("retrieval.pending_unknown", {{"why", files.error().message}});
          return later(std::chrono::seconds(5), [this] { load_pending(); });
        }
        for (auto& f : *files) queue_.add(std::move(f));
        index_next();
      }));
}

void retrieval_background::index_next() {
  pending_file file;
  while (queue_.next(file)) {
    auto f = std::make_shared<pending_file>(std::move(file));
    d_.files->get_file(f->user, f->file_id, to_self<file_view>([this, f](result<file_view> view) {
                         if (!view)
                           return finish_index(*f, std::unexpected(std::move(view.error())));
                         read(f, std::move(view->filename));
                       }));
  }
}

void retrieval_background::read(std::shared_ptr<pending_file> f, std::string filename) {
  d_.files->read_file(
      f->user, f->file_id, to_self<std::string>([this, f, filename](result<std::string> bytes) {
        if (!bytes) return finish_index(*f, std::unexpected(std::move(bytes.error())));
        d_.reader->read(filename, std::move(*bytes),
                        to_self<std::vector<passage>>([this, f](result<std::vector<passage>> p) {
                          if (!p) return finish_index(*f, std::unexpected(std::move(p.error())));
                          put(f, std::move(*p));
                        }));
      }));
}

void retrieval_background::put(std::shared_ptr<pending_file> f, std::vector<passage> passages) {
  d_.index->put(f->vector_store_id, f->file_id, std::move(passages),
                to_self<std::int64_t>(
                    [this, f](result<std::int64_t> bytes) { finish_index(*f, std::move(bytes)); }));
}

void retrieval_background::finish_index(const pending_file& f, result<std::int64_t> bytes) {
  const bool wanted = queue_.finish(f.vector_store_id, f.file_id);
  if (!wanted) {
    remove_passages(f.vector_store_id, f.file_id);
    load_pending(); // it may have been attached again meanwhile
  } else if (!bytes && is_retriable(bytes.error().code)) {
    later(std::chrono::seconds(1), [this, f] {
      queue_.add(f);
      index_next();
    });
  } else {
    keep_status(f, std::move(bytes));
  }
  for (const auto& go_on : std::exchange(stalled_, {})) go_on();
  index_next();
}

void retrieval_background::keep_status(const pending_file& f, result<std::int64_t> bytes) {
  nullable<file_error> why;
  if (!bytes) why = retrieval_rules::file_error_of(bytes.error());
  d_.stores->set_status(f.vector_store_id, f.file_id, bytes ? "completed" : "failed",
                        std::move(why), bytes.value_or(0), to_self<done>([this, f](result<done> r) {
                          if (r) return;
                          // It left its store where the queue did not see it: between two tries,
                          // say.
                          if (r.error().code == errc::not_found)
                            return remove_passages(f.vector_store_id, f.file_id);
                          log::warn("retrieval.status_lost", {{"why", r.error().message}});
                        }));
}

void retrieval_background::remove_passages(const std::string& store, const std::string& file) {
  queue_.drop(store, file);
  d_.index->remove_file(store, file, to_self<done>([](result<done> r) {
                          if (!r)
                            log::warn("retrieval.passages_left", {{"why", r.error().message}});
                        }));
}

// purging: passages have no owner, so a store's row goes after them; what is broken off in between
// finds them again

void retrieval_background::purge(std::string user, answer<purge_reply> a) {
  const auto job = std::make_shared<purge_job>(std::move(user), std::move(a));
  purge_all(
      [stores = d_.stores, job](reply<purge_step> next) {
        stores->detach_all(job->user, limits::purge_rows, std::move(next));
      },
      [this, job](result<std::uint64_t> detached) {
        if (!detached) return job->a.fail(std::move(detached.error()));
        purge_stores(job);
      });
}

void retrieval_background::purge_stores(const purge_ptr& job) {
  using ids = std::vector<std::string>;
  d_.stores->store_ids(job->user, to_self<ids>([this, job](result<ids> stores) {
                         if (!stores) return job->a.fail(std::move(stores.error()));
                         if (stores->empty()) return purge_files(job);
                         for (const auto& id : *stores) queue_.drop_store(id);
                         job->stores = std::move(*stores);
                         purge_next_store(job);
                       }));
}

void retrieval_background::purge_next_store(const purge_ptr& job) {
  if (job->stores.empty()) return purge_stores(job); // there may be more than one list has
  const auto& id = job->stores.back();
  if (queue_.is_running(id)) {
    stalled_.emplace_back([this, job] { purge_next_store(job); });
    return;
  }
  purge_all(
      [index = d_.index, id](reply<purge_step> next) {
        index->purge_store(id, limits::purge_rows, std::move(next));
      },
      [this, job](result<std::uint64_t> passages) {
        if (!passages) return job->a.fail(std::move(passages.error()));
        delete_store(job);
      });
}

void retrieval_background::delete_store(const purge_ptr& job) {
  const auto id = std::move(job->stores.back());
  job->stores.pop_back();
  d_.stores->delete_store(job->user, id, to_self<done>([this, job](result<done> r) {
                            const bool gone = !r && r.error().code == errc::not_found;
                            if (!r && !gone) return job->a.fail(std::move(r.error()));
                            if (r) ++job->deleted;
                            purge_next_store(job);
                          }));
}

void retrieval_background::purge_files(const purge_ptr& job) {
  purge_all(
      [files = d_.files, job](reply<purge_step> next) {
        files->purge(job->user, limits::purge_rows, std::move(next));
      },
      [job](result<std::uint64_t> gone) {
        if (!gone) return job->a.fail(std::move(gone.error()));
        job->a(purge_reply{job->deleted + *gone});
      });
}

} // namespace troupe

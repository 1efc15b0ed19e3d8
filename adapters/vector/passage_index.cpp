#include "adapters/vector/passage_index.hpp"

#include "adapters/vector/passage_search.hpp"
#include "adapters/vector/passage_tables.hpp"
#include "messages/base/limits.hpp"
#include "messages/base/worker_threads.hpp"

#include <atomic>
#include <mutex>
#include <new>
#include <utility>

namespace troupe {
namespace {

using namespace vector_detail;

constexpr unsigned reader_threads = 2;

/// A connection with what one thread needs to search.
struct search_desk {
  connection on;
  passage_search search;

  search_desk(const std::string& path, const embedder& vectors)
      : on(prepared(path)), search(on, vectors) {}

private:
  static connection prepared(const std::string& path) {
    connection made(path);
    prepare_connection(made);
    return made;
  }
};

/// The desks of all reader threads. As many as threads, so one is always free.
class desk_pool {
public:
  void add(std::unique_ptr<search_desk> desk) { free_.push_back(std::move(desk)); }

  template <class Use>
  auto with_one(Use use) {
    auto desk = take();
    const returning guard{*this, desk};
    return use(*desk);
  }

private:
  struct returning {
    desk_pool& to;
    std::unique_ptr<search_desk>& desk;
    ~returning() {
      std::lock_guard lock(to.mutex_);
      to.free_.push_back(std::move(desk)); // never grows past its first size: no allocation
    }
  };

  std::unique_ptr<search_desk> take() {
    std::lock_guard lock(mutex_);
    auto desk = std::move(free_.back());
    free_.pop_back();
    return desk;
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<search_desk>> free_; // guarded by mutex_
};

/// Calls `work` and turns what it throws into an error.
template <class T, class Work>
result<T> guarded(Work&& work) {
  try {
    return work();
  } catch (const sqlite_failure& failure) {
    return std::unexpected(to_error(failure));
  } catch (const std::bad_alloc&) {
    return fail(errc::unavailable, "no memory for the passage index");
  }
}

class sqlite_index final : public passage_index {
public:
  /// Throws sqlite_failure. `in_memory`: everything on the writer's connection and thread.
  sqlite_index(connection on, const std::string& path, bool in_memory,
               std::shared_ptr<const embedder> vectors)
      : vectors_(std::move(vectors)), on_(std::move(on)), writer_(on_), rows_(writer_.rows()) {
    if (in_memory) {
      own_search_ = std::make_unique<passage_search>(on_, *vectors_);
    } else {
      for (unsigned n = 0; n < reader_threads; ++n)
        desks_.add(std::make_unique<search_desk>(path, *vectors_));
      reading_ = std::make_unique<worker_threads>(reader_threads, limits::store_queue);
    }
    writing_ = std::make_unique<worker_threads>(1, limits::store_queue);
  }

  ~sqlite_index() override {
    reading_.reset(); // threads end before what they work on
    writing_.reset();
  }

  void put(std::string store, std::string file, std::vector<passage> passages,
           reply<std::int64_t> answer) override {
    write(std::move(answer),
          [this, store = std::move(store), file = std::move(file), passages = std::move(passages)] {
            return writer_.put(store, file, passages, *vectors_);
          });
  }

  void remove_file(std::string store, std::string file, reply<done> answer) override {
    write(std::move(answer), [this, store = std::move(store), file = std::move(file)] {
      writer_.remove_file(store, file);
      return done{};
    });
  }

  void remove_store(std::string store, reply<done> answer) override {
    write(std::move(answer), [this, store = std::move(store)] {
      writer_.remove_store(store);
      return done{};
    });
  }

  void purge_store(std::string store, std::uint32_t max, reply<purge_step> answer) override {
    write(std::move(answer),
          [this, store = std::move(store), max] { return writer_.purge_store(store, max); });
  }

  void search(search_scope scope, std::string query, std::uint32_t max, ranking how,
              reply<std::vector<passage_hit>> answer) override {
    auto& threads = reading_ ? *reading_ : *writing_;
    if (!threads.reserve()) return answer.fail(overloaded());
    threads.post([this, scope = std::move(scope), query = std::move(query), max, how,
                  answer = std::move(answer)]() mutable {
      answer(guarded<std::vector<passage_hit>>([&] {
        if (own_search_) return own_search_->find(scope, query, max, how, rows_);
        return desks_.with_one(
            [&](search_desk& desk) { return desk.search.find(scope, query, max, how, rows_); });
      }));
    });
  }

private:
  static error overloaded() {
    return make_error(errc::overloaded, "too many jobs wait for the passage index");
  }

  template <class T, class Work>
  void write(reply<T> answer, Work work) {
    if (!writing_->reserve()) return answer.fail(overloaded());
    writing_->post([this, answer = std::move(answer), work = std::move(work)]() mutable {
      auto outcome = guarded<T>([&]() -> result<T> { return work(); });
      rows_ = writer_.rows();
      answer(std::move(outcome));
    });
  }

  const std::shared_ptr<const embedder> vectors_;
  connection on_;                              // the writer thread's
  passage_writer writer_;                      // the writer thread's
  std::unique_ptr<passage_search> own_search_; // in memory only, the writer thread's
  std::atomic<std::int64_t> rows_;
  desk_pool desks_;
  std::unique_ptr<worker_threads> reading_, writing_;
};

result<std::unique_ptr<passage_index>> open(const std::string& path, bool in_memory,
                                            std::shared_ptr<const embedder> vectors) {
  return guarded<std::unique_ptr<passage_index>>([&]() -> result<std::unique_ptr<passage_index>> {
    connection on(path);
    prepare_connection(on);
    if (const auto made = make_tables(on); !made) return std::unexpected(made.error());
    return std::make_unique<sqlite_index>(std::move(on), path, in_memory, std::move(vectors));
  });
}

} // namespace

result<std::unique_ptr<passage_index>> open_passage_index(std::string path,
                                                          std::shared_ptr<const embedder> vectors) {
  return open(path, false, std::move(vectors));
}

std::unique_ptr<passage_index> make_memory_passage_index(std::shared_ptr<const embedder> vectors) {
  return open(":memory:", true, std::move(vectors)).value(); // fails only without memory
}

} // namespace troupe

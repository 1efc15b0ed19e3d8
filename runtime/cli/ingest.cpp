#include "runtime/cli/ingest.hpp"

#include "runtime/cli/api_client.hpp"
#include "runtime/cli/ingest_plan.hpp"
#include "runtime/cli/terminal.hpp"

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace troupe::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t uploads_at_once = 4;
/// An index that does not move for so long is stuck.
constexpr std::chrono::minutes index_patience{10};

struct summary {
  remote_store store;
  std::size_t uploaded = 0;
  std::size_t replaced = 0;
  std::size_t skipped = 0;
  std::size_t empty = 0;
  std::uintmax_t bytes = 0;
  std::vector<refused_file> failed;
};

/// Finds the store or makes it.
result<remote_store> open_store(api_client& api, const std::string& name) {
  auto found = api.find_store(name);
  if (found || found.error().code != errc::not_found || name.starts_with("vs_")) return found;
  return api.create_store(name);
}

/// What the store holds, with the names and digests that only the files know.
result<std::vector<stored_file>> list_stored(api_client& api, const std::string& store) {
  auto indexed = api.list_store_files(store);
  if (!indexed) return std::unexpected(indexed.error());
  std::vector<stored_file> out;
  if (indexed->empty()) return out;
  auto files = api.list_files();
  if (!files) return std::unexpected(files.error());
  std::map<std::string, remote_file> by_id;
  for (auto& file : *files) by_id.emplace(file.id, file);
  for (const auto& entry : *indexed) {
    const auto at = by_id.find(entry.id);
    if (at == by_id.end()) continue;
    out.push_back({entry.id, at->second.name, entry.path, at->second.sha256, entry.status});
  }
  return out;
}

/// Uploads the files of a plan on a few threads, each with a connection of its own.
class uploader {
public:
  uploader(const access& to, const ingest_plan& plan, summary& into)
      : to_(to), plan_(plan), into_(into), bar_(stderr, "uploading", plan.uploads.size()) {}

  void run() {
    {
      std::vector<std::jthread> workers;
      const auto count = std::min(uploads_at_once, plan_.uploads.size());
      for (std::size_t i = 0; i < count; ++i) workers.emplace_back([this] { work(); });
    }
    bar_.finish();
  }

  /// Names of the uploaded files by id, to tell later which of them failed.
  const std::map<std::string, std::string>& names() const noexcept { return names_; }

private:
  void work() {
    api_client api(to_);
    for (;;) {
      const std::size_t i = next_++;
      if (i >= plan_.uploads.size()) return;
      const planned_file& planned = plan_.uploads[i];
      if (stopped_) {
        record_failure(planned, "not tried");
        continue;
      }
      auto id = bring(api, planned);
      if (id) {
        record_success(planned, *id);
      } else {
        record_failure(planned, id.error().message);
        stopped_ = stopped_ || is_hopeless(api, id.error());
      }
    }
  }

  /// The new file is in before the old ones go, so that a failure loses nothing.
  result<std::string> bring(api_client& api, const planned_file& planned) {
    auto file = api.upload(planned.file.path, planned.file.path.filename().string());
    if (!file) return std::unexpected(explained(file.error(), planned.file));
    if (auto done = api.attach(into_.store.id, file->id, planned.file.name); !done) {
      static_cast<void>(api.delete_file(file->id)); // else it stays behind, in no store
      return std::unexpected(done.error());
    }
    for (const auto& old : planned.outdated) {
      auto gone = api.delete_file(old);
      if (!gone && gone.error().code != errc::not_found) return std::unexpected(gone.error());
    }
    return file->id;
  }

  static error explained(error why, const local_file& file) {
    if (why.code == errc::too_large) {
      const auto mib = static_cast<double>(file.bytes) / (1 << 20);
      char size[64];
      std::snprintf(size, sizeof size, " (%.1f MiB; the server's bound is http.body_bytes)", mib);
      why.message += size;
    }
    return why;
  }

  /// Whether the other files would fail for the same reason: nobody is there, or the key is wrong.
  static bool is_hopeless(api_client& api, const error& why) {
    if (why.code == errc::unauthenticated || why.code == errc::forbidden) return true;
    return why.code == errc::unavailable && why.status == 0 && !api.ask({.path = "/health"});
  }

  void record_success(const planned_file& planned, const std::string& id) {
    const std::lock_guard lock(mutex_);
    names_[id] = planned.file.name;
    ++(planned.outdated.empty() ? into_.uploaded : into_.replaced);
    into_.bytes += planned.file.bytes;
    bar_.show(++finished_, planned.file.name);
  }

  void record_failure(const planned_file& planned, std::string why) {
    const std::lock_guard lock(mutex_);
    into_.failed.push_back({planned.file.name, std::move(why)});
    bar_.show(++finished_, planned.file.name);
  }

  const access& to_;
  const ingest_plan& plan_;
  summary& into_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_; ///< guards what follows, and into_
  progress bar_;
  std::size_t finished_ = 0;
  std::map<std::string, std::string> names_;
};

/// Waits until the store has nothing in progress.
result<void> wait_until_indexed(api_client& api, remote_store& store) {
  milliseconds pause{50};
  auto moved = steady_clock::now();
  std::optional<progress> bar;
  std::int64_t total = 0;
  for (std::int64_t before = -1;;) {
    auto now = api.get_store(store.id);
    if (!now) return std::unexpected(now.error());
    store = *now;
    if (store.in_progress != before) moved = steady_clock::now();
    before = store.in_progress;
    if (!bar) bar.emplace(stderr, "indexing", static_cast<std::size_t>(total = store.in_progress));
    if (store.in_progress == 0) break;
    bar->show(static_cast<std::size_t>(std::max<std::int64_t>(0, total - store.in_progress)), "");
    if (steady_clock::now() - moved > index_patience) {
      return fail(errc::deadline_exceeded, std::to_string(store.in_progress) +
                                               " files are still being indexed after minutes "
                                               "without progress; look at the server's log");
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 3 / 2, milliseconds(500));
  }
  bar->finish();
  return {};
}

/// Moves files that were uploaded and could not be indexed to the failures.
result<void> collect_index_failures(api_client& api,
                                    const std::map<std::string, std::string>& names,
                                    summary& into) {
  if (names.empty() || into.store.failed == 0) return {};
  auto indexed = api.list_store_files(into.store.id);
  if (!indexed) return std::unexpected(indexed.error());
  for (const auto& file : *indexed) {
    const auto at = names.find(file.id);
    if (at == names.end() || file.status != "failed") continue;
    into.failed.push_back({at->second, "not indexed: " + file.why});
  }
  return {};
}

void print_json(const summary& all) {
  namespace json = boost::json;
  json::array failed;
  for (const auto& f : all.failed)
    failed.push_back(json::object{{"name", f.name}, {"error", f.why}});
  const json::object out{{"store", all.store.name},
                         {"vector_store_id", all.store.id},
                         {"files_in_store", all.store.completed},
                         {"uploaded", all.uploaded},
                         {"replaced", all.replaced},
                         {"skipped", all.skipped},
                         {"empty", all.empty},
                         {"bytes", all.bytes},
                         {"failed", std::move(failed)}};
  std::printf("%s\n", json::serialize(out).c_str());
}

void print_text(const summary& all) {
  char size[32];
  std::snprintf(size, sizeof size, "%.1f KiB sent", static_cast<double>(all.bytes) / 1024);
  std::vector<std::vector<std::string>> rows = {
      {"store", printable(all.store.name) + " (" + all.store.id + ", " +
                    std::to_string(all.store.completed) + " files)"},
      {"uploaded", std::to_string(all.uploaded)},
      {"replaced", std::to_string(all.replaced)},
      {"skipped", std::to_string(all.skipped) + " (there already)"},
  };
  if (all.bytes != 0) rows[1].back() += " (" + std::string(size) + ")";
  if (all.empty != 0) rows.push_back({"empty", std::to_string(all.empty) + " (left out)"});
  if (!all.failed.empty()) rows.push_back({"failed", std::to_string(all.failed.size())});
  print_table(stdout, rows);
  for (const auto& f : all.failed) {
    std::printf("  %s: %s\n", printable(f.name).c_str(), printable(f.why).c_str());
  }
}

result<summary> ingest(const ingest_options& options, const access& to) {
  auto found = find_files(options.paths);
  if (!found) return std::unexpected(found.error());
  summary all{.store = {}, .empty = found->empty, .failed = std::move(found->refused)};
  std::erase_if(found->files, [&](local_file& file) {
    auto digest = sha256_of(file.path);
    if (!digest) {
      all.failed.push_back({file.name, digest.error().message});
      return true;
    }
    file.sha256 = *digest;
    return false;
  });
  api_client api(to);
  auto store = open_store(api, options.store);
  if (!store) return std::unexpected(store.error());
  all.store = *store;
  auto stored = list_stored(api, all.store.id);
  if (!stored) return std::unexpected(stored.error());
  const ingest_plan plan = plan_ingest(std::move(found->files), *stored);
  all.skipped = plan.skipped;
  uploader uploads(to, plan, all);
  uploads.run();
  if (auto done = wait_until_indexed(api, all.store); !done) return std::unexpected(done.error());
  if (auto done = collect_index_failures(api, uploads.names(), all); !done) {
    return std::unexpected(done.error());
  }
  std::ranges::sort(all.failed, {}, &refused_file::name);
  return all;
}

} // namespace

int run_ingest(const ingest_options& options, const environment& variables) {
  auto to = resolve_access(options.access, variables);
  if (!to) {
    std::fprintf(stderr, "troupe ingest: %s\n", to.error().message.c_str());
    return to.error().code == errc::invalid_argument ? 2 : 1;
  }
  auto all = ingest(options, *to);
  if (!all) {
    std::fprintf(stderr, "troupe ingest: %s\n", printable(all.error().message).c_str());
    return 1;
  }
  options.json ? print_json(*all) : print_text(*all);
  return all->failed.empty() ? 0 : 1;
}

} // namespace troupe::cli

#include "runtime/allow_list_watch.hpp"

#include "messages/base/log.hpp"
#include "runtime/allow_list.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <mutex>

namespace troupe {
namespace {

constexpr std::chrono::seconds look_every{1};

} // namespace

result<access_pointer> allow_list_file::parse(const std::string& text) const {
  auto rules = parse_allow_list(text, file_.string());
  if (!rules) return std::unexpected(std::move(rules.error()));
  return std::make_shared<access_table>(std::move(*rules));
}

result<allow_list_file> allow_list_file::load(std::filesystem::path file) {
  allow_list_file out(std::move(file));
  auto text = read_allow_list(out.file_);
  if (!text) return std::unexpected(std::move(text.error()));
  auto table = out.parse(*text);
  if (!table) return std::unexpected(std::move(table.error()));
  out.table_ = std::move(*table);
  out.tried_ = out.seen_ = std::move(*text);
  return out;
}

access_pointer allow_list_file::refresh() {
  auto text = read_allow_list(file_);
  const auto& now = text ? *text : text.error().message;
  const bool settled = now == std::exchange(seen_, now);
  if (!settled || now == tried_) return nullptr;
  tried_ = now;
  auto table = text ? parse(*text) : std::unexpected(text.error());
  if (!table) {
    log::warn("bus.allow_not_renewed",
              {{"why", table.error().message}, {"in_force", "the rules of before"}});
    return nullptr;
  }
  log::info("bus.allow_renewed",
            {{"file", file_.string()}, {"principals", (*table)->rules().size()}});
  return table_ = std::move(*table);
}

struct allow_list_watch::state : std::enable_shared_from_this<state> {
  state(boost::asio::io_context& loop, allow_list_file of, std::function<void(access_pointer)> tell)
      : file(std::move(of)), changed(std::move(tell)), timer(loop) {}

  void wait() {
    timer.expires_after(look_every);
    timer.async_wait([self = shared_from_this()](boost::system::error_code failed) {
      if (!failed) self->look();
    });
  }
  void look() {
    const std::lock_guard lock(mutex);
    if (is_stopped) return;
    if (auto table = file.refresh()) changed(std::move(table));
    wait();
  }

  allow_list_file file;
  const std::function<void(access_pointer)> changed;
  boost::asio::steady_timer timer; ///< of the loop's thread
  std::mutex mutex;
  bool is_stopped = false; // guarded by mutex, as is calling `changed`
};

allow_list_watch::allow_list_watch(boost::asio::io_context& loop, allow_list_file file,
                                   std::function<void(access_pointer)> changed)
    : state_(std::make_shared<state>(loop, std::move(file), std::move(changed))) {
  boost::asio::post(loop, [s = state_] { s->look(); });
}

allow_list_watch::~allow_list_watch() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_stopped = true;
  }
  auto& timer = state_->timer;
  boost::asio::post(timer.get_executor(), [s = std::move(state_)] { s->timer.cancel(); });
}

} // namespace troupe

#pragma once

#include "broker/access.hpp"
#include "messages/base/result.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace troupe {

using access_pointer = std::shared_ptr<const access_table>;

/// The allow-list in force: read at the start, and again when the file's content has changed and
/// stayed so for two looks, so that nothing is read that is half written. Of a file that is wrong
/// the log tells, and what was in force stays.
class allow_list_file {
public:
  /// Errors: those of the file.
  [[nodiscard]] static result<allow_list_file> load(std::filesystem::path file);

  [[nodiscard]] const access_pointer& table() const noexcept { return table_; }
  /// The new table when it has changed, else null. Call it every second or so.
  [[nodiscard]] access_pointer refresh();

private:
  explicit allow_list_file(std::filesystem::path file) : file_(std::move(file)) {}
  [[nodiscard]] result<access_pointer> parse(const std::string& text) const;

  std::filesystem::path file_;
  access_pointer table_;
  std::string tried_; ///< what was parsed last, or why it could not be read
  std::string seen_;  ///< at the last look
};

/// Looks at the file each second, on the loop, until it is destroyed.
class allow_list_watch {
public:
  allow_list_watch(boost::asio::io_context& loop, allow_list_file file,
                   std::function<void(access_pointer)> changed);
  /// Afterwards `changed` is not called any more. The loop still runs.
  ~allow_list_watch();
  allow_list_watch(const allow_list_watch&) = delete;
  allow_list_watch& operator=(const allow_list_watch&) = delete;

private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace troupe

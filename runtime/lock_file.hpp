#pragma once

#include "messages/base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace troupe {

/// A file that one process at a time holds (flock). The kernel lets go of it when the process ends,
/// however it ends; the file itself stays.
class lock_file {
public:
  /// Takes it without waiting, creating the file (mode 0600) and its folder when needed, and writes
  /// `pid N (<holder>)` into it for the one who comes second. Errors: `conflict` with that text and
  /// the file's name when another process holds it, `unavailable` when the file cannot be opened.
  [[nodiscard]] static result<lock_file> take(const std::filesystem::path& file,
                                              std::string_view holder);

  lock_file(lock_file&& other) noexcept;
  lock_file& operator=(lock_file&& other) noexcept;
  ~lock_file();

private:
  explicit lock_file(int descriptor) noexcept : descriptor_(descriptor) {}

  int descriptor_ = -1;
};

} // namespace troupe

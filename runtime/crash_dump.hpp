#pragma once

#include "messages/base/result.hpp"

#include <cstddef>
#include <filesystem>
#include <span>

namespace troupe {

/// While it lives, a piece of memory is written to a file when the process crashes (SIGSEGV,
/// SIGBUS, SIGFPE, SIGILL, SIGABRT), which then ends as it would have; and on SIGUSR2, and it goes
/// on. Before each writing the files of before move up: FILE.1 is the last one, at most old_dumps
/// are kept. A stack that has overflowed is not written down. At most one in a process.
class crash_dump {
public:
  static constexpr int old_dumps = 3;

  /// `memory` outlives it. Errors: `invalid_argument` when the file's folder is not there or not
  /// to be written, or the path is longer than 1,000 bytes; `conflict` when there is one already.
  [[nodiscard]] static result<crash_dump> begin(const std::filesystem::path& file,
                                                std::span<const std::byte> memory);
  crash_dump(crash_dump&& other) noexcept;
  crash_dump& operator=(crash_dump&&) = delete;
  ~crash_dump();

private:
  crash_dump() = default;
  bool is_mine_ = true;
};

} // namespace troupe

#include "runtime/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace troupe {
namespace {

std::string holder_of(int descriptor) {
  char text[200];
  const auto n = ::pread(descriptor, text, sizeof text, 0);
  std::string holder(text, n > 0 ? static_cast<std::size_t>(n) : 0);
  while (holder.ends_with('\n')) holder.pop_back();
  return holder.empty() ? "another process" : holder;
}

bool write_holder(int descriptor, std::string_view holder) {
  const std::string text = "pid " + std::to_string(::getpid()) + " (" + std::string(holder) + ")\n";
  return ::ftruncate(descriptor, 0) == 0 &&
         ::pwrite(descriptor, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

std::unexpected<error> cannot(const char* what, const std::filesystem::path& file, int code) {
  return fail(errc::unavailable, "cannot " + std::string(what) + ' ' + file.string() + ": " +
                                     std::system_category().message(code));
}

} // namespace

result<lock_file> lock_file::take(const std::filesystem::path& file, std::string_view holder) {
  std::error_code made;
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), made);
  if (made) return cannot("create the folder of", file, made.value());
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return cannot("open", file, errno);
  lock_file taken(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return cannot("lock", file, errno);
    return fail(errc::conflict, file.string() + " is held by " + holder_of(descriptor));
  }
  if (!write_holder(descriptor, holder)) return cannot("write", file, errno);
  return taken;
}

lock_file::lock_file(lock_file&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

lock_file& lock_file::operator=(lock_file&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

lock_file::~lock_file() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

} // namespace troupe

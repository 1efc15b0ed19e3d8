#pragma once

#include "broker/access.hpp"

#include <memory>
#include <string>

namespace troupe::wire {

/// Who may link to one broker: libzmq asks before it lets a connection in, and gets the peer's key
/// as the user id of its messages. The first one starts the process's one handler (RFC 27), a
/// thread that never ends; make it before the socket that names it. Any thread.
class zap_domain {
public:
  explicit zap_domain(std::shared_ptr<const access_table> table);
  ~zap_domain();
  zap_domain(const zap_domain&) = delete;
  zap_domain& operator=(const zap_domain&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Counts for connections to come.
  void change(std::shared_ptr<const access_table> table);
  /// This key is expected and not worth a line when it is refused.
  void expect(std::string public_key);

private:
  const std::string name_;
};

} // namespace troupe::wire

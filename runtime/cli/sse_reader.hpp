#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace troupe::cli {

struct sse_event {
  std::string name = "message";
  std::string data; ///< several data lines joined by newlines
};

/// Server-sent events out of bytes as they come, in pieces of any size. Comments (heartbeats), ids
/// and retry times are skipped, and so is what the stream's end cuts off. Lines past 1 MiB are cut.
class sse_reader {
public:
  explicit sse_reader(std::function<void(const sse_event&)> on_event)
      : on_event_(std::move(on_event)) {}

  void feed(std::string_view bytes);

private:
  void take_line(std::string_view line);

  std::function<void(const sse_event&)> on_event_;
  std::string line_;
  bool after_cr_ = false;
  bool has_data_ = false;
  sse_event event_;
};

} // namespace troupe::cli

#include "broker/zap_request.hpp"

namespace troupe::wire {

result<zap_request> read_zap_request(std::span<const std::string_view> frames) {
  const auto wrong = [](const char* what) { return fail(errc::invalid_argument, what); };
  if (frames.size() != zap_frames) return wrong("not a request of seven frames");
  if (frames[0] != "1.0") return wrong("another version of ZAP");
  if (frames[5] != "CURVE") return wrong("another mechanism than CURVE");
  if (frames[6].size() != curve_bytes) return wrong("a key is 32 bytes");
  return zap_request{frames[1], frames[2], frames[3], frames[6]};
}

} // namespace troupe::wire

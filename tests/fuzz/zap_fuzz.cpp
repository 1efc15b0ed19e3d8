// Goal: no frames pass for a request about a connection but such a request, and what is read of it
// lies in the frames. Method: the input cut into frames, each by a byte that says its length.
#include "broker/zap_request.hpp"
#include "tests/fuzz/require.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe::wire;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  std::vector<std::string_view> frames;
  while (!input.empty() && frames.size() < 10) {
    const auto length =
        std::min<std::size_t>(static_cast<unsigned char>(input[0]), input.size() - 1);
    frames.push_back(input.substr(1, length));
    input.remove_prefix(1 + length);
  }
  const auto asked = read_zap_request(frames);
  if (!asked) return 0;
  require(frames.size() == zap_frames && frames[0] == "1.0" && frames[5] == "CURVE");
  require(asked->key.size() == curve_bytes && asked->key.data() == frames[6].data());
  require(asked->domain == frames[2] && asked->id == frames[1]);
  return 0;
}

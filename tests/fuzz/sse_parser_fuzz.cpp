// Goal: no bytes make the SSE parser crash, and how they are cut does not change its events.
// Method: the first byte chooses the size of the pieces; the rest is fed whole and in pieces.
#include "adapters/llm/sse_parser.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

/// The events of `text` fed in pieces of `size`, as one string with marks between.
std::string parsed(std::string_view text, std::size_t size) {
  troupe::llm::sse_parser parser(4096);
  std::vector<troupe::llm::sse_event> out;
  while (!text.empty() && parser.feed(text.substr(0, size), out)) {
    text.remove_prefix(text.size() < size ? text.size() : size);
  }
  std::string all;
  for (const auto& each : out) all += each.event + '\x01' + each.data + '\x02';
  return all;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (parsed(text, text.size()) != parsed(text, std::size_t{1} + data[0])) std::abort();
  return 0;
}

// Goal: no file crashes who reads a flight recording, and what is read is no more than the file
// has. Method: the input is the file.
#include "broker/flight_file.hpp"
#include "tests/fuzz/require.hpp"

#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe;
  const auto read = wire::read_flight({reinterpret_cast<const char*>(data), size});
  if (!read) return 0;
  require(read->events.size() * sizeof(wire::flight_record) <= size);
  require(read->known.size() * sizeof(wire::flight_known) <= size);
  for (const auto& e : read->known) require(e.body.size() <= wire::flight_body_max);
  for (const auto& e : read->events) {
    require(e.body.size() <= wire::flight_body_max);
    require(e.header.svc.size() <= sizeof(wire::flight_record::svc));
    require(!wire::to_string(e.kind).empty());
  }
  return 0;
}

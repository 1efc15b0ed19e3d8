#include "runtime/cli/flight.hpp"

#include "runtime/cli/flight_text.hpp"
#include "runtime/cli/terminal.hpp"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

namespace troupe::cli {
namespace {

constexpr std::streamsize file_bytes_max = 256 << 20; ///< ours has 6 MiB

int refuse(const std::string& file, const std::string& why) {
  std::fprintf(stderr, "troupe flight: %s: %s\n", printable(file).c_str(), why.c_str());
  return 1;
}

} // namespace

int run_flight(const flight_options& options) {
  std::ifstream in(options.file, std::ios::binary);
  if (!in) return refuse(options.file, "cannot be read");
  std::string bytes;
  std::string block(1 << 20, '\0');
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())), in.gcount() > 0) {
    bytes.append(block, 0, static_cast<std::size_t>(in.gcount()));
    if (static_cast<std::streamsize>(bytes.size()) > file_bytes_max)
      return refuse(options.file, "too large for a flight recording");
  }
  const auto flight = wire::read_flight(bytes);
  if (!flight) return refuse(options.file, flight.error().message);
  if (!options.json)
    std::printf("%s%s\n", flight_title(*flight).c_str(), flight_head_line().c_str());
  for (const auto* events : {&flight->known, &flight->events})
    for (const auto& event : *events)
      std::printf("%s\n", options.json ? flight_json(event).c_str() : flight_line(event).c_str());
  return std::fflush(stdout) == 0 ? 0 : 1;
}

} // namespace troupe::cli

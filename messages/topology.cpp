#include "messages/topology.hpp"

#include <array>
#include <cstdio>

namespace troupe {

std::string instance_text(std::uint64_t incarnation) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(incarnation));
  return {text.data(), 16};
}

} // namespace troupe

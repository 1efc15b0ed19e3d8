#include "actors/prompt/embedding_rules.hpp"

#include <cmath>
#include <string>

namespace troupe::embedding_rules {

result<std::size_t> length_of(const std::optional<std::int64_t>& asked, std::uint32_t most) {
  if (!asked) return most;
  if (*asked >= 1 && *asked <= most) return static_cast<std::size_t>(*asked);
  return fail(errc::invalid_argument, "dimensions: must be between 1 and " + std::to_string(most),
              "dimensions");
}

std::vector<float> shortened(std::vector<float> vector, std::size_t length) {
  if (length >= vector.size()) return vector;
  vector.resize(length);
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * x;
  if (squares < 1e-12) {
    vector.assign(length, 0.f);
    vector[0] = 1.f;
    return vector;
  }
  const auto scale = static_cast<float>(1 / std::sqrt(squares));
  for (float& x : vector) x *= scale;
  return vector;
}

} // namespace troupe::embedding_rules

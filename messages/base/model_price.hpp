#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// What a model's tokens cost, in dollars a million tokens, which is millionths of a dollar a
/// token.
struct model_price {
  double input = 0;
  double output = 0;

  /// In millionths of a dollar, rounded up.
  [[nodiscard]] std::int64_t cost(std::int64_t input_tokens, std::int64_t output_tokens) const;
  bool operator==(const model_price&) const = default;
};

struct named_price {
  std::string model; ///< `*`: of every model without a price of its own
  model_price price;
  bool operator==(const named_price&) const = default;
};

/// `MODEL=INPUT/OUTPUT`, as in `gpt-4o=2.5/10`; numbers from 0 to 1,000,000. A model's name may
/// hold `=`.
[[nodiscard]] std::optional<named_price> parse_price(std::string_view text);

/// The price of a model: its own, else that of `*`.
[[nodiscard]] std::optional<model_price> price_of(const std::vector<named_price>& prices,
                                                  std::string_view model);

} // namespace troupe

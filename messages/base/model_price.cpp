#include "messages/base/model_price.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace troupe {
namespace {

constexpr double price_most = 1'000'000;

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto end = text.data() + text.size();
  const auto [at, failed] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (text.empty() || failed != std::errc() || at != end) return std::nullopt;
  if (!(value >= 0 && value <= price_most)) return std::nullopt;
  return value;
}

} // namespace

std::int64_t model_price::cost(std::int64_t input_tokens, std::int64_t output_tokens) const {
  const auto exact =
      input * static_cast<double>(input_tokens) + output * static_cast<double>(output_tokens);
  return static_cast<std::int64_t>(std::ceil(std::min(exact, 1e15)));
}

std::optional<named_price> parse_price(std::string_view text) {
  const auto is = text.rfind('=');
  const auto slash = text.rfind('/');
  if (is == text.npos || is == 0 || slash == text.npos || slash < is) return std::nullopt;
  const auto input = number_of(text.substr(is + 1, slash - is - 1));
  const auto output = number_of(text.substr(slash + 1));
  if (!input || !output) return std::nullopt;
  return named_price{std::string(text.substr(0, is)), {*input, *output}};
}

std::optional<model_price> price_of(const std::vector<named_price>& prices,
                                    std::string_view model) {
  for (const std::string_view name : {model, std::string_view("*")})
    if (const auto at = std::ranges::find(prices, name, &named_price::model); at != prices.end())
      return at->price;
  return std::nullopt;
}

} // namespace troupe

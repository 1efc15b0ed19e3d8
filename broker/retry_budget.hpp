#pragma once

#include <algorithm>

namespace troupe::wire {

/// Second attempts may be a tenth of all requests, so that they do not bring down what is left of a
/// service (Google SRE book, "Handling overload": retry budgets). A burst is free: the loss of a
/// broker sends what it held once more.
class retry_budget {
public:
  void earn() noexcept { left_ = std::min(left_ + 0.1, most); }
  [[nodiscard]] bool spend() noexcept {
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }

private:
  static constexpr double most = 1000;
  double left_ = most;
};

} // namespace troupe::wire

// Goal: /metrics shows a broker's services, and peers cannot fill it with names. Method: the gauges
// of this process, rendered.
#include "broker/service_metrics.hpp"
#include "messages/base/metrics.hpp"

#include <gtest/gtest.h>

namespace troupe::wire {
namespace {

bool has(const std::string& line) {
  return ('\n' + metrics::render()).contains('\n' + line + '\n');
}

TEST(service_metrics, a_service_has_gauges_of_its_own_and_hostile_names_share_one) {
  service_load one{"view-test", 2, 16, 3, {}, 1200, 50};
  one.waiting = {1, 2, 3, 4};
  publish_services({one, {"a\"b\n", 1, 5, 1, {}, 7, 1}, {"C", 1, 6, 1, {}, 9, 2}});
  EXPECT_TRUE(has("troupe_broker_service_workers{service=\"view-test\"} 2"));
  EXPECT_TRUE(has("troupe_broker_service_credit{service=\"view-test\"} 16"));
  EXPECT_TRUE(has("troupe_broker_service_in_flight{service=\"view-test\"} 3"));
  EXPECT_TRUE(has("troupe_broker_service_oldest_milliseconds{service=\"view-test\"} 1200"));
  EXPECT_TRUE(has("troupe_broker_service_queued{service=\"view-test\",priority=\"batch\"} 4"));
  EXPECT_TRUE(has("troupe_broker_service_credit{service=\"other\"} 11"));
  EXPECT_TRUE(has("troupe_broker_service_oldest_milliseconds{service=\"other\"} 9"));
  EXPECT_TRUE(has("troupe_broker_service_requests_total{service=\"view-test\"} 50"));
  EXPECT_TRUE(has("troupe_broker_service_requests_total{service=\"other\"} 3"));
  one.in_flight = 0;
  publish_services({one});
  EXPECT_TRUE(has("troupe_broker_service_in_flight{service=\"view-test\"} 0"));
}

TEST(service_metrics, the_number_of_series_is_bounded) {
  std::vector<service_load> many;
  for (int n = 0; n < 500; ++n) many.push_back({"flood" + std::to_string(n), 1, 1, 1, {}, 0, 0});
  publish_services(many);
  const auto all = metrics::render();
  std::size_t series = 0;
  for (auto at = all.find("troupe_broker_service_workers{"); at != std::string::npos;
       at = all.find("troupe_broker_service_workers{", at + 1))
    ++series;
  EXPECT_LE(series, service_series_max + 1);
}

} // namespace
} // namespace troupe::wire

// Goal: which brokers a node knows: DNS is a hint, what works is kept. Method: the pure list under
// virtual time.
#include "broker/broker_list.hpp"

#include <gtest/gtest.h>

namespace troupe::wire {
namespace {

using namespace std::chrono_literals;
using addresses = std::vector<std::string>;

const std::string a = "tcp://10.0.0.1:7700", b = "tcp://10.0.0.2:7700", c = "tcp://10.0.0.3:7700";

class list : public testing::Test {
protected:
  broker_list known_;
  broker_list::instant now_{1h};
};

TEST_F(list, has_what_dns_and_other_nodes_name_once) {
  known_.resolved({a, b});
  known_.heard(now_, {b, c});
  EXPECT_EQ(known_.all(), (addresses{a, b, c}));
}

TEST_F(list, takes_no_more_than_sixteen) {
  for (int n = 1; n < 30; ++n) known_.heard(now_, {"tcp://10.0.1." + std::to_string(n) + ":1"});
  EXPECT_EQ(known_.all().size(), brokers_max);
}

TEST_F(list, what_dns_names_comes_before_hearsay) {
  for (int n = 1; n < 30; ++n) known_.heard(now_, {"tcp://10.0.1." + std::to_string(n) + ":1"});
  known_.resolved({a});
  EXPECT_EQ(known_.all().size(), brokers_max);
  EXPECT_EQ(known_.all().back(), a);
}

TEST_F(list, dns_alone_removes_nothing) {
  known_.resolved({a});
  known_.linked(a, true);
  for (int n = 0; n < 9; ++n) known_.resolved({b});
  known_.prune(now_ + 1h);
  EXPECT_EQ(known_.all(), (addresses{a, b})) << "it works";
  known_.linked(a, false);
  known_.prune(now_ + 1h);
  EXPECT_EQ(known_.all(), addresses{b});
}

TEST_F(list, a_broker_that_fails_stays_while_dns_names_it) {
  known_.resolved({a});
  known_.resolved({});
  known_.resolved({});
  known_.prune(now_);
  EXPECT_EQ(known_.all(), addresses{a}) << "absent for two rounds";
  known_.resolved({});
  known_.prune(now_);
  EXPECT_TRUE(known_.all().empty());
}

TEST_F(list, what_others_are_linked_to_is_forgotten_after_half_a_minute) {
  known_.heard(now_, {a});
  known_.prune(now_ + 29s);
  EXPECT_EQ(known_.all(), addresses{a});
  known_.prune(now_ + 31s);
  EXPECT_TRUE(known_.all().empty());
}

} // namespace
} // namespace troupe::wire

// Goal: usage records reach the log at least once, under one name, in bounded memory. Method: pure
// steps.
#include "actors/log/record_outbox.hpp"

#include "messages/base/limits.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

log_input record(int n) {
  log_input in;
  in.message = std::to_string(n);
  return in;
}

TEST(record_outbox, one_batch_is_in_flight_and_the_rest_waits) {
  record_outbox box;
  box.add("ada", record(1));
  const auto first = box.take();
  ASSERT_TRUE(first);
  box.add("bob", record(2));
  EXPECT_FALSE(box.take());
  EXPECT_EQ(box.unacknowledged(), 2u);
  box.acknowledged();
  const auto second = box.take();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->users, std::vector<std::string>{"bob"});
  EXPECT_NE(first->batch, second->batch);
}

TEST(record_outbox, a_batch_sent_again_keeps_its_name_and_records) {
  record_outbox box;
  box.add("ada", record(1));
  const auto first = box.take();
  EXPECT_EQ(box.again(), *first);
}

TEST(record_outbox, a_batch_is_no_larger_than_the_log_takes) {
  record_outbox box;
  for (int i = 0; i < 1500; ++i) box.add("ada", record(i));
  EXPECT_EQ(box.take()->records.size(), limits::log_batch);
  box.acknowledged();
  EXPECT_EQ(box.take()->records.size(), 500u);
  box.acknowledged();
  EXPECT_EQ(box.unacknowledged(), 0u);
}

TEST(record_outbox, a_forgotten_users_waiting_records_go_and_those_in_flight_are_known) {
  record_outbox box;
  box.add("ada", record(1));
  ASSERT_TRUE(box.take());
  for (const auto* user : {"ada", "bob", "ada"}) box.add(user, record(2));
  EXPECT_EQ(box.forget("ada"), 2u);
  EXPECT_EQ(box.unacknowledged(), 2u);
  EXPECT_TRUE(box.is_sending("ada"));
  EXPECT_FALSE(box.is_sending("bob"));
  box.acknowledged();
  EXPECT_FALSE(box.is_sending("ada"));
  EXPECT_EQ(box.take()->users, std::vector<std::string>{"bob"});
}

TEST(record_outbox, a_log_that_is_gone_does_not_fill_the_memory) {
  record_outbox box;
  for (std::size_t i = 0; i < record_outbox::waiting_max * 2; ++i) box.add("ada", record(1));
  EXPECT_LE(box.unacknowledged(), record_outbox::waiting_max);
  EXPECT_GE(box.dropped(), record_outbox::waiting_max);
}

} // namespace
} // namespace troupe

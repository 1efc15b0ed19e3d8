// Goal: a file is indexed once at a time, and what left its store is not kept. Method: pure steps.
#include "actors/retrieval/index_queue.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

pending_file file(std::string store, std::string id) {
  return {"ada", std::move(store), std::move(id)};
}

TEST(index_queue, no_more_run_at_once_than_there_are_places) {
  index_queue queue(2);
  for (const auto* id : {"a", "b", "c"}) queue.add(file("s", id));
  pending_file out;
  EXPECT_TRUE(queue.next(out));
  EXPECT_TRUE(queue.next(out));
  EXPECT_FALSE(queue.next(out));
  EXPECT_TRUE(queue.finish("s", "a"));
  EXPECT_TRUE(queue.next(out));
  EXPECT_EQ(out.file_id, "c");
}

TEST(index_queue, a_file_that_waits_or_runs_is_not_added_again) {
  index_queue queue(1);
  queue.add(file("s", "a"));
  queue.add(file("s", "a"));
  pending_file out;
  ASSERT_TRUE(queue.next(out));
  queue.add(file("s", "a"));
  EXPECT_TRUE(queue.finish("s", "a"));
  EXPECT_FALSE(queue.next(out));
  EXPECT_TRUE(queue.idle());
}

TEST(index_queue, a_file_dropped_while_it_waits_never_runs) {
  index_queue queue(1);
  queue.add(file("s", "a"));
  queue.drop("s", "a");
  pending_file out;
  EXPECT_FALSE(queue.next(out));
}

TEST(index_queue, a_file_dropped_while_it_runs_is_not_wanted_when_done) {
  index_queue queue(1);
  queue.add(file("s", "a"));
  pending_file out;
  ASSERT_TRUE(queue.next(out));
  queue.drop("s", "a");
  EXPECT_FALSE(queue.finish("s", "a"));
}

TEST(index_queue, a_store_is_running_while_a_file_of_it_is) {
  index_queue queue(2);
  queue.add(file("s", "a"));
  queue.add(file("u", "a"));
  EXPECT_FALSE(queue.is_running("s"));
  pending_file out;
  while (queue.next(out)) {
  }
  EXPECT_TRUE(queue.is_running("s"));
  EXPECT_FALSE(queue.is_running("t"));
  EXPECT_TRUE(queue.is_running("u"));
  queue.drop_store("s");
  EXPECT_TRUE(queue.is_running("s")) << "dropped, but not done";
  EXPECT_FALSE(queue.finish("s", "a"));
  EXPECT_FALSE(queue.is_running("s"));
}

TEST(index_queue, dropping_a_store_drops_its_files_and_no_others) {
  index_queue queue(1);
  queue.add(file("s", "a"));
  queue.add(file("s", "b"));
  queue.add(file("t", "a"));
  pending_file out;
  ASSERT_TRUE(queue.next(out));
  queue.drop_store("s");
  EXPECT_FALSE(queue.finish("s", "a"));
  ASSERT_TRUE(queue.next(out));
  EXPECT_EQ(out.vector_store_id, "t");
}

} // namespace
} // namespace troupe

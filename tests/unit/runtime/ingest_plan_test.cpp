// Goal: which files are taken, and whether each is uploaded, skipped or replaced. Method: the pure
// plan on lists, and the walk over a scratch folder.
#include "runtime/cli/ingest_plan.hpp"
#include "tests/unit/runtime/scratch_folder.hpp"

#include <gtest/gtest.h>

namespace troupe::cli {
namespace {

local_file local(std::string name, std::string sha) {
  return {name, name, 1, std::move(sha)};
}

/// `name` or `name<id,id` for one that replaces, parted by blanks.
std::string uploads(const ingest_plan& plan) {
  std::string out;
  for (const auto& p : plan.uploads) {
    out += (out.empty() ? "" : " ") + p.file.name;
    for (const auto& id : p.outdated) out += "<" + id;
  }
  return out;
}

TEST(ingest_plan, new_files_are_uploaded_and_known_ones_skipped) {
  const auto plan =
      plan_ingest({local("a", "1"), local("b", "2")}, {{"f1", "a", "", "1", "completed"}});
  EXPECT_EQ(uploads(plan), "b");
  EXPECT_EQ(plan.skipped, 1u);
}

TEST(ingest_plan, other_content_of_the_same_name_replaces) {
  const auto plan = plan_ingest(
      {local("a", "2")}, {{"f1", "a", "", "1", "completed"}, {"f2", "b", "", "2", "completed"}});
  EXPECT_EQ(uploads(plan), "a<f1");
  EXPECT_EQ(plan.skipped, 0u);
}

TEST(ingest_plan, a_file_that_failed_is_brought_again_and_one_on_its_way_is_not) {
  const auto plan =
      plan_ingest({local("a", "1"), local("b", "1")},
                  {{"f1", "a", "", "1", "failed"}, {"f2", "b", "", "1", "in_progress"}});
  EXPECT_EQ(uploads(plan), "a<f1");
  EXPECT_EQ(plan.skipped, 1u);
}

TEST(ingest_plan, all_outdated_copies_go) {
  const auto plan = plan_ingest(
      {local("a", "3")}, {{"f1", "a", "", "1", "completed"}, {"f2", "a", "", "2", "failed"}});
  EXPECT_EQ(uploads(plan), "a<f1<f2");
}

TEST(ingest_plan, a_path_tells_files_of_one_name_apart) {
  const auto plan = plan_ingest({local("readme.md", "1"), local("sub/readme.md", "3")},
                                {{"f1", "readme.md", "readme.md", "1", "completed"},
                                 {"f2", "readme.md", "sub/readme.md", "2", "completed"},
                                 {"f3", "readme.md", "other/readme.md", "9", "completed"}});
  EXPECT_EQ(uploads(plan), "sub/readme.md<f2");
  EXPECT_EQ(plan.skipped, 1u);
}

TEST(ingest_plan, below_the_folder_a_file_name_is_enough_to_skip_and_not_to_replace) {
  const std::vector<stored_file> stored{{"f1", "a.md", "", "1", "completed"}};
  EXPECT_EQ(plan_ingest({local("sub/a.md", "1")}, stored).skipped, 1u);
  EXPECT_EQ(uploads(plan_ingest({local("sub/a.md", "2")}, stored)), "sub/a.md");
}

TEST(find_files, takes_readable_kinds_and_passes_over_hidden_ones) {
  const test::scratch_folder folder;
  for (const char* name :
       {"b.MD", "sub/a.html", "sub/deep/c.txt", "x.png", ".hidden.md", ".git/config.md"}) {
    folder.write("docs/" + std::string(name), "text");
  }
  folder.write("docs/empty.md", "");
  auto found = find_files({folder.path() / "docs"});
  ASSERT_TRUE(found);
  std::string names;
  for (const auto& f : found->files) names += f.name + ' ';
  EXPECT_EQ(names, "b.MD sub/a.html sub/deep/c.txt ");
  EXPECT_EQ(found->empty, 1u);
}

TEST(find_files, a_named_file_is_taken_whatever_its_ending) {
  const test::scratch_folder folder;
  const auto file = folder.write("LICENSE", "text");
  auto found = find_files({file, file});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->files.size(), 1u);
  EXPECT_EQ(found->files[0].name, "LICENSE");
  EXPECT_EQ(found->files[0].bytes, 4u);
}

TEST(find_files, equal_names_from_two_folders_are_told_apart) {
  const test::scratch_folder folder;
  folder.write("a/readme.md", "1");
  folder.write("b/readme.md", "2");
  auto found = find_files({folder.path() / "a", folder.path() / "b/"});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->files.size(), 2u);
  EXPECT_EQ(found->files[0].name, "b/readme.md");
  EXPECT_EQ(found->files[1].name, "readme.md");
}

TEST(find_files, a_path_that_is_not_there_is_an_error) {
  auto found = find_files({"/nonexistent/docs"});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, "/nonexistent/docs: there is no such file or folder");
}

TEST(find_files, the_digest_is_sha_256) {
  const test::scratch_folder folder;
  EXPECT_EQ(sha256_of(folder.write("a", "abc")).value(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_FALSE(sha256_of(folder.path() / "missing"));
}

} // namespace
} // namespace troupe::cli

// Goal: what the backbone promises holds whatever fails. Method: clusters of the real state
// machines in virtual time, each from one seed, and a checker of their histories that is itself
// tried on mutants.
#include "tests/sim/mutants.hpp"
#include "tests/sim/world.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>

namespace {

using namespace troupe;

int replay(std::uint64_t seed, bool has_trace) {
  const auto end = sim::run(sim::plan_of(seed), {}, [&](const std::string& line) {
    if (has_trace) std::puts(line.c_str());
  });
  for (const auto& wrong : end.wrongs) std::printf("seed %lu: %s\n", seed, wrong.c_str());
  std::printf(
      "seed %lu: %zu requests, %zu finished, %zu messages, %zu lost, %zu kills, %zu freezes, "
      "%zu partitions\n",
      seed, end.asked, end.finished, end.frames, end.losses, end.kills, end.freezes, end.cuts);
  return end.wrongs.empty() ? 0 : 1;
}

int run_seeds(std::uint64_t first, std::uint64_t count) {
  sim::outcome all;
  std::uint64_t failed = 0;
  for (auto seed = first; seed < first + count; ++seed) {
    const auto end = sim::run(sim::plan_of(seed));
    all.asked += end.asked;
    all.finished += end.finished;
    all.frames += end.frames;
    all.kills += end.kills;
    if (end.wrongs.empty()) continue;
    ++failed;
    std::printf("seed %lu: %s\n", seed, end.wrongs.front().c_str());
  }
  std::printf("%lu seeds, %lu failed; %zu requests, %zu finished, %zu messages, %zu kills\n", count,
              failed, all.asked, all.finished, all.frames, all.kills);
  if (failed > 0) std::puts("replay one with --seed N --trace");
  return failed == 0 ? 0 : 1;
}

int try_mutants(std::uint64_t seeds) {
  int missed = 0;
  for (const auto& mutant : sim::mutants()) {
    std::uint64_t seed = 1;
    sim::outcome end;
    for (; seed <= seeds && end.wrongs.empty(); ++seed) {
      end = sim::run(sim::plan_of(seed), mutant);
    }
    const bool is_caught = !end.wrongs.empty();
    missed += is_caught ? 0 : 1;
    std::printf(
        "%-6s %s%s\n", is_caught ? "caught" : "MISSED", mutant.name.c_str(),
        is_caught ? (" (seed " + std::to_string(seed - 1) + ": " + end.wrongs.front() + ")").c_str()
                  : "");
  }
  return missed == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Simulates clusters of the backbone and checks what they promise.\n"
      "  sim                        300 seeds\n"
      "  sim --seeds 5000           more of them\n"
      "  sim --seed 17 --trace      one, with all that happens in it\n"
      "  sim --mutants              tries the checker itself"};
  std::uint64_t seed = 0, first = 1, seeds = 300;
  bool has_trace = false, has_mutants = false;
  app.add_option("--seed", seed, "replays this one");
  app.add_option("--first", first, "seed to begin with");
  app.add_option("--seeds", seeds, "how many");
  app.add_flag("--trace", has_trace, "prints what happens; with --seed");
  app.add_flag("--mutants", has_mutants, "every planted mistake must be caught within the seeds");
  CLI11_PARSE(app, argc, argv);
  if (has_mutants) return try_mutants(seeds);
  return seed != 0 ? replay(seed, has_trace) : run_seeds(first, seeds);
}

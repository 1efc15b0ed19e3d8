// Goal: what the backbone promises holds whatever fails. Method: clusters of the real state
// machines in virtual time, each from one seed, and a checker of their histories that is itself
// tried on mutants.
#include "tests/sim/mutants.hpp"
#include "tests/sim/replay.hpp"
#include "tests/sim/world.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>

namespace {

using namespace troupe;

int replay(std::uint64_t seed, bool has_trace) {
  sim::watchers who;
  if (has_trace) who.trace = [](const std::string& line) { std::puts(line.c_str()); };
  const auto end = sim::run(sim::plan_of(seed), {}, who);
  for (const auto& wrong : end.wrongs) std::printf("seed %lu: %s\n", seed, wrong.c_str());
  std::printf(
      "seed %lu: %zu requests, %zu finished, %zu messages, %zu lost, %zu repeated, %zu kills, "
      "%zu freezes, %zu partitions\n",
      seed, end.asked, end.finished, end.frames, end.losses, end.repeats, end.kills, end.freezes,
      end.cuts);
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

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void print(const wire::flight& flight, const sim::replayed& end) {
  for (const auto& wrong : end.wrongs) std::printf("%s\n", wrong.c_str());
  std::printf("%zu inputs; of %zu frames sent then, %zu are sent again, %zu are not", end.inputs,
              end.outputs, end.same, end.different);
  if (flight.lost > 0)
    std::printf("; %zu of calls that began before the recording and %zu beats are not compared",
                end.incomparable, end.beats);
  std::puts("");
  if (!flight.is_known_whole)
    std::puts("what was known of the peers before is lost: it was being changed");
  if (flight.left_out > 0) std::printf("%lu peers are left out\n", flight.left_out);
}

/// What a broker's flight recorder wrote down. 0: the same again, 1: something is different, or
/// a promise is broken, 2: no recording, 3: too little could be compared.
int replay_flight(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto flight = wire::read_flight(bytes);
  if (!flight) {
    std::printf("%s: %s\n", file.c_str(), flight.error().message.c_str());
    return 2;
  }
  const auto end = sim::replay(*flight);
  print(*flight, end);
  if (!end.wrongs.empty() || end.different > 0) return 1;
  if (end.is_enough()) return 0;
  std::puts("too little could be compared");
  return 3;
}

/// Every life of every broker of these seeds, recorded and replayed.
int replay_flights(std::uint64_t first, std::uint64_t count) {
  std::size_t flights = 0, frames = 0, failed = 0;
  for (auto seed = first; seed < first + count; ++seed) {
    sim::watchers who;
    who.flight = [&](std::span<const std::byte> image) {
      ++flights;
      const auto flight = wire::read_flight(as_text(image));
      const auto end = flight && flight->lost == 0 ? sim::replay(*flight) : sim::replayed{};
      frames += end.outputs;
      if (end.inputs > 0 && end.wrongs.empty() && end.same == end.outputs) return;
      ++failed;
      std::printf("seed %lu: %s\n", seed,
                  end.wrongs.empty() ? "no recording" : end.wrongs.front().c_str());
    };
    (void)sim::run(sim::plan_of(seed), {}, who);
  }
  std::printf("%lu seeds, %zu flights replayed, %zu failed; %zu frames sent again\n", count,
              flights, failed, frames);
  return failed == 0 && frames > 0 ? 0 : 1;
}

/// Whether somebody says HELLO in it.
bool greets(const wire::flight& in) {
  return std::ranges::any_of(in.events, [](const wire::flight_event& e) {
    return e.kind == wire::flight_kind::received && e.header.type == wire::frame::hello;
  });
}

/// The same with recordings that have lost their beginning. What they still know of the peers must
/// be what makes them comparable.
int replay_short_flights(std::uint64_t first, std::uint64_t count, std::uint32_t records) {
  std::size_t flights = 0, failed = 0, same_with = 0, same_without = 0;
  sim::replayed all;
  for (auto seed = first; seed < first + count; ++seed) {
    sim::watchers who;
    who.flight_records = records;
    who.flight = [&](std::span<const std::byte> image) {
      auto flight = wire::read_flight(as_text(image));
      if (flight && flight->lost == 0) return;
      const auto end = flight ? sim::replay(*flight) : sim::replayed{};
      ++flights;
      all.outputs += end.outputs;
      all.same += end.same;
      all.different += end.different;
      all.incomparable += end.incomparable;
      all.beats += end.beats;
      if (flight && !greets(*flight)) {
        same_with += end.same;
        flight->known.clear();
        same_without += sim::replay(*flight).same;
      }
      if (end.inputs > 0 && end.wrongs.empty()) return;
      ++failed;
      std::printf("seed %lu: %s\n", seed,
                  end.wrongs.empty() ? "no recording" : end.wrongs.front().c_str());
    };
    (void)sim::run(sim::plan_of(seed), {}, who);
  }
  std::printf(
      "%lu seeds, %zu short flights replayed, %zu failed; of %zu frames %zu sent again, %zu "
      "not, %zu of earlier calls, %zu beats; where nobody comes anew %zu, without the table %zu\n",
      count, flights, failed, all.outputs, all.same, all.different, all.incomparable, all.beats,
      same_with, same_without);
  return failed == 0 && all.is_enough() && same_with > 0 && same_without == 0 ? 0 : 1;
}

/// The recording of the first broker life of a seed, as a dying broker would write it.
int record_flight(std::uint64_t seed, const std::string& file) {
  sim::watchers who;
  bool is_written = false;
  who.flight = [&](std::span<const std::byte> image) {
    if (std::exchange(is_written, true)) return;
    std::ofstream(file, std::ios::binary) << as_text(image);
  };
  (void)sim::run(sim::plan_of(seed), {}, who);
  return is_written && std::ifstream(file) ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Simulates clusters of the backbone and checks what they promise.\n"
      "  sim                        300 seeds\n"
      "  sim --seeds 5000           more of them\n"
      "  sim --seed 17 --trace      one, with all that happens in it\n"
      "  sim --mutants              tries the checker itself\n"
      "  sim --replay FILE          feeds a broker what its flight recorder kept\n"
      "  sim --flights --seeds 20   records and replays every broker of these seeds\n"
      "  sim --flights --records N  the same with recordings that have lost their beginning"};
  std::uint64_t seed = 0, first = 1, seeds = 300;
  bool has_trace = false, has_mutants = false, has_flights = false;
  std::uint32_t records = 0;
  std::string flight, record;
  app.add_option("--seed", seed, "replays this one");
  app.add_option("--first", first, "seed to begin with");
  app.add_option("--seeds", seeds, "how many");
  app.add_flag("--trace", has_trace, "prints what happens; with --seed");
  app.add_flag("--mutants", has_mutants, "every planted mistake must be caught within the seeds");
  app.add_option("--replay", flight, "a file of a flight recorder");
  app.add_flag("--flights", has_flights, "what is recorded replays to the same frames");
  app.add_option("--records", records, "how many events a recording has; with --flights");
  app.add_option("--record", record, "writes a broker's recording to this file; with --seed");
  CLI11_PARSE(app, argc, argv);
  if (!flight.empty()) return replay_flight(flight);
  if (has_flights && records > 0) return replay_short_flights(first, seeds, records);
  if (has_flights) return replay_flights(first, seeds);
  if (!record.empty()) return record_flight(seed == 0 ? 1 : seed, record);
  if (has_mutants) return try_mutants(seeds);
  return seed != 0 ? replay(seed, has_trace) : run_seeds(first, seeds);
}

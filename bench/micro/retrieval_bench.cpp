// Goal: what a search, a put and the built-in embedder cost.
// Method: a store of generated passages whose words follow Zipf's law, as written language does, so
// that frequent words have long lists; each search goes through the index's threads, as in service.
#include "adapters/documents/document_reader.hpp"
#include "adapters/vector/passage_index.hpp"

#include <benchmark/benchmark.h>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <random>

namespace troupe {
namespace {

namespace fs = std::filesystem;

template <class T, class Ask>
T wait_for(Ask ask) {
  std::promise<result<T>> promise;
  ask(reply<T>([&promise](result<T> value) { promise.set_value(std::move(value)); }));
  return promise.get_future().get().value();
}

/// Words in the frequencies of language: the n-th is 1/n as frequent as the first.
class language {
public:
  explicit language(unsigned seed) : random_(seed) {}

  std::string words(int count) {
    std::string text;
    for (int n = 0; n < count; ++n) {
      const double u = std::uniform_real_distribution<>(0, 1)(random_);
      const auto rank = static_cast<int>(std::pow(50'000.0, u));
      text += "word" + std::to_string(rank) + (n % 15 == 14 ? ". " : " ");
    }
    return text;
  }

private:
  std::mt19937 random_;
};

class folder {
public:
  folder() {
    auto pattern = (fs::temp_directory_path() / "troupe-bench-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  std::string file() const { return (path_ / "prompt.db").string(); }

private:
  fs::path path_;
};

/// A hundredth of the passages is in the store `small`, the rest in `large`.
struct filled_index {
  folder place;
  std::unique_ptr<passage_index> index;

  explicit filled_index(int passages)
      : index(open_passage_index(place.file(), make_hashing_embedder()).value()) {
    language text(1);
    constexpr int per_file = 100;
    for (int made = 0; made < passages; made += per_file) {
      std::vector<passage> file;
      for (int n = 0; n < per_file; ++n)
        file.push_back({static_cast<std::uint32_t>(n), text.words(4), text.words(180)});
      const std::string store = made * 100 < passages ? "small" : "large";
      wait_for<std::int64_t>([&](auto answer) {
        index->put(store, "file-" + std::to_string(made), std::move(file), std::move(answer));
      });
    }
  }
};

filled_index& index_of(int passages) {
  static std::map<int, filled_index> known;
  return known.try_emplace(passages, passages).first->second;
}

void search(benchmark::State& state, const std::string& store, ranking how) {
  auto& index = *index_of(static_cast<int>(state.range(0))).index;
  language text(2);
  std::vector<std::string> questions;
  for (int n = 0; n < 64; ++n) questions.push_back(text.words(10));
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(wait_for<std::vector<passage_hit>>([&](auto answer) {
      index.search({{store}, {}}, questions[next++ % questions.size()], 10, how, std::move(answer));
    }));
  }
}

void search_bm25(benchmark::State& state) {
  search(state, "large", ranking::bm25);
}
void search_automatic(benchmark::State& state) {
  search(state, "large", ranking::automatic);
}
void search_small_store(benchmark::State& state) {
  search(state, "small", ranking::automatic);
}
BENCHMARK(search_bm25)->Arg(5'000)->Arg(100'000)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(search_automatic)->Arg(5'000)->Arg(100'000)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(search_small_store)
    ->Arg(5'000)
    ->Arg(100'000)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

void put_file_of_ten_passages(benchmark::State& state) {
  const folder place;
  const auto index = open_passage_index(place.file(), make_hashing_embedder()).value();
  language text(3);
  std::vector<passage> file;
  for (std::uint32_t n = 0; n < 10; ++n) file.push_back({n, text.words(4), text.words(180)});
  int made = 0;
  for (auto _ : state)
    wait_for<std::int64_t>([&](auto answer) {
      index->put("store", "file-" + std::to_string(made++), file, std::move(answer));
    });
}
BENCHMARK(put_file_of_ten_passages)->UseRealTime()->Unit(benchmark::kMicrosecond);

void embed_passage(benchmark::State& state) {
  const auto embedder = make_hashing_embedder();
  const auto text = language(4).words(180);
  for (auto _ : state) benchmark::DoNotOptimize(embedder->embed(text));
}
BENCHMARK(embed_passage)->Unit(benchmark::kMicrosecond);

void read_markdown_of_100_kilobytes(benchmark::State& state) {
  const auto reader = make_document_reader();
  language words(5);
  std::string text;
  while (text.size() < 100'000) text += "## " + words.words(3) + "\n\n" + words.words(150) + "\n\n";
  for (auto _ : state)
    benchmark::DoNotOptimize(wait_for<std::vector<passage>>(
        [&](auto answer) { reader->read("a.md", text, std::move(answer)); }));
}
BENCHMARK(read_markdown_of_100_kilobytes)->UseRealTime()->Unit(benchmark::kMicrosecond);

} // namespace
} // namespace troupe

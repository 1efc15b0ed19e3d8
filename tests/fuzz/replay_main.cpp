// Goal: a fuzz target runs in every build, also without libFuzzer. Method: each file of the corpus
// as it is, then N mutations of the corpus; the seed is fixed, so that a failure comes back.
//   x_fuzz [--mutations N] [--seed S] FILE-OR-FOLDER…
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void collect(const std::filesystem::path& place, std::vector<std::string>& corpus) {
  if (!std::filesystem::is_directory(place)) {
    corpus.push_back(contents(place));
    return;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(place)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end()); // the order of a folder is not fixed
  for (const auto& file : files) corpus.push_back(contents(file));
}

class mutator {
public:
  mutator(const std::vector<std::string>& corpus, unsigned seed) : corpus_(corpus), random_(seed) {}

  std::string next() {
    std::string out = pick();
    for (std::size_t changes = 1 + below(6); changes > 0; --changes) change(out);
    return out;
  }

private:
  std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }
  const std::string& pick() { return corpus_[below(corpus_.size())]; }

  void change(std::string& out) {
    const std::size_t at = below(out.size());
    switch (below(7)) {
      case 0: // another byte
        if (!out.empty()) out[at] = static_cast<char>(random_());
        break;
      case 1: // one bit
        if (!out.empty()) out[at] = static_cast<char>(out[at] ^ (1 << below(8)));
        break;
      case 2:
        out.resize(at);
        break;
      case 3:
        out.erase(at, 1 + below(8));
        break;
      case 4:
        out.insert(at, 1 + below(4), interesting());
        break;
      case 5:
        out.insert(at, out.substr(below(out.size()), below(32)));
        break;
      default: { // a piece of another input
        const std::string& other = pick();
        out.insert(at, other.substr(below(other.size()), below(64)));
      }
    }
  }

  char interesting() {
    static constexpr std::string_view bytes("\0\x01\x7f\x80\xff{}[]\",:\\\r\n-0 u", 20);
    return bytes[below(bytes.size())];
  }

  const std::vector<std::string>& corpus_;
  std::mt19937 random_;
};

} // namespace

int main(int argc, char** argv) {
  unsigned long mutations = 10000, seed = 1;
  std::vector<std::string> corpus{""};
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--mutations" && i + 1 < argc)
      mutations = std::strtoul(argv[++i], nullptr, 10);
    else if (flag == "--seed" && i + 1 < argc)
      seed = std::strtoul(argv[++i], nullptr, 10);
    else if (std::filesystem::exists(flag))
      collect(flag, corpus);
    else
      std::fprintf(stderr, "no corpus at %s\n", argv[i]);
  }
  for (const std::string& input : corpus) run(input);
  mutator changed(corpus, static_cast<unsigned>(seed));
  for (unsigned long i = 0; i < mutations; ++i) run(changed.next());
  std::printf("%zu inputs and %lu mutations (seed %lu) ran\n", corpus.size(), mutations, seed);
  return 0;
}

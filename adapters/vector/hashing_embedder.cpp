#include "adapters/vector/codepoints.hpp"
#include "adapters/vector/passage_index.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace troupe {
namespace {

using vector_detail::front;
using vector_detail::is_unspaced;

constexpr float trigram_weight = 0.3f; // of a word's own: many trigrams make one word

/// Lower case for ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic: what the common alphabets
/// need, independent of the process's locale.
char32_t lower(char32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 32;
  if (c < 0x80) return c;
  if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
  if (c >= 0x100 && c <= 0x137) return c | 1;
  if (c >= 0x391 && c <= 0x3A9) return c + 32;
  if (c >= 0x410 && c <= 0x42F) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  return c;
}

bool is_word_character(char32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  if (c < 0xC0 || c == 0xD7 || c == 0xF7 || c == 0xFFFD) return false;
  const bool punctuation = (c >= 0x2000 && c <= 0x206F) || (c >= 0x3000 && c <= 0x3004) ||
                           (c >= 0x3008 && c <= 0x3020) || (c >= 0xFF00 && c <= 0xFF0F) ||
                           (c >= 0xFF1A && c <= 0xFF20);
  return !punctuation;
}

std::uint64_t hash(const char32_t* first, std::size_t count, std::uint64_t seed) {
  std::uint64_t value = 0xCBF29CE484222325ull ^ seed; // FNV-1a, then a finishing mix
  for (std::size_t n = 0; n < count; ++n) value = (value ^ first[n]) * 0x100000001B3ull;
  value = (value ^ (value >> 33)) * 0xFF51AFD7ED558CCDull;
  value = (value ^ (value >> 33)) * 0xC4CEB9FE1A85EC53ull;
  return value ^ (value >> 33);
}

class hashing_embedder final : public embedder {
public:
  explicit hashing_embedder(std::uint32_t dimensions) : dimensions_(std::max(dimensions, 1u)) {}

  std::uint32_t dimensions() const noexcept override { return dimensions_; }

  std::vector<float> embed(std::string_view text) const override {
    std::vector<float> vector(dimensions_, 0.f);
    std::u32string word;
    while (!text.empty()) {
      const auto next = front(text);
      text.remove_prefix(next.bytes);
      const char32_t c = lower(next.value);
      if (is_word_character(c)) word += c;
      if (!is_word_character(c) || text.empty() || word.size() >= word_characters_max) {
        add_word(vector, word);
        word.clear();
      }
    }
    normalise(vector);
    return vector;
  }

private:
  static constexpr std::size_t word_characters_max = 64;

  void add_feature(std::vector<float>& to, const char32_t* first, std::size_t count,
                   std::uint64_t seed, float weight) const {
    const auto value = hash(first, count, seed);
    to[value % dimensions_] += (value >> 63) != 0 ? weight : -weight;
  }

  void add_word(std::vector<float>& to, const std::u32string& word) const {
    if (word.empty()) return;
    if (is_unspaced(word[0])) { // a run of several words: pairs of characters stand for them
      const auto step = std::min<std::size_t>(word.size(), 2);
      for (std::size_t at = 0; at + step <= word.size(); ++at)
        add_feature(to, word.data() + at, step, 3, 1.f);
      return;
    }
    add_feature(to, word.data(), word.size(), 1, 1.f);
    const std::u32string marked = U'\x02' + word + U'\x03';
    for (std::size_t at = 0; at + 3 <= marked.size(); ++at)
      add_feature(to, marked.data() + at, 3, 2, trigram_weight);
  }

  void normalise(std::vector<float>& vector) const {
    double squares = 0;
    for (const float x : vector) squares += static_cast<double>(x) * x;
    if (squares < 1e-12) { // nothing in it, or everything cancelled out
      std::ranges::fill(vector, 0.f);
      vector[0] = 1.f;
      return;
    }
    const auto scale = static_cast<float>(1 / std::sqrt(squares));
    for (float& x : vector) x *= scale;
  }

  const std::uint32_t dimensions_;
};

} // namespace

std::shared_ptr<const embedder> make_hashing_embedder(std::uint32_t dimensions) {
  return std::make_shared<hashing_embedder>(dimensions);
}

} // namespace troupe

#include "adapters/vector/passage_search.hpp"

#include "adapters/vector/codepoints.hpp"
#include "adapters/vector/fts.hpp"
#include "adapters/vector/passage_tables.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <ranges>
#include <set>
#include <string_view>

namespace troupe::vector_detail {
namespace {

// Chosen on two public collections, see README.md; both gain or stay within 0.001 of BM25 alone.
constexpr std::size_t feedback_passages = 5;
constexpr std::size_t feedback_terms = 10;
constexpr std::uint32_t feedback_candidates = 300; // of BM25's, ranked anew
constexpr double question_share = 0.9;             // of the weight; the rest goes to added words
constexpr std::int64_t statistics_rows_min = 200;  // in a smaller index frequencies say nothing
constexpr double feedback_commonness = 0.1;        // words in more rows than this are not added

constexpr std::size_t query_terms_max = 256;
constexpr std::size_t query_bytes_max = 16u << 10;
constexpr std::size_t places_in_match = 32; // more stores are filtered row by row
constexpr std::int64_t common_from = 1000;  // words in so many rows are remembered
constexpr float near_cosine = 0.35f;        // texts that only share letters stay below
constexpr std::ptrdiff_t near_rows_max = 20'000;

double rarity(std::int64_t rows, std::int64_t with) {
  const double n = static_cast<double>(with);
  return std::log(1 + (static_cast<double>(std::max(rows, with)) - n + 0.5) / (n + 0.5));
}

std::vector<std::string> known_of(const std::vector<std::string>& places) {
  std::vector<std::string> known;
  std::ranges::copy_if(places, std::back_inserter(known),
                       [](auto& place) { return !place.empty(); });
  return known;
}

std::string json_list(const std::vector<std::string>& words) {
  std::string list = "[";
  for (const auto& word : words)
    list.append(list.size() > 1 ? ",\"" : "\"").append(word).append("\"");
  return list += ']';
}

} // namespace

passage_search::passage_search(connection& on, const embedder& vectors)
    : on_(on), vectors_(vectors) {
  on.execute(
      "create virtual table if not exists temp.passage_terms"
      " using fts5vocab(main, passage_words, row)");
  find_store_ = on.prepare("select number from passage_store where id=?1");
  find_rows_ = on.prepare("select id from passage where place=?1 and file=?2");
  rows_with_ = on.prepare("select doc from temp.passage_terms where term=?1");
  rows_with_prefix_ = on.prepare(
      "select sum(doc) from temp.passage_terms"
      " where term>=?1 and term<?1||char(0x10FFFF)");
  rank_ = on.prepare(
      "select rowid, passage_rank(passage_words, ?2, ?4) as score from passage_words"
      " where passage_words match ?1 order by score desc, rowid limit ?3");
  rank_listed_ = on.prepare(
      "select rowid, passage_rank(passage_words, ?2, ?4) as score from passage_words"
      " where passage_words match ?1 and (select place from passage where id=passage_words.rowid)"
      " in (select value from json_each(?5)) order by score desc, rowid limit ?3");
  load_ = on.prepare("select place,file,ordinal,heading,text from passage where id=?1");
  near_ = on.prepare(
      "select id,vector from passage where place in (select value from json_each(?1))"
      " limit ?2");
  near_row_ = on.prepare("select id,vector from passage where id=?1");
}

std::vector<passage_hit> passage_search::find(const search_scope& scope, const std::string& query,
                                              std::uint32_t max, ranking how, std::int64_t rows) {
  max = std::clamp<std::uint32_t>(max, 1, 50);
  // One snapshot for all statements of a search: ids found by one are there for the next.
  on_.execute("begin");
  struct ending {
    connection& on;
    ~ending() { sqlite3_exec(on.raw(), "rollback", nullptr, nullptr, nullptr); }
  } const end{on_};
  const auto places = places_of(scope.store_ids);
  auto question = terms_of(query, rows);
  leave_out_common(question, rows);
  if (places.empty() || question.empty()) return {};
  const auto allowed = scope.files ? rows_of(*scope.files, places, scope.store_ids) : row_ids();
  if (scope.files && allowed.empty()) return {};
  const bool feedback = how == ranking::automatic && rows >= statistics_rows_min;
  auto found = rank(places, question, feedback ? feedback_candidates : max, allowed);
  if (feedback && found.size() > 1) {
    row_ids among;
    for (const auto& each : found) among.push_back(each.id);
    std::ranges::sort(among);
    found = rank(places, with_feedback(question, found, rows), max, among);
  }
  if (found.size() > max) found.resize(max);
  if (how == ranking::automatic && !found.empty() && found.size() < max)
    add_near(places, allowed, query, max, found);
  return load(found, places, scope.store_ids);
}

/// In the order of `stores`; empty for a store that the index does not know.
std::vector<std::string> passage_search::places_of(const std::vector<std::string>& stores) {
  std::vector<std::string> places;
  bool any = false;
  for (const auto& store : stores) {
    const reset_guard guard(find_store_);
    const bool known = find_store_.bind(1, store).step();
    places.push_back(known ? place_word(find_store_.integer(0)) : std::string());
    any = any || known;
  }
  return any ? places : std::vector<std::string>();
}

/// The passages of these files, where the index has any.
passage_search::row_ids passage_search::rows_of(const std::vector<file_place>& files,
                                                const std::vector<std::string>& places,
                                                const std::vector<std::string>& stores) {
  std::unordered_map<std::string_view, std::string_view> known;
  for (std::size_t n = 0; n < stores.size(); ++n) known.emplace(stores[n], places[n]);
  row_ids found;
  for (const auto& file : files) {
    const auto at = known.find(file.vector_store_id);
    if (at == known.end() || at->second.empty()) continue;
    const reset_guard guard(find_rows_);
    find_rows_.bind(1, at->second).bind(2, file.file_id);
    while (find_rows_.step()) found.push_back(find_rows_.integer(0));
  }
  std::ranges::sort(found);
  const auto repeated = std::ranges::unique(found); // a file may be named twice
  found.erase(repeated.begin(), repeated.end());
  return found;
}

passage_search::terms passage_search::terms_of(const std::string& query, std::int64_t rows) {
  terms made;
  const std::string_view text = std::string_view(query).substr(0, query_bytes_max);
  each_token(on_.raw(), text, [&](const token& word) {
    if (made.size() >= query_terms_max && !made.contains(word.stem)) return;
    auto [at, fresh] = made.try_emplace(word.stem);
    if (!fresh) {
      at->second.weight += 1;
      return;
    }
    at->second.written = text.substr(word.start, word.end - word.start);
    const auto first = front(at->second.written);
    at->second.prefix = is_unspaced(first.value) && first.bytes == at->second.written.size();
  });
  for (auto& [stem, word] : made) {
    word.rows = rows_with(stem, word.prefix, rows);
    word.rarity = rarity(rows, word.rows);
  }
  return made;
}

/// Counting the rows of a frequent word means reading its list. Those counts are kept until the
/// index has grown or shrunk by a tenth; rare words, whose counts matter more, are always counted.
std::int64_t passage_search::rows_with(const std::string& stem, bool prefix, std::int64_t rows) {
  if (std::abs(rows - common_rows_) * 10 > common_rows_) {
    common_.clear();
    common_rows_ = rows;
  }
  if (const auto known = common_.find(stem); !prefix && known != common_.end())
    return known->second;
  auto& counted = prefix ? rows_with_prefix_ : rows_with_;
  const reset_guard guard(counted);
  const auto with = counted.bind(1, stem).step() ? counted.integer(0) : 0;
  if (!prefix && with >= common_from && common_.size() < 10'000) common_.emplace(stem, with);
  return with;
}

/// Words that nobody wrote find nothing; those in most rows of a large index say next to nothing
/// and cost the most. The latter stay when there are no others.
void passage_search::leave_out_common(terms& question, std::int64_t rows) const {
  std::erase_if(question, [](const auto& each) { return each.second.rows == 0; });
  if (rows < statistics_rows_min) return;
  const auto common = [rows](const auto& each) { return each.second.rows * 2 > rows; };
  if (!std::ranges::all_of(question, common)) std::erase_if(question, common);
}

/// Adds the words that tell the best passages apart: in at least two of them, rare elsewhere.
passage_search::terms passage_search::with_feedback(const terms& question,
                                                    const std::vector<scored>& best,
                                                    std::int64_t rows) {
  struct candidate {
    std::string written;
    double worth = 0;
    int passages = 0;
  };
  std::map<std::string, candidate> candidates;
  const auto count = std::min(best.size(), feedback_passages);
  double all_scores = 0;
  for (std::size_t n = 0; n < count; ++n) all_scores += best[n].score;
  for (std::size_t n = 0; n < count; ++n) {
    const reset_guard guard(load_);
    if (!load_.bind(1, best[n].id).step()) continue;
    const auto text = std::string(load_.text(3)) + '\n' + std::string(load_.text(4));
    std::map<std::string, std::pair<token, int>> words;
    double length = 0;
    each_token(on_.raw(), text, [&](const token& word) {
      ++words.try_emplace(word.stem, word, 0).first->second.second;
      ++length;
    });
    for (const auto& [stem, word] : words) {
      if (question.contains(stem)) continue;
      auto& to = candidates[stem];
      if (to.written.empty())
        to.written = text.substr(word.first.start, word.first.end - word.first.start);
      const double often = word.second;
      to.worth += best[n].score / all_scores * often / (often + bm25_k1 * (0.25 + length / 200));
      ++to.passages;
    }
  }
  std::vector<std::pair<double, query_term>> added;
  for (const auto& [stem, each] : candidates) {
    if (each.passages < 2) continue;
    const auto with = rows_with(stem, false, rows);
    if (with < 2 || static_cast<double>(with) > feedback_commonness * static_cast<double>(rows))
      continue;
    const double rare = rarity(rows, with);
    added.push_back({each.worth * rare, {each.written, false, 0, rare, with}});
  }
  const auto kept = std::min(added.size(), feedback_terms);
  std::ranges::partial_sort(added, added.begin() + static_cast<std::ptrdiff_t>(kept),
                            std::greater<>(), [](const auto& each) { return each.first; });
  added.resize(kept);
  double question_weight = 0, worth = 0;
  for (const auto& [stem, word] : question) question_weight += word.weight;
  for (const auto& each : added) worth += each.first;
  auto all = question;
  if (added.empty()) return all;
  for (auto& [stem, word] : all) word.weight *= question_share / question_weight;
  for (auto& [value, word] : added) {
    word.weight = (1 - question_share) * value / worth;
    all.emplace('\n' + word.written, word); // a key that no stem has
  }
  return all;
}

std::vector<passage_search::scored> passage_search::rank(const std::vector<std::string>& places,
                                                         const terms& words, std::uint32_t max,
                                                         const row_ids& among) {
  const auto known = known_of(places);
  const bool listed = known.size() > places_in_match;
  std::string match;
  std::vector<double> weights;
  double most = 0; // what a passage would get that is full of every word
  const auto add = [&](std::string_view phrase, bool prefix, double weight) {
    match.append(weights.empty() || match.ends_with('(') ? "" : " OR ").append("\"");
    match.append(phrase).append(prefix ? "\"*" : "\"");
    weights.push_back(weight);
  };
  if (!listed) {
    match += "place : (";
    for (const auto& place : known) add(place, false, 0);
    match += ") AND ";
  }
  match += "{heading text} : (";
  for (const auto& [stem, word] : words) {
    add(word.written, word.prefix, word.weight * word.rarity);
    most += weights.back() * (bm25_k1 + 1);
  }
  match += ')';
  auto& query = listed ? rank_listed_ : rank_;
  const auto list = listed ? json_list(known) : std::string();
  const reset_guard guard(query);
  query.bind(1, match).bind_blob(2, weights.data(), weights.size() * sizeof(double));
  query.bind(3, static_cast<std::int64_t>(max));
  query.bind_blob(4, among.data(), among.size() * sizeof(std::int64_t));
  if (listed) query.bind(5, list);
  std::vector<scored> found;
  while (query.step() && query.real(1) > 0)
    found.push_back({query.integer(0), std::clamp(query.real(1) / most, 0.0, 1.0)});
  return found;
}

/// Calls `look_at` with the id and vector of at most near_rows_max rows.
template <class Look>
void passage_search::each_vector(const std::vector<std::string>& places, const row_ids& among,
                                 Look look_at) {
  if (among.empty()) {
    const auto list = json_list(known_of(places));
    const reset_guard guard(near_);
    near_.bind(1, list).bind(2, static_cast<std::int64_t>(near_rows_max));
    while (near_.step()) look_at(near_);
  }
  for (const auto id : among | std::views::take(near_rows_max)) {
    const reset_guard guard(near_row_);
    if (near_row_.bind(1, id).step()) look_at(near_row_);
  }
}

/// Fills up with passages that share parts of words (compounds, misspellings, other endings), all
/// below the ones that have a word of the question.
void passage_search::add_near(const std::vector<std::string>& places, const row_ids& among,
                              const std::string& query, std::uint32_t max,
                              std::vector<scored>& found) {
  const auto wanted = vectors_.embed(query);
  std::set<std::int64_t> have;
  for (const auto& hit : found) have.insert(hit.id);
  std::vector<scored> near;
  std::vector<float> vector(wanted.size());
  const auto look_at = [&](const statement& row) {
    const auto bytes = row.text(1);
    if (bytes.size() != vector.size() * sizeof(float) || have.contains(row.integer(0))) return;
    std::memcpy(vector.data(), bytes.data(), bytes.size());
    float cosine = 0;
    for (std::size_t n = 0; n < vector.size(); ++n) cosine += wanted[n] * vector[n];
    if (cosine >= near_cosine) near.push_back({row.integer(0), cosine});
  };
  each_vector(places, among, look_at);
  std::ranges::sort(near, [](const scored& a, const scored& b) {
    return a.score != b.score ? a.score > b.score : a.id < b.id;
  });
  const double ceiling = found.back().score;
  for (const auto& each : near) {
    if (found.size() >= max) break;
    found.push_back({each.id, ceiling * std::min(each.score, 1.0) * 0.999});
  }
}

std::vector<passage_hit> passage_search::load(const std::vector<scored>& found,
                                              const std::vector<std::string>& places,
                                              const std::vector<std::string>& stores) {
  std::vector<passage_hit> hits;
  for (const auto& each : found) {
    const reset_guard guard(load_);
    if (!load_.bind(1, each.id).step()) continue;
    const auto store = std::ranges::find(places, load_.text(0)) - places.begin();
    hits.push_back({stores[static_cast<std::size_t>(store)], std::string(load_.text(1)),
                    static_cast<std::uint32_t>(load_.integer(2)), std::string(load_.text(4)),
                    each.score});
  }
  return hits;
}

} // namespace troupe::vector_detail

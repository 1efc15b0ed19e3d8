#include "adapters/vector/fts.hpp"

#include "adapters/vector/codepoints.hpp"

#include <sqlite3.h>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

namespace troupe::vector_detail {
namespace {

using token_callback = int (*)(void*, int, const char*, int, int, int);

fts5_api* api_of(sqlite3* connection) {
  fts5_api* api = nullptr;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(connection, "select fts5(?1)", -1, &statement, nullptr) == SQLITE_OK) {
    sqlite3_bind_pointer(statement, 1, &api, "fts5_api_ptr", nullptr);
    sqlite3_step(statement);
  }
  sqlite3_finalize(statement);
  return api;
}

/// SQLite's own `porter unicode61`, with runs of unspaced scripts taken apart.
struct pair_tokenizer {
  fts5_tokenizer inner{};
  Fts5Tokenizer* inner_state = nullptr;

  ~pair_tokenizer() {
    if (inner_state != nullptr) inner.xDelete(inner_state);
  }
};

int create_tokenizer(void* context, const char**, int, Fts5Tokenizer** out) {
  auto* api = static_cast<fts5_api*>(context);
  std::unique_ptr<pair_tokenizer> made(new (std::nothrow) pair_tokenizer);
  if (!made) return SQLITE_NOMEM;
  void* inner_context = nullptr;
  if (const int rc = api->xFindTokenizer(api, "porter", &inner_context, &made->inner);
      rc != SQLITE_OK)
    return rc;
  // Marks are part of words: the vowel signs of Indian scripts are marks.
  std::array<const char*, 5> arguments{"unicode61", "remove_diacritics", "2", "categories",
                                       "L* N* Co Mn Mc"};
  if (const int rc = made->inner.xCreate(inner_context, arguments.data(),
                                         static_cast<int>(arguments.size()), &made->inner_state);
      rc != SQLITE_OK)
    return rc;
  *out = reinterpret_cast<Fts5Tokenizer*>(made.release());
  return SQLITE_OK;
}

void delete_tokenizer(Fts5Tokenizer* tokenizer) {
  delete reinterpret_cast<pair_tokenizer*>(tokenizer);
}

struct splitting {
  void* context;
  token_callback next;
  const char* text; ///< the whole input
  bool for_query;
};

/// A piece of a word: the stem is taken for spaced scripts, the text's own bytes for the others.
int emit_run(const splitting& to, std::size_t start, std::size_t end) {
  const auto send = [&](std::size_t first, std::size_t last) {
    return to.next(to.context, 0, to.text + first, static_cast<int>(last - first),
                   static_cast<int>(first), static_cast<int>(last));
  };
  std::size_t previous = start;
  std::size_t at = start + front({to.text + start, end - start}).bytes;
  if (at >= end) return send(start, end);
  while (at < end) {
    const auto next = at + front({to.text + at, end - at}).bytes;
    if (const int rc = send(previous, next); rc != SQLITE_OK) return rc;
    previous = at;
    at = next;
  }
  // The last character once more, alone: with the prefixes of the pairs, a query of a single
  // character finds every place where it stands.
  return to.for_query ? SQLITE_OK : send(previous, end);
}

int split_token(void* context, int flags, const char* stem, int size, int start, int end) {
  const auto& to = *static_cast<splitting*>(context);
  const auto first = static_cast<std::size_t>(start), last = static_cast<std::size_t>(end);
  const auto unspaced_at = [&](std::size_t at) {
    const auto c = front({to.text + at, last - at});
    return is_unspaced(c.value);
  };
  bool any = false;
  for (auto at = first; at < last && !any; at += front({to.text + at, last - at}).bytes)
    any = unspaced_at(at);
  if (!any) return to.next(to.context, flags, stem, size, start, end);
  for (auto at = first; at < last;) {
    const bool unspaced = unspaced_at(at);
    auto run = at;
    while (run < last && unspaced_at(run) == unspaced)
      run += front({to.text + run, last - run}).bytes;
    if (unspaced) {
      if (const int rc = emit_run(to, at, run); rc != SQLITE_OK) return rc;
    } else { // a Latin word inside a run, such as `APIキー`: in lower case, unstemmed
      std::string word(to.text + at, run - at);
      for (auto& c : word)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
      if (const int rc = to.next(to.context, 0, word.data(), static_cast<int>(word.size()),
                                 static_cast<int>(at), static_cast<int>(run));
          rc != SQLITE_OK)
        return rc;
    }
    at = run;
  }
  return SQLITE_OK;
}

int tokenize(Fts5Tokenizer* tokenizer, void* context, int flags, const char* text, int size,
             token_callback next) {
  auto& self = *reinterpret_cast<pair_tokenizer*>(tokenizer);
  splitting to{context, next, text, (flags & FTS5_TOKENIZE_QUERY) != 0};
  return self.inner.xTokenize(self.inner_state, &to, flags, text, size, split_token);
}

/// Of the whole table, once a query.
struct rank_statistics {
  double mean_length = 1;
};

rank_statistics* statistics_of(const Fts5ExtensionApi* api, Fts5Context* fts) {
  if (auto* known = static_cast<rank_statistics*>(api->xGetAuxdata(fts, 0))) return known;
  auto* made = new (std::nothrow) rank_statistics;
  if (made == nullptr) return nullptr;
  sqlite3_int64 rows = 0, headings = 0, texts = 0;
  api->xRowCount(fts, &rows);
  api->xColumnTotalSize(fts, 1, &headings);
  api->xColumnTotalSize(fts, 2, &texts);
  if (rows > 0 && headings + texts > 0)
    made->mean_length = static_cast<double>(headings + texts) / static_cast<double>(rows);
  const auto forget = [](void* old) { delete static_cast<rank_statistics*>(old); };
  const int rc = api->xSetAuxdata(fts, made, forget);
  return rc == SQLITE_OK ? made : nullptr; // on failure SQLite has deleted it
}

/// Whether the sorted row ids of `among` (none: any) have this row.
bool is_among(sqlite3_value* among, sqlite3_int64 row) {
  const auto count = static_cast<std::size_t>(sqlite3_value_bytes(among)) / sizeof row;
  if (count == 0) return true;
  const auto* bytes = static_cast<const char*>(sqlite3_value_blob(among));
  std::size_t first = 0, last = count;
  while (first < last) {
    const auto middle = first + (last - first) / 2;
    sqlite3_int64 at = 0;
    std::memcpy(&at, bytes + middle * sizeof at, sizeof at);
    if (at == row) return true;
    if (at < row)
      first = middle + 1;
    else
      last = middle;
  }
  return false;
}

/// passage_rank(table, weights, among): the table's columns are place, heading, text.
void passage_rank(const Fts5ExtensionApi* api, Fts5Context* fts, sqlite3_context* context,
                  int count, sqlite3_value** arguments) {
  const int phrases = api->xPhraseCount(fts);
  const auto* statistics = statistics_of(api, fts);
  if (statistics == nullptr) return sqlite3_result_error_nomem(context);
  if (count != 2 || sqlite3_value_bytes(arguments[0]) != phrases * static_cast<int>(sizeof(double)))
    return sqlite3_result_error(context, "passage_rank wants a double for each phrase", -1);
  if (!is_among(arguments[1], api->xRowid(fts))) return sqlite3_result_double(context, 0);
  std::vector<double> weights(static_cast<std::size_t>(phrases)), frequencies(weights.size());
  if (phrases > 0)
    std::memcpy(weights.data(), sqlite3_value_blob(arguments[0]), weights.size() * sizeof(double));
  int instances = 0;
  if (const int rc = api->xInstCount(fts, &instances); rc != SQLITE_OK)
    return sqlite3_result_error_code(context, rc);
  for (int n = 0; n < instances; ++n) {
    int phrase = 0, column = 0, offset = 0;
    if (const int rc = api->xInst(fts, n, &phrase, &column, &offset); rc != SQLITE_OK)
      return sqlite3_result_error_code(context, rc);
    if (column > 0)
      frequencies[static_cast<std::size_t>(phrase)] += column == 1 ? heading_weight : 1.0;
  }
  int heading_size = 0, text_size = 0;
  api->xColumnSize(fts, 1, &heading_size);
  api->xColumnSize(fts, 2, &text_size);
  const double length = (heading_size + text_size) / statistics->mean_length;
  const double normal = bm25_k1 * (1 - bm25_b + bm25_b * length);
  double score = 0;
  for (std::size_t n = 0; n < weights.size(); ++n)
    score += weights[n] * frequencies[n] * (bm25_k1 + 1) / (frequencies[n] + normal);
  sqlite3_result_double(context, score);
}

} // namespace

bool register_fts(sqlite3* connection) {
  auto* api = api_of(connection);
  if (api == nullptr) return false;
  fts5_tokenizer tokenizer{create_tokenizer, delete_tokenizer, tokenize};
  return api->xCreateTokenizer(api, "troupe", api, &tokenizer, nullptr) == SQLITE_OK &&
         api->xCreateFunction(api, "passage_rank", nullptr, passage_rank, nullptr) == SQLITE_OK;
}

void each_token(sqlite3* connection, std::string_view text,
                const std::function<void(const token&)>& take) {
  auto* api = api_of(connection);
  fts5_tokenizer tokenizer{};
  void* context = nullptr;
  Fts5Tokenizer* state = nullptr;
  if (api == nullptr || api->xFindTokenizer(api, "troupe", &context, &tokenizer) != SQLITE_OK ||
      tokenizer.xCreate(context, nullptr, 0, &state) != SQLITE_OK)
    return;
  const auto next = [](void* to, int, const char* stem, int size, int start, int end) {
    (*static_cast<const std::function<void(const token&)>*>(to))(
        {std::string(stem, static_cast<std::size_t>(size)), static_cast<std::size_t>(start),
         static_cast<std::size_t>(end)});
    return SQLITE_OK;
  };
  auto* to = const_cast<void*>(static_cast<const void*>(&take));
  tokenizer.xTokenize(state, to, FTS5_TOKENIZE_QUERY, text.data(), static_cast<int>(text.size()),
                      next);
  tokenizer.xDelete(state);
}

} // namespace troupe::vector_detail

#pragma once

#include "actors/ports/file_place.hpp"
#include "actors/ports/purge_step.hpp"
#include "messages/base/reply.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// A piece of a document that is found and cited as one.
struct passage {
  std::uint32_t ordinal = 0; ///< from 0, in the document's order
  std::string heading;       ///< the path of headings above it, `A > B`; may be empty
  std::string text;          ///< UTF-8, 1 to about 1,600 bytes
};

/// Bytes to passages. Runs on a thread of the adapter. Errors: `unsupported_media` (nobody reads
/// this type), `invalid_argument` (not UTF-8, nothing in it), `overloaded`.
class document_reader {
public:
  virtual ~document_reader() = default;
  /// The type follows from the name's extension: .md .markdown .html .htm .txt and other text.
  virtual void read(std::string filename, std::string bytes,
                    reply<std::vector<passage>> answer) = 0;
};

struct passage_hit {
  std::string vector_store_id;
  std::string file_id;
  std::uint32_t ordinal = 0;
  std::string text;
  double score = 0; ///< higher is better, 0 to 1, comparable within one answer
};

/// What a search may find.
struct search_scope {
  std::vector<std::string> store_ids;
  std::optional<std::vector<file_place>> files; ///< if given, passages of these files only
};

/// How to rank: BM25 alone, or BM25 with what the vectors add.
enum class ranking : std::uint8_t { bm25, automatic };

/// Passages with their words and vectors. Asynchronous, durable before the reply, replies on a
/// thread of the adapter. It does not know owners: the caller names stores that it may search.
class passage_index {
public:
  virtual ~passage_index() = default;
  /// Replaces the file's passages in this store, atomically. Answers the bytes that they take.
  virtual void put(std::string store_id, std::string file_id, std::vector<passage> passages,
                   reply<std::int64_t> answer) = 0;
  virtual void remove_file(std::string store_id, std::string file_id, reply<done> answer) = 0;
  virtual void remove_store(std::string store_id, reply<done> answer) = 0;
  /// remove_store in steps of at most `max` (from 1) passages; counts them.
  virtual void purge_store(std::string store_id, std::uint32_t max, reply<purge_step> answer) = 0;
  /// The best `max` (1 to 50) of the scope, best first. Any text is a query; one without a known
  /// word finds nothing.
  virtual void search(search_scope scope, std::string query, std::uint32_t max, ranking how,
                      reply<std::vector<passage_hit>> answer) = 0;
};

/// Text to a unit vector. Pure, thread-safe, microseconds.
class embedder {
public:
  virtual ~embedder() = default;
  [[nodiscard]] virtual std::uint32_t dimensions() const noexcept = 0;
  [[nodiscard]] virtual std::vector<float> embed(std::string_view text) const = 0;
};

} // namespace troupe

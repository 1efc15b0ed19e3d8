#pragma once

#include "messages/base/values.hpp"

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Messages of the service `retrieval`: files, vector stores, search. Shapes are OpenAI's.
namespace troupe {

struct file_view {
  std::string id; ///< `file-…`
  std::string object = "file";
  std::int64_t bytes = 0;
  std::int64_t created_at = 0; ///< Unix seconds
  std::string filename;
  std::string purpose;
  std::string status = "processed";
  std::string sha256; ///< hex; Troupe's addition, `troupe ingest` compares it
  bool operator==(const file_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(file_view, (),
                      (id, object, bytes, created_at, filename, purpose, status, sha256))

struct create_file_request {
  std::string filename;
  std::string purpose;
  byte_string content;
  bool operator==(const create_file_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(create_file_request, (), (filename, purpose, content))

struct list_files_request {
  std::uint32_t limit = 10000;
  std::string order = "desc";
  std::string after;
  std::string before;
  std::string user;
  std::string purpose; ///< only files of this purpose; empty: all
  bool operator==(const list_files_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(list_files_request, (), (limit, order, after, before, user, purpose))

struct file_list {
  std::string object = "list";
  std::vector<file_view> data;
  nullable<std::string> first_id;
  nullable<std::string> last_id;
  bool has_more = false;
  bool operator==(const file_list&) const = default;
};
BOOST_DESCRIBE_STRUCT(file_list, (), (object, data, first_id, last_id, has_more))

struct get_file_request {
  std::string file_id;
  bool operator==(const get_file_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(get_file_request, (), (file_id))

/// Streamed: the bytes come as deltas, the reply says what they were.
struct file_content_request {
  std::string file_id;
  bool operator==(const file_content_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(file_content_request, (), (file_id))

struct file_chunk {
  byte_string bytes; ///< at most limits::partial_bytes
  bool operator==(const file_chunk&) const = default;
};
BOOST_DESCRIBE_STRUCT(file_chunk, (), (bytes))

struct delete_file_request {
  std::string file_id;
  bool operator==(const delete_file_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(delete_file_request, (), (file_id))

struct file_counts {
  std::int64_t in_progress = 0, completed = 0, failed = 0, cancelled = 0, total = 0;
  bool operator==(const file_counts&) const = default;
};
BOOST_DESCRIBE_STRUCT(file_counts, (), (in_progress, completed, failed, cancelled, total))

struct store_view {
  std::string id; ///< `vs_…`
  std::string object = "vector_store";
  std::int64_t created_at = 0;
  std::string name;
  std::int64_t usage_bytes = 0;
  std::string status = "completed"; ///< `in_progress` while a file is being indexed
  file_counts file_counts_;
  nullable<std::int64_t> last_active_at;
  json_text metadata{"{}"};
  bool operator==(const store_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(store_view, (),
                      (id, object, created_at, name, usage_bytes, status, file_counts_,
                       last_active_at, metadata))

struct create_store_request {
  std::string name;                                 ///< at most 200 bytes
  std::optional<std::vector<std::string>> file_ids; ///< at most 500; all of them, or no store
  json_text metadata;                               ///< an object
  bool operator==(const create_store_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(create_store_request, (), (name, file_ids, metadata))

struct list_stores_request {
  std::uint32_t limit = 20;
  std::string order = "desc";
  std::string after;
  std::string before;
  std::string user;
  bool operator==(const list_stores_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(list_stores_request, (), (limit, order, after, before, user))

struct store_list {
  std::string object = "list";
  std::vector<store_view> data;
  nullable<std::string> first_id;
  nullable<std::string> last_id;
  bool has_more = false;
  bool operator==(const store_list&) const = default;
};
BOOST_DESCRIBE_STRUCT(store_list, (), (object, data, first_id, last_id, has_more))

struct get_store_request {
  std::string vector_store_id;
  bool operator==(const get_store_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(get_store_request, (), (vector_store_id))

struct delete_store_request {
  std::string vector_store_id;
  bool operator==(const delete_store_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(delete_store_request, (), (vector_store_id))

struct file_error {
  std::string code; ///< `unsupported_file`, `invalid_file`, `server_error`
  std::string message;
  bool operator==(const file_error&) const = default;
};
BOOST_DESCRIBE_STRUCT(file_error, (), (code, message))

struct store_file_view {
  std::string id; ///< the file's
  std::string object = "vector_store.file";
  std::int64_t created_at = 0;
  std::string vector_store_id;
  std::string status = "in_progress"; ///< in_progress, completed, cancelled, failed
  nullable<file_error> last_error;
  std::int64_t usage_bytes = 0;
  json_text attributes{"{}"};
  bool operator==(const store_file_view&) const = default;
};
BOOST_DESCRIBE_STRUCT(store_file_view, (),
                      (id, object, created_at, vector_store_id, status, last_error, usage_bytes,
                       attributes))

struct attach_file_request {
  std::string vector_store_id;
  std::string file_id;
  json_text attributes; ///< an object of strings, numbers, booleans, see codec/attributes.hpp
  bool operator==(const attach_file_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(attach_file_request, (), (vector_store_id, file_id, attributes))

struct list_store_files_request {
  std::string vector_store_id;
  std::uint32_t limit = 20;
  std::string order = "desc";
  std::string after;
  std::string before;
  std::string filter; ///< a status, or empty
  bool operator==(const list_store_files_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(list_store_files_request, (),
                      (vector_store_id, limit, order, after, before, filter))

struct store_file_list {
  std::string object = "list";
  std::vector<store_file_view> data;
  nullable<std::string> first_id;
  nullable<std::string> last_id;
  bool has_more = false;
  bool operator==(const store_file_list&) const = default;
};
BOOST_DESCRIBE_STRUCT(store_file_list, (), (object, data, first_id, last_id, has_more))

struct get_store_file_request {
  std::string vector_store_id;
  std::string file_id;
  bool operator==(const get_store_file_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(get_store_file_request, (), (vector_store_id, file_id))

struct detach_file_request {
  std::string vector_store_id;
  std::string file_id;
  bool operator==(const detach_file_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(detach_file_request, (), (vector_store_id, file_id))

struct search_request {
  std::string vector_store_id; ///< from the path
  std::vector<std::string>
      vector_store_ids; ///< asked by prompt: several; empty and no id: all of the caller's
  json_text query;      ///< a string or an array of strings
  std::uint32_t max_num_results = 10; ///< 1 to 50
  json_text ranking_options;          ///< `{ranker, score_threshold}`; ranker `bm25` skips fusion
  json_text filters;                 ///< over the files' attributes, see codec/attribute_filter.hpp
  std::optional<bool> rewrite_query; ///< taken and ignored: a query is searched as it was written
  bool operator==(const search_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(search_request, (),
                      (vector_store_id, vector_store_ids, query, max_num_results, ranking_options,
                       filters, rewrite_query))

struct search_content {
  std::string type = "text";
  std::string text;
  bool operator==(const search_content&) const = default;
};
BOOST_DESCRIBE_STRUCT(search_content, (), (type, text))

struct search_hit {
  std::string file_id;
  std::string filename;
  double score = 0; ///< higher is better, 0 to 1
  json_text attributes{"{}"};
  std::vector<search_content> content;
  bool operator==(const search_hit&) const = default;
};
BOOST_DESCRIBE_STRUCT(search_hit, (), (file_id, filename, score, attributes, content))

struct search_reply {
  std::string object = "vector_store.search_results.page";
  std::vector<std::string> search_query;
  std::vector<search_hit> data; ///< best first
  bool has_more = false;
  nullable<std::string> next_page;
  bool operator==(const search_reply&) const = default;
};
BOOST_DESCRIBE_STRUCT(search_reply, (), (object, search_query, data, has_more, next_page))

/// Deletes the user's files, vector stores and passages. See TROUPE_INTERNAL_METHODS.
struct purge_documents_request {
  std::string user; ///< the owner's id
  bool operator==(const purge_documents_request&) const = default;
};
BOOST_DESCRIBE_STRUCT(purge_documents_request, (), (user))

} // namespace troupe

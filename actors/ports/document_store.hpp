#pragma once

#include "actors/ports/file_place.hpp"
#include "actors/ports/purge_step.hpp"
#include "messages/base/reply.hpp"
#include "messages/codec/attribute_filter.hpp"
#include "messages/documents.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

/// A page of a list ordered by creation (and id). `after` and `before` are ids in that list.
struct page_query {
  std::uint32_t limit = 20;
  bool ascending = false;
  std::string after;
  std::string before;
};

template <class T>
struct page {
  std::vector<T> items;
  bool has_more = false;
};

/// Files and their bytes. Every call names the owner; another's object is `not_found`.
/// Asynchronous, durable before the reply; replies come on a thread of the adapter. Errors as in
/// user_store.
class file_store {
public:
  virtual ~file_store() = default;
  virtual void insert_file(std::string user, file_view file, std::string bytes,
                           reply<done> answer) = 0;
  virtual void get_file(std::string user, std::string id, reply<file_view> answer) = 0;
  /// The bytes, whole (at most limits::body_bytes).
  virtual void read_file(std::string user, std::string id, reply<std::string> answer) = 0;
  virtual void list_files(std::string user, std::string purpose, page_query query,
                          reply<page<file_view>> answer) = 0;
  /// Also detaches it from every store; answers the stores that it was in.
  virtual void delete_file(std::string user, std::string id,
                           reply<std::vector<std::string>> answer) = 0;
  /// Deletes at most `max` (from 1) of the user's files, less when they have limits::purge_bytes;
  /// also detaches them. Counts the files.
  virtual void purge(std::string user, std::uint32_t max, reply<purge_step> answer) = 0;
};

/// A file of a store that still waits to be indexed.
struct pending_file {
  std::string user;
  std::string vector_store_id;
  std::string file_id;
};

/// What a search tells of a file beside its passages.
struct placed_file {
  file_place place;
  std::string filename;
  json_text attributes; ///< those it has in that store
};

/// Vector stores and the files in them (not their passages: see passage_index). As file_store.
class store_catalog {
public:
  virtual ~store_catalog() = default;
  /// The store with these files attached, `in_progress`, or nothing at all. `not_found` with param
  /// `file_ids[N]`; a file that is named twice is attached once.
  virtual void insert_store(std::string user, store_view store, std::vector<std::string> file_ids,
                            reply<done> answer) = 0;
  /// With counts, usage and status computed.
  virtual void get_store(std::string user, std::string id, reply<store_view> answer) = 0;
  virtual void list_stores(std::string user, page_query query, reply<page<store_view>> answer) = 0;
  virtual void delete_store(std::string user, std::string id, reply<done> answer) = 0;
  /// All ids of the user's stores, at most 1,000, newest first.
  virtual void store_ids(std::string user, reply<std::vector<std::string>> answer) = 0;

  /// Attaches with status `in_progress`; a file that is in already is left as it is and answered.
  /// `not_found` with param `file_id` or `vector_store_id`.
  virtual void attach(std::string user, store_file_view entry, reply<store_file_view> answer) = 0;
  /// `not_found` with param `file_id` when it is not attached any more.
  virtual void set_status(std::string store_id, std::string file_id, std::string status,
                          nullable<file_error> why, std::int64_t usage_bytes,
                          reply<done> answer) = 0;
  virtual void get_entry(std::string user, std::string store_id, std::string file_id,
                         reply<store_file_view> answer) = 0;
  virtual void list_entries(std::string user, std::string store_id, std::string status,
                            page_query query, reply<page<store_file_view>> answer) = 0;
  virtual void detach(std::string user, std::string store_id, std::string file_id,
                      reply<done> answer) = 0;
  /// Detaches at most `max` (from 1) files from the user's stores and counts them: what waits to be
  /// indexed is `pending` no more, while the stores are there still and say whose passages must go.
  virtual void detach_all(std::string user, std::uint32_t max, reply<purge_step> answer) = 0;
  /// The files in these stores whose attributes match, each with its store; none of an unknown one.
  virtual void matching_files(std::string user, std::vector<std::string> store_ids,
                              attribute_filter filter, reply<std::vector<file_place>> answer) = 0;
  /// Those of `places` (a search's, at most 50) that are attached still, in their order.
  virtual void describe(std::string user, std::vector<file_place> places,
                        reply<std::vector<placed_file>> answer) = 0;
  /// Everything `in_progress`, at most 10,000: what a restart goes on with.
  virtual void pending(reply<std::vector<pending_file>> answer) = 0;
};

} // namespace troupe

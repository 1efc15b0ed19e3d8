#include "actors/retrieval/retrieval_actor.hpp"

#include "actors/retrieval/retrieval_background.hpp"
#include "actors/retrieval/retrieval_rules.hpp"
#include "actors/support/unix_time.hpp"
#include "messages/base/limits.hpp"
#include "messages/codec/chat_json.hpp"

#include <unordered_map>

namespace troupe {
namespace {

namespace rules = retrieval_rules;

/// A file on its way out, in pieces, as the consumer grants credit.
struct download {
  stream_consumer consumer;
  answer<file_view> a;
  file_view file;
  std::string bytes;
  std::size_t sent = 0;
  std::uint64_t seq = 0;
  std::int64_t frames = limits::stream_window_frames;
  std::int64_t credit_bytes = limits::stream_window_bytes;
};

class retrieval_impl final : public retrieval_background {
public:
  static inline const char* actor_name = "retrieval";

  retrieval_impl(pointer self, slot_registry& slots, retrieval_deps deps)
      : retrieval_background(self, slots, std::move(deps)) {}
  using service_base::on;

  void start() override { load_pending(); }

  // files

  void on(call<create_file_request>& c, answer<file_view> a) {
    file_view file;
    file.id = make_id("file-");
    file.bytes = static_cast<std::int64_t>(c.body.content.data.size());
    file.created_at = unix_now();
    file.filename = std::move(c.body.filename);
    file.purpose = std::move(c.body.purpose);
    file.sha256 = d_.digest->sha256_hex(c.body.content.data);
    d_.files->insert_file(c.op.who.user, file, std::move(c.body.content.data),
                          then_answer(std::move(a), file));
  }

  void on(call<list_files_request>& c, answer<file_list> a) {
    d_.files->list_files(rules::owner_of(c.op.who, c.body.user), c.body.purpose,
                         rules::page_of(c.body), page_answer<file_list, file_view>(std::move(a)));
  }

  void on(call<get_file_request>& c, answer<file_view> a) {
    d_.files->get_file(c.op.who.user, c.body.file_id, pass_on(std::move(a)));
  }

  void on(call<file_content_request>& c, answer<file_view> a) {
    const auto cid = c.op.cid;
    auto out = std::make_shared<download>();
    out->consumer = c.consumer;
    out->a = std::move(a);
    const auto user = c.op.who.user;
    d_.files->get_file(
        user, c.body.file_id, to_self<file_view>([this, user, cid, out](result<file_view> file) {
          if (!file) return out->a.fail(std::move(file.error()));
          out->file = std::move(*file);
          d_.files->read_file(user, out->file.id,
                              to_self<std::string>([this, cid, out](result<std::string> bytes) {
                                if (!bytes) return out->a.fail(std::move(bytes.error()));
                                out->bytes = std::move(*bytes);
                                downloads_[cid] = out;
                                send_more(cid, *out);
                              }));
        }));
  }

  void on(stream_signal& s) override {
    const auto at = downloads_.find(s.cid);
    if (at == downloads_.end()) return;
    const auto out = at->second;
    if (s.cancel) {
      downloads_.erase(at);
      return out->a.fail(make_error(errc::cancelled, "cancelled"));
    }
    out->frames += s.frames;
    out->credit_bytes += s.bytes;
    send_more(s.cid, *out);
  }

  void on(call<delete_file_request>& c, answer<deleted_reply> a) {
    auto id = c.body.file_id;
    d_.files->delete_file(
        c.op.who.user, id,
        to_self<std::vector<std::string>>(
            [this, id, a = std::move(a)](result<std::vector<std::string>> stores) mutable {
              if (!stores) return a.fail(std::move(stores.error()));
              for (const auto& store : *stores) remove_passages(store, id);
              a(deleted_reply{id, "file", true});
            }));
  }

  // stores

  void on(call<create_store_request>& c, answer<store_view> a) {
    store_view store;
    store.id = make_id("vs_");
    store.created_at = unix_now();
    store.name = std::move(c.body.name);
    if (!c.body.metadata.empty()) store.metadata = std::move(c.body.metadata);
    const auto user = c.op.who.user;
    auto files = c.body.file_ids.value_or(std::vector<std::string>());
    auto then = [this, user, id = store.id, files, a = std::move(a)](result<done> r) mutable {
      if (!r) return a.fail(std::move(r.error()));
      for (auto& file : files) queue_.add({user, id, std::move(file)});
      index_next();
      d_.stores->get_store(user, id, pass_on(std::move(a)));
    };
    d_.stores->insert_store(user, store, std::move(files), to_self<done>(std::move(then)));
  }

  void on(call<list_stores_request>& c, answer<store_list> a) {
    d_.stores->list_stores(rules::owner_of(c.op.who, c.body.user), rules::page_of(c.body),
                           page_answer<store_list, store_view>(std::move(a)));
  }

  void on(call<get_store_request>& c, answer<store_view> a) {
    d_.stores->get_store(c.op.who.user, c.body.vector_store_id, pass_on(std::move(a)));
  }

  void on(call<delete_store_request>& c, answer<deleted_reply> a) {
    const auto id = c.body.vector_store_id;
    d_.stores->delete_store(
        c.op.who.user, id, to_self<done>([this, id, a = std::move(a)](result<done> r) mutable {
          if (!r) return a.fail(std::move(r.error()));
          queue_.drop_store(id);
          auto gone = deleted_reply{id, "vector_store.deleted", true};
          d_.index->remove_store(id, then_answer(std::move(a), std::move(gone)));
        }));
  }

  // files of a store

  void on(call<attach_file_request>& c, answer<store_file_view> a) {
    const auto user = c.op.who.user;
    store_file_view entry;
    entry.id = std::move(c.body.file_id);
    entry.vector_store_id = std::move(c.body.vector_store_id);
    entry.created_at = unix_now();
    if (!c.body.attributes.empty()) entry.attributes = std::move(c.body.attributes);
    auto then = [this, user, a = std::move(a)](result<store_file_view> r) mutable {
      if (r && r->status == "in_progress") {
        queue_.add({user, r->vector_store_id, r->id});
        index_next();
      }
      a(std::move(r));
    };
    d_.stores->attach(user, std::move(entry), to_self<store_file_view>(std::move(then)));
  }

  void on(call<list_store_files_request>& c, answer<store_file_list> a) {
    d_.stores->list_entries(c.op.who.user, c.body.vector_store_id, c.body.filter,
                            rules::page_of(c.body),
                            page_answer<store_file_list, store_file_view>(std::move(a)));
  }

  void on(call<get_store_file_request>& c, answer<store_file_view> a) {
    d_.stores->get_entry(c.op.who.user, c.body.vector_store_id, c.body.file_id,
                         pass_on(std::move(a)));
  }

  void on(call<detach_file_request>& c, answer<deleted_reply> a) {
    const auto store = c.body.vector_store_id, file = c.body.file_id;
    d_.stores->detach(c.op.who.user, store, file,
                      to_self<done>([this, store, file, a = std::move(a)](result<done> r) mutable {
                        if (!r) return a.fail(std::move(r.error()));
                        remove_passages(store, file);
                        a(deleted_reply{file, "vector_store.file.deleted", true});
                      }));
  }

  // search

  void on(call<search_request>& c, answer<search_reply> a) {
    auto queries = chat_json::strings_of(c.body.query, "query");
    if (!queries) return a.fail(std::move(queries.error()));
    const auto choice = rules::ranking_of(c.body.ranking_options);
    if (!choice) return a.fail(choice.error());
    auto filter = rules::filter_asked(c.body.filters);
    if (!filter) return a.fail(std::move(filter.error()));
    auto job = std::make_shared<search_job>();
    job->user = c.op.who.user;
    job->queries = std::move(*queries);
    job->choice = *choice;
    job->filter = std::move(*filter);
    job->max = c.body.max_num_results;
    job->a = std::move(a);
    if (!c.body.vector_store_id.empty()) c.body.vector_store_ids = {c.body.vector_store_id};
    if (!c.body.vector_store_ids.empty())
      return check_stores(job, std::move(c.body.vector_store_ids), 0);
    d_.stores->store_ids(job->user, to_self<std::vector<std::string>>(
                                        [this, job](result<std::vector<std::string>> ids) {
                                          if (!ids) return job->a.fail(std::move(ids.error()));
                                          job->scope.store_ids = std::move(*ids);
                                          run_search(job);
                                        }));
  }

  void on(call<purge_documents_request>& c, answer<purge_reply> a) {
    purge(std::move(c.body.user), std::move(a));
  }

  void on(call<ping_request>&, answer<ping_reply> a) {
    d_.stores->store_ids({}, to_self<std::vector<std::string>>(
                                 [a = std::move(a)](result<std::vector<std::string>> r) mutable {
                                   if (!r) return a.fail(std::move(r.error()));
                                   a(ping_reply{true, {}});
                                 }));
  }

private:
  struct search_job {
    std::string user;
    std::vector<std::string> queries;
    search_scope scope;
    rules::ranking_choice choice;
    std::optional<attribute_filter> filter;
    std::uint32_t max = 10;
    search_reply out;
    answer<search_reply> a;
  };

  /// `value` once the store says done.
  template <class T>
  reply<done> then_answer(answer<T> a, T value) {
    return to_self<done>([a = std::move(a), value = std::move(value)](result<done> r) mutable {
      if (!r) return a.fail(std::move(r.error()));
      a(std::move(value));
    });
  }

  template <class List, class Item>
  reply<page<Item>> page_answer(answer<List> a) {
    return to_self<page<Item>>([a = std::move(a)](result<page<Item>> found) mutable {
      if (!found) return a.fail(std::move(found.error()));
      a(rules::list_of<List>(std::move(*found)));
    });
  }

  // downloads

  void send_more(call_id cid, download& out) {
    while (out.sent < out.bytes.size() && out.frames > 0 && out.credit_bytes > 0) {
      auto piece = out.bytes.substr(out.sent, limits::partial_bytes);
      out.sent += piece.size();
      out.frames -= 1;
      out.credit_bytes -= static_cast<std::int64_t>(piece.size());
      self_->send(out.consumer, stream_item<file_chunk>{cid, ++out.seq, {{std::move(piece)}}});
    }
    if (out.sent < out.bytes.size()) return;
    const auto keep = downloads_[cid];
    downloads_.erase(cid);
    out.a(std::move(out.file));
  }

  // search

  /// Every store named must be the caller's.
  void check_stores(std::shared_ptr<search_job> job, std::vector<std::string> ids, std::size_t at) {
    if (at == ids.size()) {
      job->scope.store_ids = std::move(ids);
      return run_search(job);
    }
    const auto id = ids[at];
    d_.stores->get_store(
        job->user, id,
        to_self<store_view>([this, job, ids = std::move(ids), at](result<store_view> r) mutable {
          if (!r) return job->a.fail(std::move(r.error()));
          check_stores(job, std::move(ids), at + 1);
        }));
  }

  /// A filter narrows what the index looks at: the best of what matches, not what matches of the
  /// best.
  void run_search(std::shared_ptr<search_job> job) {
    job->out.search_query = job->queries;
    if (job->scope.store_ids.empty()) return job->a(std::move(job->out));
    if (!job->filter) return find_passages(job);
    using places = std::vector<file_place>;
    auto then = [this, job](result<places> files) {
      if (!files) return job->a.fail(std::move(files.error()));
      job->scope.files = std::move(*files);
      find_passages(job);
    };
    d_.stores->matching_files(job->user, job->scope.store_ids, std::move(*job->filter),
                              to_self<places>(std::move(then)));
  }

  void find_passages(std::shared_ptr<search_job> job) {
    std::string query;
    for (const auto& q : job->queries) query += (query.empty() ? "" : " ") + q;
    using found = std::vector<passage_hit>;
    auto then = [this, job](result<found> hits) {
      if (!hits) return job->a.fail(std::move(hits.error()));
      rules::keep_from(*hits, job->choice.score_threshold);
      describe(job, std::move(*hits));
    };
    d_.index->search(std::move(job->scope), std::move(query), job->max, job->choice.how,
                     to_self<found>(std::move(then)));
  }

  void describe(std::shared_ptr<search_job> job, std::vector<passage_hit> hits) {
    if (hits.empty()) return job->a(std::move(job->out));
    auto places = rules::places_of(hits);
    using described = std::vector<placed_file>;
    auto then = [job, hits = std::move(hits)](result<described> files) mutable {
      if (!files) return job->a.fail(std::move(files.error()));
      job->out.data = rules::hits_of(std::move(hits), *files);
      job->a(std::move(job->out));
    };
    d_.stores->describe(job->user, std::move(places), to_self<described>(std::move(then)));
  }

  std::unordered_map<call_id, std::shared_ptr<download>> downloads_;
};

} // namespace

retrieval_service::actor spawn_retrieval(caf::actor_system& system, retrieval_deps deps) {
  return spawn_service<retrieval_service, retrieval_impl>(system, std::move(deps));
}

} // namespace troupe

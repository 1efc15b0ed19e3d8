#include "actors/prompt/prompt_actor.hpp"

#include "actors/prompt/builtin_models.hpp"
#include "actors/prompt/conversation_prompt.hpp"
#include "actors/prompt/embedding_rules.hpp"
#include "actors/prompt/extract_rules.hpp"
#include "actors/support/unix_time.hpp"
#include "messages/base/log.hpp"

namespace troupe {
namespace {

constexpr std::uint32_t passages_for_turn = 8;
constexpr auto models_kept_for = std::chrono::seconds(60);
constexpr auto models_retry = std::chrono::seconds(1);

error unknown_model(const std::string& model) {
  auto e =
      make_error(errc::not_found,
                 "the model '" + model + "' does not exist here (see GET /v1/models)", "model");
  e.reason = "model_not_found";
  return e;
}

class prompt_impl final : public conversation_prompt {
public:
  static inline const char* actor_name = "prompt";

  prompt_impl(pointer self, slot_registry& slots, prompt_deps deps)
      : conversation_prompt(self, slots, std::move(deps)) {}
  ~prompt_impl() override { d_.activity->running -= static_cast<std::int64_t>(jobs_.size()); }
  using conversation_prompt::on;

  // chat

  void on(call<chat_request>& c, answer<chat_reply> a) {
    const bool was_handed_on = std::exchange(c.op.to, 0) != 0;
    if (d_.leases && c.body.turn && c.body.turn->conversation_id)
      return answer_at_its_node(c, std::move(a), was_handed_on);
    answer_here(c, std::move(a), {});
  }

  void answer_here(call<chat_request>& c, answer<chat_reply> a,
                   std::optional<lease_fence> place) override {
    if (jobs_.size() >= limits::upstream_calls)
      return a.fail(not_begun(make_error(errc::overloaded, "too many chats at once")));
    auto job = std::make_shared<chat_job>();
    job->place = std::move(place);
    job->op = std::move(c.op);
    job->request = std::move(c.body);
    job->reader = {job->op.cid, c.consumer, std::move(a)};
    job->asked_tokens = chat_json::estimate_tokens(job->request.body.raw);
    job->model = job->request.model.empty() ? d_.default_model : job->request.model;
    if (job->model != extract_model && !d_.provider)
      return job->reader.a.fail(unknown_model(job->model));
    job->identity = {make_id("chatcmpl-"), job->model, unix_now()};
    take_in(job);
    if (!job->op.who.is_limited) return begin(job);
    job->is_admitted = false;
    admit(job, [this, job](result<void> admitted) {
      if (!admitted) return end(job, std::unexpected(std::move(admitted.error())));
      job->is_admitted = true;
      begin(job);
    });
  }

  // embeddings, models

  void on(call<embeddings_request>& c, answer<json_reply> a) {
    if (!c.op.who.is_limited) return embed(c, std::move(a));
    const auto tokens = chat_json::estimate_tokens(c.body.input.raw);
    const auto op = c.op;
    const auto model = c.body.model;
    admit_tokens(op, tokens, model,
                 [this, tokens, c = std::move(c), a = std::move(a)](result<admission> may) mutable {
                   if (!may) return a.fail(std::move(may.error()));
                   embed(c, [tokens, a = std::move(a),
                             may = std::move(*may)](outcome<json_reply> value) mutable {
                     const auto usage =
                         value ? chat_json::read(value->body).usage : std::optional<token_usage>();
                     may.settle(usage ? usage->total_tokens : value ? tokens : 0);
                     if (value) value->limits = std::move(may.limits);
                     a(std::move(value));
                   });
                 });
  }

  void on(call<models_request>& c, answer<model_list> a) {
    const auto now = op_context::clock::now();
    if (!d_.provider || now < provider_models_until_) return answer_models(c.body.id, a);
    d_.provider->models(
        now + std::chrono::seconds(10),
        to_self<json_text>([this, id = c.body.id, a = std::move(a)](result<json_text> r) mutable {
          auto found = r ? chat_json::models_of(*r) : std::unexpected(r.error());
          models_failed_.reset();
          if (found) {
            provider_models_ = std::move(*found);
          } else {
            log::warn("prompt.models_unknown", {{"why", found.error().message}});
            models_failed_ = std::move(found.error());
          }
          provider_models_until_ =
              op_context::clock::now() + (models_failed_ ? models_retry : models_kept_for);
          answer_models(id, a);
        }));
  }

  // purge

  /// A chat that runs on ends as any other, but leaves nothing behind.
  void on(call<purge_conversations_request>& c, answer<purge_reply> a) {
    auto user = std::move(c.body.user);
    for (const auto& [cid, job] : jobs_)
      if (job->op.who.user == user) job->is_purged = true;
    forget_streams_of(user);
    purge_all(
        [store = d_.conversations, user](reply<purge_step> next) {
          store->purge(user, limits::purge_rows, std::move(next));
        },
        [this, user, a = std::move(a)](result<std::uint64_t> gone) mutable {
          if (!gone) return a.fail(std::move(gone.error()));
          forget_records(std::move(user), purge_reply{*gone}, std::move(a));
        });
  }

  void on(call<ping_request>&, answer<ping_reply> a) {
    d_.conversations->last_turns(
        {}, {}, 1,
        to_self<std::vector<turn_row>>([a = std::move(a)](result<std::vector<turn_row>> r) mutable {
          if (!r && r.error().code != errc::not_found) return a.fail(std::move(r.error()));
          a(ping_reply{true, {}});
        }));
  }

private:
  // what comes before the model: turns and passages

  void begin(const job_ptr& job) {
    name_stream(job);
    if (job->request.stream) open_silent();
    job->events() ? begin_turn(job) : begin_completion(job);
  }

  void begin_completion(const job_ptr& job) {
    if (job->model == extract_model || job->request.retrieval) {
      auto turns = chat_json::turns_of(job->request.body);
      if (!turns) return end(job, std::unexpected(std::move(turns.error())));
      for (auto& t : *turns)
        if (t.role == "user") job->question = std::move(t.text);
    }
    if (!job->request.retrieval) return generate(job);
    search(job, job->request.retrieval->vector_store_ids, job->request.retrieval->max_num_results);
  }

  void begin_turn(const job_ptr& job) {
    auto& turn = *job->request.turn;
    job->question = turn.message;
    if (!turn.conversation_id) return found_conversation(job, [this, job] { with_turns(job, {}); });
    job->conversation_id = *turn.conversation_id;
    d_.conversations->last_turns(
        job->op.who.user, job->conversation_id, limits::context_turns,
        to_self<std::vector<turn_row>>([this, job](result<std::vector<turn_row>> r) {
          if (!r) return end(job, std::unexpected(std::move(r.error())));
          with_turns(job, std::move(*r));
        }));
  }

  void with_turns(const job_ptr& job, std::vector<turn_row> rows) {
    if (!alive(job)) return; // it ended while the store worked, and its request may be gone
    for (auto& row : rows) job->turns.push_back({std::move(row.role), std::move(row.text)});
    job->turns.push_back({"user", job->question});
    const auto& stores = job->request.turn->vector_store_ids;
    if (stores && stores->empty()) return generate(job); // "search nothing"
    search(job, stores.value_or(std::vector<std::string>()), passages_for_turn);
  }

  void search(const job_ptr& job, std::vector<std::string> stores, std::uint32_t max) {
    call<search_request> question{job->op, {}, {}};
    question.op.cid = make_call_id();
    question.body.vector_store_ids = std::move(stores);
    question.body.query.raw = chat_json::quoted(job->question);
    question.body.max_num_results = max;
    ask(d_.retrieval, std::move(question), [this, job](outcome<search_reply> found) {
      if (!alive(job)) return;
      if (!found) return end(job, std::unexpected(std::move(found.error())));
      job->hits = std::move(found->data);
      generate(job);
    });
  }

  void generate(const job_ptr& job) {
    if (!alive(job)) return;
    job->model == extract_model ? extract(job) : call_provider(job);
  }

  // the built-in model

  void extract(const job_ptr& job) {
    auto found = extract_rules::pick(job->question, job->hits);
    if (found.sentences.empty()) found.sentences.emplace_back(extract_rules::nothing_searched());
    job->cited = std::move(found.cited);
    job->finish_reason = "stop";
    if (job->request.stream && !job->events())
      emit(job, {"", chat_json::role_chunk(job->identity, job->request.include_usage)});
    for (auto& sentence : found.sentences) {
      if (!job->text.empty()) sentence.insert(0, " ");
      job->text += sentence;
      if (job->events())
        emit(job, {"token", chat_json::token_event(sentence)});
      else if (job->request.stream)
        emit(job, {"", chat_json::text_chunk(job->identity, sentence, job->request.include_usage)});
    }
    if (!job->request.stream) return end_plain(job);
    if (!job->events()) {
      cite(job, job->identity);
      emit(job, {"", chat_json::finish_chunk(job->identity, job->finish_reason,
                                             job->request.include_usage)});
      if (job->request.include_usage)
        emit(job, {"", chat_json::usage_chunk(job->identity, job->usage())});
    }
    end_stream(job);
  }

  void end_plain(const job_ptr& job) {
    chat_reply out = reply_of_job(*job);
    out.body = chat_json::completion(job->identity, job->text, job->finish_reason, job->usage(),
                                     job->cited);
    end(job, std::move(out));
  }

  // a provider's model

  void call_provider(const job_ptr& job) {
    const auto context = context_of(job->hits);
    job->cited = citations_of(job->hits);
    json_text body;
    if (job->events()) {
      body = chat_json::make_body(job->model, job->turns, true);
      if (!context.empty()) body = chat_json::with_context(body, context);
    } else if (job->request.retrieval) {
      body = chat_json::with_context(job->request.body, context);
    } else {
      body = std::move(job->request.body); // nobody needs it any more, and it may be large
    }
    llm_sink sink;
    sink.accepted = [] {};
    if (job->request.stream)
      sink.accepted = [me = me(), life = life(), this, job] {
        run_here(me, make_task([life, this, job] {
                   if (!life.expired() && alive(job)) open(job);
                 }));
      };
    sink.chunk = [me = me(), life = life(), this, job](json_text chunk) {
      run_here(me, make_task([life, this, job, chunk = std::move(chunk)]() mutable {
                 if (!life.expired()) on_chunk(job, std::move(chunk));
               }));
    };
    sink.end = to_self_here<json_text>(
        [this, job](result<json_text> r) { on_provider_end(job, std::move(r)); });
    job->is_called = true;
    job->upstream = d_.provider->chat(std::move(body), job->request.stream, job->op.deadline,
                                      job->op.traceparent, std::move(sink));
  }

  void on_chunk(const job_ptr& job, json_text chunk) {
    if (!alive(job)) return;
    auto facts = chat_json::read(chunk);
    if (facts.usage) job->reported = facts.usage;
    if (!facts.id.empty()) job->identity = {facts.id, facts.model, facts.created};
    if (!facts.finish_reason.empty()) job->finish_reason = facts.finish_reason;
    job->text += facts.text;
    const bool is_first = !std::exchange(job->is_answered, true); // it has the role and no text
    if (facts.text.empty() && facts.has_choices && facts.finish_reason.empty() && !is_first)
      ++job->wordless;
    if (!may_go_on(job)) return;
    if (job->request.resumable) ++job->unread;
    if (!job->events()) {
      if (!facts.finish_reason.empty()) cite(job, job->identity);
      emit(job, {"", std::move(chunk)});
    } else if (!facts.text.empty()) {
      emit(job, {"token", chat_json::token_event(facts.text)});
    } else if (job->request.resumable) {
      flush(job);
    } else if (job->upstream) {
      job->upstream->grant(1); // it used a place of the window and gave the client nothing
    }
  }

  void on_provider_end(const job_ptr& job, result<json_text> r) {
    if (!alive(job)) return;
    if (!r) return end(job, std::unexpected(std::move(r.error())));
    job->is_said = true;
    if (job->request.stream) return end_stream(job);
    const auto facts = chat_json::read(*r);
    job->reported = facts.usage;
    job->text = facts.text;
    job->finish_reason = facts.finish_reason;
    job->identity = {facts.id, facts.model, facts.created};
    chat_reply out = reply_of_job(*job);
    out.body = job->cited.empty() ? std::move(*r) : chat_json::with_annotations(*r, job->cited);
    end(job, std::move(out));
  }

  // the stream

  void cite(const job_ptr& job, const chat_json::identity& identity) {
    if (job->cited.empty() || std::exchange(job->citations_sent, true)) return;
    emit(job, {"", chat_json::citation_chunk(identity, job->cited, job->request.include_usage)});
  }

  /// Lets the client's headers go out before there is anything to say.
  void open(const job_ptr& job) {
    if (!job->opened) emit(job, {std::string(stream_opened), {}});
  }

  /// Opens the streams of silent models, and looks again as long as there are any.
  void open_silent() {
    if (std::exchange(opening_, true)) return;
    later(d_.open_after / 4, [this] {
      opening_ = false;
      const auto since = op_context::clock::now() - d_.open_after;
      bool waiting = false;
      for (const auto& [cid, job] : jobs_) {
        if (!job->request.stream || !job->is_admitted || job->opened) continue;
        if (job->began <= since)
          open(job);
        else
          waiting = true;
      }
      if (waiting) open_silent();
    });
  }

  void emit(const job_ptr& job, chat_delta delta) {
    job->opened = true;
    send(job, std::move(delta));
  }

  /// The model said everything: what a conversation keeps is on disk before `done` goes out.
  void end_stream(const job_ptr& job) {
    if (!job->events()) return end(job, reply_of_job(*job));
    for (const auto& c : job->cited) emit(job, {"citation", chat_json::citation_event(c)});
    keep_turn(job, [this, job](result<done> kept) {
      if (!alive(job)) return;
      if (!kept) return end(job, std::unexpected(std::move(kept.error())));
      emit(job,
           {"done", chat_json::done_event(job->conversation_id, job->usage(), job->finish_reason)});
      end(job, reply_of_job(*job));
    });
  }

  // the end

  static chat_reply reply_of_job(const chat_job& job) {
    chat_reply out;
    out.id = job.identity.id;
    out.model = job.model;
    out.finish_reason = job.finish_reason;
    out.usage = job.usage();
    out.source = job.source();
    out.conversation_id = job.conversation_id;
    return out;
  }

  void close(const job_ptr& job, const outcome<chat_reply>& how) override {
    const auto status = how ? std::string_view("ok") : to_string(how.error().code);
    if (!how && job->events() && !job->text.empty() && !job->is_kept)
      keep_turn(job, [](result<done>) {}); // what was generated until then
    if (job->upstream) job->upstream->cancel();
    settle(*job, how);
    record(*job, status);
    job->upstream.reset();
  }

  // the usage records

  void record(const chat_job& job, std::string_view status) {
    if (d_.keep_record && job.is_admitted && !job.is_purged)
      d_.keep_record(job.op.who.user, usage_record(job, status));
  }

  /// Answers a purge when no record of the user is on its way: the log may then be purged too.
  void forget_records(std::string user, purge_reply purged, answer<purge_reply> a) {
    if (!d_.forget_records) return a(purged);
    d_.forget_records(std::move(user),
                      to_self<done>([purged, a = std::move(a)](result<done> r) mutable {
                        if (!r) return a.fail(std::move(r.error()));
                        a(purged);
                      }));
  }

  // embeddings, models

  using embedded = std::move_only_function<void(outcome<json_reply>)>;

  void embed(call<embeddings_request>& c, embedded a) {
    if (c.body.model != local_model) return embed_far(c, std::move(a));
    auto inputs = chat_json::strings_of(c.body.input, "input");
    if (!inputs) return a(std::unexpected(std::move(inputs.error())));
    const auto length = embedding_rules::length_of(c.body.dimensions, d_.embed->dimensions());
    if (!length) return a(std::unexpected(length.error()));
    std::vector<std::vector<float>> vectors;
    std::int64_t tokens = 0;
    vectors.reserve(inputs->size());
    for (const auto& text : *inputs) {
      vectors.push_back(embedding_rules::shortened(d_.embed->embed(text), *length));
      tokens += chat_json::estimate_tokens(text);
    }
    const bool base64 = c.body.encoding_format == "base64";
    a(json_reply{chat_json::embeddings(local_model, vectors, base64, tokens)});
  }

  void embed_far(call<embeddings_request>& c, embedded a) {
    if (!d_.provider) return a(std::unexpected(unknown_model(c.body.model)));
    auto body = with_member("input", c.body.input, without(c.body.body, "input"));
    d_.provider->embeddings(std::move(body), c.op.deadline,
                            to_self<json_text>([a = std::move(a)](result<json_text> r) mutable {
                              if (!r) return a(std::unexpected(std::move(r.error())));
                              a(json_reply{std::move(*r)});
                            }));
  }

  void answer_models(const std::string& id, answer<model_list>& a) {
    model_list list;
    const auto add = [&](model_view model) {
      if (id.empty() || id == model.id) list.data.push_back(std::move(model));
    };
    add({std::string(extract_model), "model", 0, "troupe"});
    add({std::string(local_model), "model", 0, "troupe"});
    for (const auto& model : provider_models_) add(model);
    if (!id.empty() && list.data.empty())
      return a.fail(models_failed_ ? *models_failed_ : unknown_model(id));
    a(std::move(list));
  }

  bool opening_ = false;
  std::vector<model_view> provider_models_; // as last heard
  std::optional<error> models_failed_;      // why they could not be asked for again
  op_context::clock::time_point provider_models_until_{};
};

} // namespace

prompt_service::actor spawn_prompt(caf::actor_system& system, prompt_deps deps) {
  return spawn_service<prompt_service, prompt_impl>(system, std::move(deps));
}

} // namespace troupe

#pragma once

#include "actors/prompt/metered_prompt.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Inside actors/prompt only: the part of the service that knows who reads what its chats say. A
/// resumable chat goes on without a reader for a while, and can be read when it has ended.
class streamed_prompt : public metered_prompt {
public:
  using metered_prompt::on;
  /// A cancel without a call ends all chats: the node goes.
  void on(stream_signal& s) override;
  /// These two are handed on to the node that has the stream.
  void on(call<resume_chat_request>& c, answer<chat_reply> a);
  void on(call<stop_chat_request>& c, answer<chat_stream_view> a);

protected:
  using metered_prompt::metered_prompt;

  void take_in(const job_ptr& job);
  /// What of a chat that may be resumed its reader has to know first.
  void name_stream(const job_ptr& job);
  void send(const job_ptr& job, chat_delta delta) override;
  void flush(const job_ptr& job);
  /// A good end waits for its reader's credit; a bad one does not.
  void end(const job_ptr& job, outcome<chat_reply> how) override;
  /// The chat is over, and nothing of it runs any more.
  virtual void close(const job_ptr& job, const outcome<chat_reply>& how) = 0;
  void forget_streams_of(const std::string& user);
  [[nodiscard]] bool readers_know(const call_id& cid) const { return readers_.contains(cid); }

private:
  template <class Request>
  [[nodiscard]] bool is_handed_on(call<Request>& c, const std::string& stream,
                                  answer<reply_of<Request>>& a);
  [[nodiscard]] job_ptr stream_of(const std::string& id, const op_context& asked) const;
  void read(const job_ptr& job, chat_reader by);
  void leave(const job_ptr& job, outcome<chat_reply> how);
  void go_on_unread(const job_ptr& job);
  void end_all();
  void finish(const job_ptr& job, outcome<chat_reply> how);
  void finish_well(const job_ptr& job);
  void keep(const job_ptr& job);
  struct ended {
    job_ptr job;
    op_context::clock::time_point until;
  };
  void forget(std::deque<ended>::iterator which);
  void forget_stream(chat_job& job);
  void count_kept(chat_job& job);
  void recount(chat_job& job);
  void shrink_all();
  void drop_reader(const job_ptr& job, std::size_t share);
  [[nodiscard]] std::ptrdiff_t unread_of(const std::string& user) const;

  std::unordered_map<call_id, job_ptr> readers_;     // by the call that reads
  std::unordered_map<std::string, job_ptr> streams_; // those with a name
  std::deque<ended> ended_;                          ///< of them, oldest first
  std::size_t kept_bytes_ = 0;                       ///< of all streams_
  std::size_t shrink_above_ = limits::streams_kept_bytes;
};

} // namespace troupe

#pragma once

#include "broker/broker_state.hpp"
#include "messages/base/error.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

/// What happened to every request of a simulated cluster, as its clients and its handlers saw it,
/// and whether that is what the backbone promises (docs/wire-protocol.md).
namespace troupe::sim {

using wire::instant;

struct request_record {
  call_id cid;
  bool is_idempotent = false;
  bool is_endless = false;
  bool is_widowed = false; ///< its requester was killed: nobody is owed an answer
  instant deadline{};
  // at the handlers
  int begun = 0;
  std::map<std::uint64_t, int> running; ///< by worker incarnation: runs that have not ended
  std::optional<std::uint64_t> sent;    ///< partials of the run that finished
  // at the requester
  std::uint64_t partials = 0;
  std::optional<instant> ended;
  std::optional<error> failure;
};

/// The message of an error that a handler made, not the backbone.
inline constexpr std::string_view handlers_failure = "not today";

class history {
public:
  void asked(call_id cid, bool is_idempotent, instant deadline);
  void widowed(const call_id& cid);
  void begun(const call_id& cid, std::uint64_t worker);
  /// A run is over: with an answer after so many partials, or without one.
  void answered(const call_id& cid, std::uint64_t worker, std::uint64_t partials);
  void stopped(const call_id& cid, std::uint64_t worker);
  void worker_died(std::uint64_t worker);
  void got_partial(const call_id& cid, std::uint64_t seq);
  /// Its handler will never end it.
  void endless(const call_id& cid) { all_[cid].is_endless = true; }
  void got_end(const call_id& cid, instant now, std::optional<error> failure);

  /// A process that was frozen may be late.
  void thawed(std::uint64_t incarnation, instant now) { thawed_[incarnation] = now; }

  [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
  [[nodiscard]] std::size_t begun() const noexcept { return begun_; }
  [[nodiscard]] std::size_t finished() const noexcept { return finished_; }

  /// What broke a promise, one sentence each, at most 20. To be asked when all is calm: no request
  /// is younger than its deadline.
  /// With `has_all_to_finish` no request that began may fail for the backbone's sake.
  [[nodiscard]] std::vector<std::string> verdict(bool has_all_to_finish) const;
  void wrong(const call_id& cid, const std::string& what);

private:
  [[nodiscard]] static bool is_backbones(const request_record& r);

  std::unordered_map<call_id, request_record> all_;
  std::vector<std::string> wrongs_;
  std::unordered_map<std::uint64_t, instant> thawed_;
  std::size_t finished_ = 0, begun_ = 0;
};

[[nodiscard]] std::string name_of(const call_id& cid);

} // namespace troupe::sim

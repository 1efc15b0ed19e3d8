#include "actors/bridge/bus_topology.hpp"

#include "actors/bridge/topology_rules.hpp"
#include "actors/support/unix_time.hpp"
#include "messages/codec/msgpack.hpp"

namespace troupe {
namespace {

broker_report silent(std::string address, const error& why) {
  broker_report out;
  out.broker.address = std::move(address);
  out.broker.detail = why.message;
  return out;
}

broker_report report_of(bus_stats& said) {
  if (said.why) return silent(std::move(said.broker), *said.why);
  auto report = msgpack_codec::decode<broker_report>(said.body);
  if (!report) return silent(std::move(said.broker), report.error());
  // Where it listens it knows less well than those who reached it.
  for (auto& n : report->nodes) n.brokers = {said.broker};
  report->broker.address = std::move(said.broker);
  report->broker.answered = true;
  return std::move(*report);
}

class bus_topology final : public topology_source {
public:
  explicit bus_topology(std::shared_ptr<bus> link) : link_(std::move(link)) {}

  void look(reply<topology> answer) override {
    link_->stats(topology_patience,
                 reply<std::vector<bus_stats>>(
                     [answer = std::move(answer)](result<std::vector<bus_stats>> said) mutable {
                       if (!said) return answer.fail(std::move(said.error()));
                       std::vector<broker_report> reports;
                       for (auto& one : *said) reports.push_back(report_of(one));
                       answer(topology_rules::merged(std::move(reports), unix_now()));
                     }));
  }

private:
  const std::shared_ptr<bus> link_;
};

} // namespace

std::unique_ptr<topology_source> make_bus_topology(std::shared_ptr<bus> link) {
  return std::make_unique<bus_topology>(std::move(link));
}

} // namespace troupe

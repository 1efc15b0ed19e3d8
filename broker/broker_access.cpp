#include "broker/broker_state.hpp"
#include "messages/base/log.hpp"

/// The half of the broker that holds peers to the access table.
namespace troupe::wire {
namespace {

constexpr std::size_t audited_max = 32; ///< lines for one key; what it does beyond is counted
constexpr std::size_t service_bytes = 64, node_name_bytes = 64; ///< of what a peer said, in a line

std::string_view word_for(broker_right what) {
  return what == broker_right::serve ? "serve" : "call";
}

} // namespace

const access_rule* broker_state::rule_of(std::string_view key) const {
  return access_ ? access_->find(key) : nullptr;
}

/// With a table it is the key that says what a peer is, not the peer.
void broker_state::take_rights(peer& p, const access_rule* rule) {
  p.rule = rule;
  p.is_router = allows(rule->may_register, "router");
  p.is_service = !rule->may_register.empty();
}

bool broker_state::is_barred(std::string_view key) {
  if (!access_ || rule_of(key) != nullptr) return false;
  ++counts_.barred;
  return true;
}

std::optional<error> broker_state::forbidden(const peer& from, broker_right what,
                                             std::string_view name) {
  if (from.rule == nullptr) return std::nullopt;
  // Who serves something may ask its like: one of them has what the others need (entities).
  const bool may_call = what == broker_right::call && allows(from.rule->may_call, name);
  if (may_call || allows(from.rule->may_register, name)) return std::nullopt;
  audit(from.key, from.who.name, word_for(what), name);
  return make_error(errc::forbidden, "'" + from.rule->principal + "' may not " +
                                         std::string(word_for(what)) + " '" +
                                         std::string(name.substr(0, service_bytes)) + "'");
}

/// Every refusal is counted, and logged once for a key and a reason. The key is in the table.
void broker_state::audit(const std::string& key, std::string_view node, std::string_view what,
                         std::string_view name) {
  ++counts_.forbidden;
  const auto* rule = rule_of(key);
  auto& known = audited_[key];
  name = name.substr(0, service_bytes);
  if (rule == nullptr || known.size() >= audited_max ||
      !known.insert(std::string(what) + ' ' + std::string(name)).second)
    return;
  log::warn("broker.forbidden", {{"principal", rule->principal},
                                 {"node", node.substr(0, node_name_bytes)},
                                 {"what", what},
                                 {"service", name}});
}

/// Another principal that says it is this process could take its answers.
bool broker_state::is_impostor(std::string_view key, const hello_body& who) {
  const auto* known = peer_with(who.incarnation);
  if (known == nullptr || known->key == key) return false;
  audit(std::string(key), who.name, "take the place of", known->who.name);
  return true;
}

void broker_state::on(access_changed& in) {
  const auto before = std::exchange(access_, std::move(in.table)); // peers point into it
  audited_.clear();
  std::vector<peer_id> barred, changed;
  for (auto& [id, p] : peers_) {
    const auto* rule = rule_of(p.key);
    if (rule == nullptr || !rule->may_tap) taps_.remove(id);
    if (rule == nullptr)
      barred.push_back(id);
    else if (p.rule == nullptr || p.rule->principal != rule->principal ||
             p.rule->may_register != rule->may_register)
      changed.push_back(id);
    if (rule != nullptr) take_rights(p, rule);
  }
  for (const auto& id : barred) cut_off(id);
  for (const auto& id : changed) { // it says HELLO and REGISTER again
    send(id, frame::reset, {});
    remove_peer(id, true);
  }
}

/// What it says from now on is dropped; nothing in ZeroMQ ends a connection.
void broker_state::cut_off(const peer_id& id) {
  const auto& p = peers_.at(id);
  log::warn("broker.revoked", {{"principal", p.rule != nullptr ? p.rule->principal : ""},
                               {"node", p.who.name.substr(0, node_name_bytes)},
                               {"key", p.key}});
  send(id, frame::goodbye, {});
  remove_peer(id, false);
}

} // namespace troupe::wire

#include "adapters/http/caller_turns.hpp"

namespace troupe::http {

std::optional<caller_turns::turn> caller_turns::take(const std::string& caller,
                                                     std::function<void()> begin) {
  const auto at = lines_.try_emplace(caller).first;
  auto& [running, waiting] = at->second;
  const bool is_running = running.size() < bounds_.running;
  if (!is_running && waiting.size() >= bounds_.waiting) return std::nullopt;
  auto& list = is_running ? running : waiting;
  list.push_back({at, std::move(begin), is_running});
  return turn(*this, std::prev(list.end()));
}

void caller_turns::end(places::iterator at) {
  const auto of = at->of;
  auto& [running, waiting] = of->second;
  (at->is_running ? running : waiting).erase(at);
  if (running.empty() && waiting.empty()) return void(lines_.erase(of));
  if (running.size() >= bounds_.running || waiting.empty()) return;
  running.splice(running.end(), waiting, waiting.begin());
  running.back().is_running = true;
  running.back().begin();
}

} // namespace troupe::http

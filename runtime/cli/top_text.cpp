#include "runtime/cli/top_text.hpp"

#include "runtime/cli/terminal.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <vector>

namespace troupe::cli {
namespace {

using row = std::vector<std::string>;
using rows = std::vector<row>;

constexpr std::size_t name_width = 24, services_width = 40, detail_width = 48;
constexpr const char* unknown = "-";

/// `450ms`, `12s`, `3m05s`, `2h07m`, `4d03h`.
std::string span(std::uint64_t ms) {
  std::array<char, 32> text{};
  const auto seconds = ms / 1000;
  const auto print = [&](const char* how, std::uint64_t a, std::uint64_t b) {
    std::snprintf(text.data(), text.size(), how, static_cast<unsigned long long>(a),
                  static_cast<unsigned long long>(b));
  };
  if (ms < 1000)
    print("%llums", ms, 0);
  else if (seconds < 60)
    print("%llus", seconds, 0);
  else if (seconds < 3600)
    print("%llum%02llus", seconds / 60, seconds % 60);
  else if (seconds < 86400)
    print("%lluh%02llum", seconds / 3600, seconds / 60 % 60);
  else
    print("%llud%02lluh", seconds / 86400, seconds / 3600 % 24);
  return text.data();
}

std::string number(std::uint64_t n) {
  return std::to_string(n);
}

/// Of one that only rises; one that fell belongs to a process that began anew.
std::string rate(std::uint64_t now, std::uint64_t before, double seconds) {
  if (seconds <= 0 || now < before) return unknown;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", static_cast<double>(now - before) / seconds);
  return text.data();
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out.empty() ? unknown : shortened(out, services_width);
}

std::uint64_t all_waiting(const service_load& s) {
  return s.waiting.control + s.waiting.interactive + s.waiting.normal + s.waiting.batch;
}

template <class View, class Key>
const View* find(const std::vector<View>* in, Key View::* key, const Key& wanted) {
  if (in == nullptr) return nullptr;
  const auto at = std::ranges::find(*in, wanted, key);
  return at == in->end() ? nullptr : &*at;
}

class page {
public:
  explicit page(const top_view& view) : view_(view), now_(view.now) {}

  std::string text() {
    std::string out = summary();
    if (!now_.brokers.empty()) out += '\n' + table_text(brokers());
    out += '\n' + table_text(nodes()) + more(hidden_nodes(), "nodes");
    out += '\n' + table_text(services()) + more(now_.more_services, "services");
    if (const auto lost = drops(); lost.size() > 1) out += '\n' + table_text(lost);
    return out;
  }

private:
  [[nodiscard]] std::string summary() const {
    std::uint64_t in_flight = 0, waiting = 0, streams = 0, dead = 0;
    for (const auto& n : now_.nodes) streams += n.streams;
    for (const auto& s : now_.services) {
      in_flight += s.in_flight;
      waiting += all_waiting(s);
    }
    for (const auto& b : now_.brokers) dead += b.dead_letters;
    return number(now_.brokers.size()) + " brokers  " +
           number(now_.nodes.size() + now_.more_nodes) + " nodes  " +
           number(now_.services.size() + now_.more_services) + " services    in flight " +
           number(in_flight) + "  waiting " + number(waiting) + "  streams " + number(streams) +
           "  dead letters " + number(dead) + '\n';
  }

  [[nodiscard]] rows brokers() const {
    rows out{{"BROKER", "NAME", "UP", "NODES", "IN FLIGHT", "WAITING", "STREAMS", "REQ/S",
              "DEAD LETTERS", "STATE"}};
    const auto* before = view_.before != nullptr ? &view_.before->brokers : nullptr;
    for (const auto& b : now_.brokers) {
      const auto address = shortened(b.address, detail_width);
      if (!b.answered) {
        out.push_back({address, unknown, unknown, unknown, unknown, unknown, unknown, unknown,
                       unknown, "silent: " + shortened(b.detail, detail_width)});
        continue;
      }
      const auto* was = find(before, &broker_view::instance, b.instance);
      out.push_back({address, shortened(b.name, name_width), span(b.uptime_ms), number(b.nodes),
                     number(b.in_flight), number(b.waiting), number(b.streams),
                     was != nullptr ? rate(b.requests, was->requests, view_.seconds) : unknown,
                     number(b.dead_letters), b.draining ? "draining" : "ok"});
    }
    return out;
  }

  static std::string state_of(const node_view& n) {
    if (n.stuck_ms >= 1000) return "stuck " + span(n.stuck_ms);
    return n.draining ? "draining" : "ok";
  }

  [[nodiscard]] std::size_t shown_nodes() const {
    return view_.nodes_max == 0 ? now_.nodes.size() : std::min(view_.nodes_max, now_.nodes.size());
  }
  [[nodiscard]] std::uint64_t hidden_nodes() const {
    return now_.nodes.size() - shown_nodes() + now_.more_nodes;
  }

  [[nodiscard]] rows nodes() const {
    rows out{{"NODE", "INSTANCE", "SERVES", "BROKERS", "HEARD", "CREDIT", "IN FLIGHT", "ASKED",
              "STREAMS", "STATE"}};
    for (std::size_t i = 0; i < shown_nodes(); ++i) {
      const auto& n = now_.nodes[i];
      out.push_back({shortened(n.name, name_width), shortened(n.instance, 16), joined(n.services),
                     number(n.brokers.size()), span(n.heard_ms), number(n.credit),
                     number(n.in_flight), number(n.asked), number(n.streams), state_of(n)});
    }
    return out;
  }

  [[nodiscard]] rows services() const {
    rows out{{"SERVICE", "WORKERS", "CREDIT", "IN FLIGHT", "WAITING",
              "CONTROL/INTERACTIVE/"
              "NORMAL/BATCH",
              "OLDEST", "REQ/S"}};
    const auto* before = view_.before != nullptr ? &view_.before->services : nullptr;
    for (const auto& s : now_.services) {
      const auto& w = s.waiting;
      const auto* was = find(before, &service_load::name, s.name);
      out.push_back({shortened(s.name, name_width), number(s.workers), number(s.credit),
                     number(s.in_flight), number(all_waiting(s)),
                     number(w.control) + '/' + number(w.interactive) + '/' + number(w.normal) +
                         '/' + number(w.batch),
                     span(s.oldest_ms),
                     was != nullptr ? rate(s.requests, was->requests, view_.seconds) : unknown});
    }
    return out;
  }

  using counts = std::map<std::string, std::uint64_t>;
  static counts dropped(const topology& in) {
    counts out;
    for (const auto& b : in.brokers)
      for (const auto& d : b.dropped)
        if (d.count > 0) out[d.reason] += d.count;
    return out;
  }

  /// By reason, of all brokers.
  [[nodiscard]] rows drops() const {
    rows out{{"DROPPED", "FRAMES", "PER SECOND"}};
    auto before = view_.before != nullptr ? dropped(*view_.before) : counts();
    for (const auto& [reason, count] : dropped(now_))
      out.push_back(
          {shortened(reason, name_width), number(count),
           view_.before != nullptr ? rate(count, before[reason], view_.seconds) : unknown});
    return out;
  }

  static std::string more(std::uint64_t count, const char* what) {
    return count == 0 ? std::string() : "and " + number(count) + " more " + what + '\n';
  }

  const top_view& view_;
  const topology& now_;
};

} // namespace

std::string top_text(const top_view& view) {
  return page(view).text();
}

} // namespace troupe::cli

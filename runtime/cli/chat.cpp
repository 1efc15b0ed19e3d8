#include "runtime/cli/chat.hpp"

#include "runtime/cli/api_client.hpp"
#include "runtime/cli/sse_reader.hpp"
#include "runtime/cli/terminal.hpp"

#include <boost/json.hpp>
#include <cstdio>
#include <iostream>

namespace troupe::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t quote_width = 100;

std::string text(const json::object& in, std::string_view name) {
  const auto* found = in.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

/// What one answer told until now. Prints tokens as they come.
class answer {
public:
  void take(const sse_event& event) {
    boost::system::error_code wrong;
    const json::value parsed = json::parse(event.data, wrong);
    const auto* object = parsed.if_object();
    if (wrong || object == nullptr) return;
    if (event.name == "token") print(text(*object, "text"));
    if (event.name == "citation") cite(*object);
    if (event.name == "done") {
      done_ = true;
      conversation_ = text(*object, "conversation_id");
    }
    if (event.name == "error") take_error(*object);
  }

  /// Prints what stands below an answer. Errors: the server's error event, or an end without one.
  result<std::string> finish() {
    if (printed_) std::fputc('\n', stdout);
    for (std::size_t i = 0; i < citations_.size(); ++i) {
      std::printf("  [%zu] %s\n", i + 1, citations_[i].c_str());
    }
    std::fflush(stdout);
    if (!error_.empty()) return fail(errc::upstream_failed, error_);
    if (!done_) return fail(errc::upstream_failed, "the answer broke off");
    return conversation_;
  }

private:
  void print(const std::string& token) {
    const std::string shown = printable(token);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    std::fflush(stdout);
    printed_ = true;
  }

  void cite(const json::object& in) {
    const std::string quote = shortened(text(in, "quote"), quote_width);
    citations_.push_back(shortened(text(in, "filename"), quote_width) +
                         (quote.empty() ? "" : ": “" + quote + "”"));
  }

  void take_error(const json::object& in) {
    const auto* inner = in.if_contains("error");
    error_ = inner != nullptr && inner->is_object() ? text(inner->get_object(), "message")
                                                    : text(in, "error");
    if (error_.empty()) error_ = text(in, "message");
    if (error_.empty()) error_ = "the server reported an error without a message";
  }

  std::vector<std::string> citations_;
  std::string conversation_;
  std::string error_;
  bool done_ = false;
  bool printed_ = false;
};

/// One conversation with the server.
class conversation {
public:
  conversation(const access& to, std::string model) : api_(to), model_(std::move(model)) {}

  /// Names to ids.
  result<void> choose_stores(const std::vector<std::string>& names) {
    for (const auto& name : names) {
      auto store = api_.find_store(name);
      if (!store) return std::unexpected(store.error());
      stores_.emplace_back(store->id);
    }
    return {};
  }

  result<void> ask(const std::string& message) {
    json::object body{{"message", message}};
    if (!id_.empty()) body["conversation_id"] = id_;
    if (!model_.empty()) body["model"] = model_;
    if (!stores_.empty()) body["vector_store_ids"] = stores_;
    answer incoming;
    sse_reader events([&](const sse_event& event) { incoming.take(event); });
    auto sent = api_.ask({.method = "POST",
                          .path = "/v1/chat/stream",
                          .json = json::serialize(body),
                          .on_data = [&](std::string_view bytes) { events.feed(bytes); }});
    auto finished = incoming.finish();
    if (!sent) return std::unexpected(sent.error());
    if (!finished) return std::unexpected(finished.error());
    if (!finished->empty()) id_ = *finished;
    return {};
  }

private:
  api_client api_;
  std::string model_;
  json::array stores_;
  std::string id_; ///< empty before the first answer
};

void complain(const error& why) {
  std::fprintf(stderr, "troupe chat: %s\n", printable(why.message).c_str());
}

/// Lines of stdin until its end.
int converse(conversation& with) {
  const bool interactive = is_terminal(stdin) && is_terminal(stdout);
  if (interactive) std::puts("Ask your documents; Ctrl-D or Ctrl-C ends.");
  bool failed = false;
  for (std::string line;;) {
    if (interactive) std::fputs("> ", stdout);
    std::fflush(stdout);
    if (!std::getline(std::cin, line)) break;
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    if (auto done = with.ask(line); !done) {
      failed = true;
      complain(done.error());
    }
  }
  if (interactive) std::fputc('\n', stdout);
  return failed && !interactive ? 1 : 0;
}

} // namespace

int run_chat(const chat_options& options, const environment& variables) {
  auto to = resolve_access(options.access, variables);
  if (!to) {
    complain(to.error());
    return to.error().code == errc::invalid_argument ? 2 : 1;
  }
  conversation with(*to, options.model);
  if (auto done = with.choose_stores(options.stores); !done) {
    complain(done.error());
    return 1;
  }
  if (options.message.empty()) return converse(with);
  if (auto done = with.ask(options.message); !done) {
    complain(done.error());
    return 1;
  }
  return 0;
}

} // namespace troupe::cli

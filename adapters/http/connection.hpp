#pragma once

#include "adapters/http/caller_turns.hpp"
#include "adapters/http/client_stream.hpp"
#include "adapters/http/edge_state.hpp"
#include "adapters/http/exchange.hpp"
#include "adapters/http/response_head.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace troupe::http {

class worker;

/// A client that has just connected.
struct arrival {
  client_stream stream;
  ip_address peer;
  peer_counts::place place;
};

/// One client's connection. Lives on its worker's thread and is called there only. Requests are
/// answered in order, one at a time; while one runs, a read stays pending, so that a client that
/// goes away is noticed at once. What a client sends ahead meanwhile is bounded.
class connection : public std::enable_shared_from_this<connection> {
public:
  using clock = std::chrono::steady_clock;

  connection(arrival client, worker& home, std::shared_ptr<mailbox> mail, edge_state& edge);
  ~connection();

  void start();
  void close();
  void drain();                       ///< at once when idle, else after the response
  void end_running(const error& why); ///< whatever is being read or worked on ends with `why`
  void on_sweep(clock::time_point now);
  void on_news(const std::shared_ptr<exchange>& from);

private:
  enum class phase : std::uint8_t {
    greeting,   // the TLS handshake
    idle,       // between requests
    header,     // some bytes of a request are there
    body,       // its header is complete
    running,    // a gate works on it; events may already be going out
    responding, // its end is being written
    lingering,  // answered and shut; what the client still sends is thrown away
    closed,
  };
  using parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  // connection.cpp: reading
  void on_greeted(client_stream::greeting how);
  void await_request();
  void read_more();
  void on_read(boost::system::error_code ec, std::size_t n);
  void on_gone(bool reset);
  void parse();
  /// Whether a body of so many bytes may come: what a header says is not counted, anybody may say
  /// it.
  [[nodiscard]] bool has_room(std::size_t bytes) const;
  /// Counts what has come of a body. False: there is no room for it.
  [[nodiscard]] bool hold(std::size_t bytes);
  void let_go();
  [[nodiscard]] static error too_much_held();
  bool parse_header();
  bool parse_body();
  void begin_request();
  void on_header();
  void refuse_header(boost::system::error_code ec);
  void begin_refusal();
  void late(clock::time_point now);

  // connection_admit.cpp: deciding
  using head_fields = boost::beast::http::fields;
  void admit(route_match match);
  void judge(const route_match& match);
  void begin_preflight(std::string_view origin, const std::string& methods);
  void dispatch();
  void take_turn();
  void on_turn();
  void work();
  [[nodiscard]] std::string client_of(const head_fields& head) const;
  void run_handler(http_call& call);

  // connection_answer.cpp: writing
  [[nodiscard]] response_head head_of_answer() const;
  void refuse(error why, std::string extra = {});
  void respond(http_answer answer, std::uint32_t retry_ms = 0);
  void respond(const error& why, std::string extra = {});
  void respond_as_gotrue(const error& why, std::string extra);
  void begin_events();
  void write_events();
  void finish_events(const std::optional<error>& failure);
  void write();
  void write_rest();
  void on_written();
  void finish_request();
  void linger(bool rest_expected);
  void take_news();

  client_stream stream_;
  const ip_address peer_;
  const std::string peer_text_;
  const peer_counts::place place_;
  worker& home_;
  const std::shared_ptr<mailbox> mail_;
  edge_state& edge_;
  phase phase_ = phase::idle;
  clock::time_point deadline_; // of the phase; of the write when one is under way

  std::string in_; // read and not yet parsed, from in_at_ on
  std::size_t in_at_ = 0;
  std::string chunk_; // where a pending read puts its bytes
  bool reading_ = false;
  std::size_t lingered_ = 0;

  std::optional<parser> parser_;
  std::size_t received_ = 0; // bytes of the body phase
  bool continue_wanted_ = false;
  const route* route_ = nullptr;
  bool error_words_ = false; // GoTrue's newer form of errors is wanted
  std::vector<json::parameter> path_;
  std::optional<error> early_; // decided from the header: answered when the body is in
  std::string early_extra_;
  bool preflight_ = false; // of a page of another origin: answered with early_extra_
  std::string head_lines_; // that the exchange adds
  std::string_view cors_;  // header lines for the request's origin; edge_ has the text

  std::shared_ptr<exchange> current_;
  bool head_ = false, http_1_0_ = false, keep_alive_ = true;
  caller_turns::turn turn_;
  bool is_turn_awaited_ = false;
  bool counted_ = false; // in edge_.running
  std::size_t held_ = 0; // in edge_.held
  bool events_begun_ = false;
  stream_position at_;     // behind the events that were taken
  bool news_over_ = false; // the end of the stream is in `failure_` or good
  std::optional<error> failure_;
  std::string collected_;                                // a body that comes in pieces
  std::string events_;                                   // events that wait for the write under way
  std::uint32_t frames_waiting_ = 0, bytes_waiting_ = 0; // their credit
  std::uint32_t frames_out_ = 0, bytes_out_ = 0;         // the credit of what is being written
  clock::time_point last_event_;
  unsigned status_ = 0;

  std::string out_;
  std::size_t out_at_ = 0;
  bool writing_ = false;
};

} // namespace troupe::http

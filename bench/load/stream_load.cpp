// The two ends of the stream bench, in one small program on one thread each.
//   stream_load serve [--deltas 64] [--gap-ms 20]
//       an OpenAI-like provider: answers every POST with a chat.completion.chunk stream whose
//       deltas are `gap-ms` apart; prints `port N` when it listens (on loopback), runs until
//       SIGTERM.
//   stream_load read --port N [--key K] [--streams 500] [--deltas 64] [--ramp-ms 200]
//       opens that many streams at once and prints one JSON object: gaps between deltas as the
//       client sees them, time to the first delta, and how many streams were not whole.
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using clock_type = std::chrono::steady_clock;
using failure = boost::system::error_code;

struct options {
  std::size_t streams = 500;
  std::size_t deltas = 64;
  std::chrono::milliseconds gap{20};
  std::chrono::milliseconds ramp{200};
  unsigned short port = 0;
  std::string key = "bench";
};

std::string chunk(std::string_view data) {
  std::array<char, 20> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
  return std::string(size.data()) + std::string(data) + "\r\n";
}

std::string event(std::string_view delta, std::string_view finish) {
  return "data: {\"id\":\"chatcmpl-sim\",\"object\":\"chat.completion.chunk\",\"created\":1,"
         "\"model\":\"sim\",\"choices\":[{\"index\":0,\"delta\":" +
         std::string(delta) + ",\"finish_reason\":" + std::string(finish) + "}]}\n\n";
}

// --- the provider
// ---------------------------------------------------------------------------------

/// One connection: requests in turn, each answered by a paced stream. Keeps itself alive.
class provider_session : public std::enable_shared_from_this<provider_session> {
public:
  provider_session(tcp::socket socket, const options& how)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), how_(how) {}

  void receive() {
    request_ = std::make_unique<http::request_parser<http::string_body>>();
    http::async_read(socket_, buffer_, *request_,
                     [self = shared_from_this()](failure ec, std::size_t) {
                       if (!ec) self->begin();
                     });
  }

private:
  void begin() {
    sent_ = 0;
    start_ = clock_type::now();
    send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" +
            chunk(event(R"({"role":"assistant","content":""})", "null")),
        [this] { pace(); });
  }

  /// Waits for the instant of the next delta, counted from the start: a late one does not delay the
  /// rest.
  void pace() {
    timer_.expires_at(start_ + how_.gap * static_cast<int>(sent_ + 1));
    timer_.async_wait([self = shared_from_this()](failure ec) {
      if (!ec) self->next();
    });
  }

  void next() {
    if (++sent_ <= how_.deltas) {
      send(chunk(event(R"({"content":"token )" + std::to_string(sent_) + R"( "})", "null")),
           [this] { pace(); });
      return;
    }
    send(chunk(event("{}", "\"stop\"")) + chunk("data: [DONE]\n\n") + "0\r\n\r\n",
         [this] { receive(); });
  }

  void send(std::string bytes, std::function<void()> then) {
    out_ = std::move(bytes);
    asio::async_write(socket_, asio::buffer(out_),
                      [self = shared_from_this(), then = std::move(then)](failure ec, std::size_t) {
                        if (!ec) then();
                      });
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  const options& how_;
  boost::beast::flat_buffer buffer_;
  std::unique_ptr<http::request_parser<http::string_body>> request_;
  std::string out_;
  std::size_t sent_ = 0;
  clock_type::time_point start_;
};

void accept(tcp::acceptor& acceptor, const options& how) {
  acceptor.async_accept([&](failure ec, tcp::socket socket) {
    if (ec) return;
    socket.set_option(tcp::no_delay(true));
    std::make_shared<provider_session>(std::move(socket), how)->receive();
    accept(acceptor, how);
  });
}

int serve(const options& how) {
  asio::io_context context{1};
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), how.port});
  acceptor.listen(4096);
  std::printf("port %u\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
  asio::signal_set ends(context, SIGINT, SIGTERM);
  ends.async_wait([&](failure, int) { context.stop(); });
  accept(acceptor, how);
  context.run();
  return 0;
}

// --- the client
// -----------------------------------------------------------------------------------

struct tally {
  std::vector<double> gaps_ms;
  std::vector<double> first_ms;
  std::size_t whole = 0;
  std::string trouble; ///< of the first stream that was not whole
};

/// One stream: connects at its turn, reads to the end, notes when each delta arrived.
class reader : public std::enable_shared_from_this<reader> {
public:
  reader(asio::io_context& context, const options& how, tally& sums)
      : socket_(context), timer_(context), how_(how), sums_(sums) {
    parser_.body_limit(boost::none);
    parser_.eager(true);
  }

  void start_after(std::chrono::microseconds delay) {
    timer_.expires_after(delay);
    timer_.async_wait([self = shared_from_this()](failure) { self->connect(); });
  }

private:
  void connect() {
    socket_.async_connect({asio::ip::address_v4::loopback(), how_.port},
                          [self = shared_from_this()](failure ec) {
                            if (ec) return self->fail(ec.message());
                            self->socket_.set_option(tcp::no_delay(true));
                            self->ask();
                          });
  }

  void ask() {
    const std::string body =
        R"({"model":"sim","stream":true,"messages":[{"role":"user","content":"Tell me a story."}]})";
    out_ = "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " +
           how_.key +
           "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
    asked_ = clock_type::now();
    asio::async_write(socket_, asio::buffer(out_),
                      [self = shared_from_this()](failure ec, std::size_t) {
                        if (ec) return self->fail(ec.message());
                        self->receive();
                      });
  }

  void receive() {
    socket_.async_read_some(buffer_.prepare(room_.size()),
                            [self = shared_from_this()](failure ec, std::size_t size) {
                              if (ec) return self->fail(ec.message());
                              self->received(size);
                            });
  }

  /// The parser undoes the chunks; fed by hand, because Beast's read_some of a chunked body comes
  /// back only when the next chunk has begun.
  void received(std::size_t size) {
    const auto now = clock_type::now();
    buffer_.commit(size);
    failure ec;
    while (buffer_.size() && !parser_.is_done() && !ec) {
      parser_.get().body().data = room_.data();
      parser_.get().body().size = room_.size();
      buffer_.consume(parser_.put(buffer_.data(), ec));
      if (ec == http::error::need_buffer) ec = {};
      if (parser_.is_header_done())
        text_.append(room_.data(), room_.size() - parser_.get().body().size);
    }
    if (ec && ec != http::error::need_more) return fail(ec.message());
    for (std::size_t end; (end = text_.find('\n')) != std::string::npos; text_.erase(0, end + 1))
      line(std::string_view(text_).substr(0, end), now);
    if (!parser_.is_done()) return receive();
    if (parser_.get().result() != http::status::ok)
      return fail("HTTP " + std::to_string(parser_.get().result_int()) + " " + text_);
    if (seen_ != how_.deltas || !done_)
      return fail(std::to_string(seen_) + " deltas, " + (done_ ? "then" : "no") + " [DONE]");
    ++sums_.whole;
  }

  void line(std::string_view text, clock_type::time_point now) {
    using ms = std::chrono::duration<double, std::milli>;
    if (text.find(R"("content":"token )") != std::string_view::npos) {
      if (seen_++ == 0)
        sums_.first_ms.push_back(ms(now - asked_).count());
      else
        sums_.gaps_ms.push_back(ms(now - last_).count());
      last_ = now;
    } else if (text.find("[DONE]") != std::string_view::npos) {
      done_ = true;
    }
  }

  void fail(const std::string& why) {
    if (sums_.trouble.empty()) sums_.trouble = why.substr(0, 200);
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  const options& how_;
  tally& sums_;
  boost::beast::flat_buffer buffer_;
  http::response_parser<http::buffer_body> parser_;
  std::array<char, 16384> room_{};
  std::string out_, text_;
  clock_type::time_point asked_, last_;
  std::size_t seen_ = 0;
  bool done_ = false;
};

double percentile(std::vector<double>& values, double p) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<std::size_t>(p * static_cast<double>(values.size())))];
}

int read(const options& how) {
  asio::io_context context{1};
  tally sums;
  for (std::size_t i = 0; i < how.streams; ++i) {
    const auto turn =
        std::chrono::microseconds(how.ramp) * static_cast<int>(i) / static_cast<int>(how.streams);
    std::make_shared<reader>(context, how, sums)->start_after(turn);
  }
  context.run_for(std::chrono::seconds(60));
  for (char& c : sums.trouble)
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 32) c = '\'';
  std::printf(
      "{\"streams\":%zu,\"whole\":%zu,\"gap_p50_ms\":%.2f,\"gap_p99_ms\":%.2f,"
      "\"gap_p999_ms\":%.2f,\"gap_max_ms\":%.2f,\"first_p99_ms\":%.2f,\"trouble\":\"%s\"}\n",
      how.streams, sums.whole, percentile(sums.gaps_ms, 0.5), percentile(sums.gaps_ms, 0.99),
      percentile(sums.gaps_ms, 0.999), percentile(sums.gaps_ms, 1), percentile(sums.first_ms, 0.99),
      sums.trouble.c_str());
  return sums.whole == how.streams ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  options how;
  const std::string_view mode = argc > 1 ? argv[1] : "";
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    const char* value = argv[i + 1];
    if (flag == "--streams")
      how.streams = std::strtoul(value, nullptr, 10);
    else if (flag == "--deltas")
      how.deltas = std::strtoul(value, nullptr, 10);
    else if (flag == "--gap-ms")
      how.gap = std::chrono::milliseconds(std::strtoul(value, nullptr, 10));
    else if (flag == "--ramp-ms")
      how.ramp = std::chrono::milliseconds(std::strtoul(value, nullptr, 10));
    else if (flag == "--port")
      how.port = static_cast<unsigned short>(std::strtoul(value, nullptr, 10));
    else if (flag == "--key")
      how.key = value;
  }
  if (mode == "serve") return serve(how);
  if (mode == "read" && how.port) return read(how);
  std::fprintf(
      stderr,
      "stream_load serve [--deltas N] [--gap-ms N] | read --port N [--key K] [--streams N]\n");
  return 2;
}

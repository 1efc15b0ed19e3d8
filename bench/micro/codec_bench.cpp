// Measures writing and reading of typical messages in both codecs, and the reader that runs for
// every streamed chunk of a provider. Sizes stand in the label.
#include "messages/codec/chat_json.hpp"
#include "messages/codec/json.hpp"
#include "messages/codec/msgpack.hpp"
#include "messages/message_list.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>

namespace {

using namespace troupe;

/// A chat of three turns, about 1 KiB.
chat_request sample_chat() {
  chat_request out;
  out.model = "gpt-4o-mini";
  out.stream = true;
  out.body = chat_json::make_body(out.model,
                                  {{"system", "Answer briefly and cite what you used."},
                                   {"user", std::string(400, 'q') + " \"quoted\"\n"},
                                   {"user", std::string(400, 'z')}},
                                  true);
  return out;
}

log_record sample_log() {
  log_record out;
  out.id = "log_0192f3a4b5c67890abcdef0123456789";
  out.time = "2026-11-21T05:00:00.123456Z";
  out.service = "troupe.prompt";
  out.message = "chat.completed";
  out.attributes.raw =
      R"({"user":"0192f3a4","model":"extract","prompt_tokens":120,"latency_ms":41})";
  out.user = "0192f3a4-b5c6-7890-abcd-ef0123456789";
  return out;
}

void label(benchmark::State& state, std::size_t bytes) {
  state.SetLabel(std::to_string(bytes) + " bytes");
}

template <class T, T (*sample)()>
void json_encode(benchmark::State& state) {
  const T value = sample();
  for (auto _ : state) benchmark::DoNotOptimize(json::encode(value));
  label(state, json::encode(value).size());
}

template <class T, T (*sample)()>
void json_decode(benchmark::State& state) {
  const std::string text = json::encode(sample());
  for (auto _ : state) {
    auto out = json::decode<T>(text);
    if (!out) std::abort();
    benchmark::DoNotOptimize(out);
  }
  label(state, text.size());
}

template <class T, T (*sample)()>
void msgpack_encode(benchmark::State& state) {
  const T value = sample();
  for (auto _ : state) benchmark::DoNotOptimize(msgpack_codec::encode(value));
  label(state, msgpack_codec::encode(value).size());
}

template <class T, T (*sample)()>
void msgpack_decode(benchmark::State& state) {
  const std::string bytes = msgpack_codec::encode(sample());
  for (auto _ : state) {
    auto out = msgpack_codec::decode<T>(bytes);
    if (!out) std::abort();
    benchmark::DoNotOptimize(out);
  }
  label(state, bytes.size());
}

void read_provider_chunk(benchmark::State& state) {
  const json_text chunk = chat_json::text_chunk(
      {"chatcmpl-abcdefghijklmnop", "gpt-4o-mini", 1700000000}, " token", true);
  for (auto _ : state) {
    auto out = chat_json::read(chunk);
    if (!out.valid) std::abort();
    benchmark::DoNotOptimize(out);
  }
  label(state, chunk.raw.size());
}

void read_chat_body(benchmark::State& state) {
  const json_text body = sample_chat().body;
  for (auto _ : state) {
    auto out = json::decode<chat_completion_body>(body.raw);
    if (!out) std::abort();
    benchmark::DoNotOptimize(out);
  }
  label(state, body.raw.size());
}

BENCHMARK(json_encode<chat_request, sample_chat>)->Name("json/encode/chat_request");
BENCHMARK(json_decode<chat_request, sample_chat>)->Name("json/decode/chat_request");
BENCHMARK(msgpack_encode<chat_request, sample_chat>)->Name("msgpack/encode/chat_request");
BENCHMARK(msgpack_decode<chat_request, sample_chat>)->Name("msgpack/decode/chat_request");
BENCHMARK(json_encode<log_record, sample_log>)->Name("json/encode/log_record");
BENCHMARK(json_decode<log_record, sample_log>)->Name("json/decode/log_record");
BENCHMARK(msgpack_encode<log_record, sample_log>)->Name("msgpack/encode/log_record");
BENCHMARK(msgpack_decode<log_record, sample_log>)->Name("msgpack/decode/log_record");
BENCHMARK(read_provider_chunk)->Name("json/read/provider_chunk");
BENCHMARK(read_chat_body)->Name("json/decode/chat_completion_body");

} // namespace

// Goal: bytes that announce more than they hold, or nest without end, cost an error and no memory,
// whatever decoder they reach. Method: row 31 of the fault matrix: each hostile value by itself and
// where a good message would have a value, through every decoder of headers, link bodies and
// messages; then the most that this process ever had of resident memory has hardly risen.
#include "broker/envelope.hpp"
#include "broker/frame_bodies.hpp"
#include "messages/codec/msgpack.hpp"
#include "messages/message_list.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <string>
#include <vector>

namespace troupe::wire {
namespace {

using namespace std::string_literals;

/// Sanitizers keep what was freed, and shadows of all memory that was touched.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr long spare_kib = 64 << 10;
#else
constexpr long spare_kib = 1 << 10;
#endif

std::string repeated(std::size_t count, const std::string& part) {
  std::string out;
  for (std::size_t n = 0; n < count; ++n) out += part;
  return out;
}

/// Small arrays in small arrays: no single one is large.
std::string bushy() {
  const auto row = "\xdc\x00\x40"s + std::string(64, '\xc0');
  return "\xdc\x00\x40"s + repeated(64, "\xdc\x00\x40"s + repeated(64, row));
}

std::vector<std::string> hostile_values() {
  return {
      "\xdd\xff\x00\x00\x00"s,                       // an array of 4 billion
      "\xdf\xff\x00\x00\x00"s,                       // a map of as many
      "\xdb\x40\x00\x00\x00"s,                       // a string of 1 GB
      "\xc6\x40\x00\x00\x00"s,                       // bytes
      "\xc9\x40\x00\x00\x00\x01"s,                   // an extension
      repeated(1000, "\xdc\xff\xff"s),               // arrays of 65,535 in one another
      repeated(24'000, "\xdc\xff\xff"s),             // the same, 72 KB
      repeated(1000, "\xde\xff\xff\xa1x"s),          // maps
      repeated(10'000, "\x91"s) + "\xc0",            // 10,000 levels that are whole
      repeated(10'000, "\x81\xa1x"s) + "\xc0",       // of maps
      repeated(3, "\xdd\x00\x0f\xff\xff"s) + "\xc0", // a million, thrice
      "\x92"s + std::string(2, '\xc1'),              // a byte that means nothing
  };
}

/// A value in the place of the last field of a header, and of a body's.
std::vector<std::string> wrapped(const std::string& value) {
  const auto id = "\xc4\x10"s + std::string(16, '\1');
  const auto header = "\x9b\x01\x07\x00"s + id + id + "\xa1x\x00\x00\x02\x00"s;
  return {value,
          header + value,
          header + "\x81\xa2tp"s + value,
          "\x81\xa4name"s + value,
          "\x81\xa5roles"s + value,
          "\x81\xa7message"s + value};
}

/// How many decoders took the bytes for something.
int accepted_by(const std::string& bytes) {
  int taken = decode(bytes).has_value() + decode_hello(bytes).has_value() +
              decode_welcome(bytes).has_value() + decode_capacity(bytes).has_value() +
              decode_heartbeat(bytes).has_value() + decode_window(bytes).has_value();
#define TROUPE_TRY_DECODER(T) taken += msgpack_codec::decode<T>(bytes).has_value();
  TROUPE_MESSAGES(TROUPE_TRY_DECODER)
#undef TROUPE_TRY_DECODER
  return taken;
}

long peak_kib() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return used.ru_maxrss;
}

TEST(hostile_msgpack, is_refused_by_every_decoder_at_no_cost) {
  (void)accepted_by("\x80"); // what the decoders need once
  const auto before = peak_kib();
  for (const auto& value : hostile_values())
    for (const auto& bytes : wrapped(value))
      EXPECT_EQ(accepted_by(bytes), 0) << ::testing::PrintToString(bytes.substr(0, 40));
  EXPECT_LT(peak_kib() - before, spare_kib);
}

TEST(hostile_msgpack, whose_parts_are_all_small_is_refused_where_it_is_large) {
  const auto before = peak_kib();
  for (const auto& bytes : wrapped(bushy())) EXPECT_FALSE(decode(bytes) || decode_hello(bytes));
  EXPECT_LT(peak_kib() - before, 2 * spare_kib); // the bytes themselves are 260 KiB, twice
}

TEST(hostile_msgpack, takes_at_most_eight_times_its_bytes) {
  const std::size_t count = 8u << 20;
  const auto bytes = "\x81\xa1x\xdd"s + std::string{'\0', '\x80', '\0', '\0'} +
                     std::string(count, '\xc0'); // a list of nils that no field asks for
  const auto before = peak_kib();
  EXPECT_FALSE(msgpack_codec::decode<error>(bytes));
  EXPECT_LT(peak_kib() - before, spare_kib) << "more nodes than such bytes may have";
}

} // namespace
} // namespace troupe::wire

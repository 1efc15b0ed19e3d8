#include "adapters/redis/scripts.hpp"

#include "messages/base/limits.hpp"

#include <openssl/evp.h>
#include <array>
#include <chrono>
#include <string_view>

namespace troupe::redis {
namespace {

/// What the limits' scripts share. A counter is a hash: an amount for each bucket number, `s` the
/// sum of them, `o` and `n` the oldest and the newest number; so that a step costs the same however
/// many buckets are in use. Numbers are whole and below 2^53, which Lua's doubles hold exactly; its
/// own way of printing them does not.
constexpr std::string_view counters = R"lua(
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function whole(number) return string.format('%.0f', number) end

local function range_of(key, from, to)
  local fields = {}
  for bucket = from, to do fields[#fields + 1] = whole(bucket) end
  return fields, redis.call('HMGET', key, unpack(fields))
end

-- Forgets the buckets that have wholly left the window; answers the sum, the oldest and the newest.
local function slide(key, width)
  local head = redis.call('HMGET', key, 's', 'o', 'n')
  if not head[1] then return 0, nil, nil end
  local sum, oldest, newest = tonumber(head[1]), tonumber(head[2]), tonumber(head[3])
  local first = math.floor(now / width) - BUCKETS
  if oldest >= first then return sum, oldest, newest end
  if newest < first then
    redis.call('DEL', key)
    return 0, nil, nil
  end
  local fields, amounts = range_of(key, oldest, first - 1)
  for i = 1, #fields do sum = sum - tonumber(amounts[i] or 0) end
  redis.call('HDEL', key, unpack(fields))
  redis.call('HSET', key, 's', whole(sum), 'o', whole(first))
  return sum, first, newest
end

local function gone_at(bucket, width) return (bucket + BUCKETS + 1) * width end
)lua";

constexpr std::string_view reserve = R"lua(
local function look(want)
  if want.stream then
    redis.call('ZREMRANGEBYSCORE', want.key, '-inf', whole(now))
    want.used = redis.call('ZCARD', want.key)
  else
    want.used, want.oldest, want.newest = slide(want.key, want.width)
  end
end

-- How long to wait until there is room: 0, when there is.
local function wait_of(want)
  local over = want.used + want.amount - want.most
  if want.amount > want.most then return want.window end
  if over <= 0 then return 0 end
  if want.stream then return math.min(want.window, STREAM_RETRY) end
  local _, amounts = range_of(want.key, want.oldest, want.newest)
  for i = 1, want.newest - want.oldest + 1 do
    over = over - tonumber(amounts[i] or 0)
    if over <= 0 then return gone_at(want.oldest + i - 1, want.width) - now end
  end
  return want.window
end

-- Answers the bucket in which it was counted.
local function take(want)
  if want.stream then
    if want.amount > 0 then
      redis.call('ZADD', want.key, whole(now + want.window), ARGV[1])
      redis.call('PEXPIRE', want.key, whole(want.window + 1000))
      want.used = want.used + 1
    end
    return 0
  end
  -- Not before the newest: the clock of a server that took over may be behind.
  local bucket = math.max(math.floor(now / want.width), want.newest or 0)
  want.oldest, want.newest = want.oldest or bucket, bucket
  want.used = want.used + want.amount
  redis.call('HINCRBY', want.key, whole(bucket), whole(want.amount))
  redis.call('HSET', want.key, 's', whole(want.used), 'o', whole(want.oldest), 'n', whole(want.newest))
  redis.call('PEXPIRE', want.key, whole(gone_at(want.newest, want.width) - now))
  return bucket
end

local function reset_of(want)
  if want.used <= 0 then return 0 end
  if not want.stream then return gone_at(want.newest, want.width) - now end
  local last = redis.call('ZREVRANGE', want.key, 0, 0, 'WITHSCORES')
  return tonumber(last[2]) - now
end

local wants, refused_by, wait = {}, 0, 0
local repeated = redis.call('EXISTS', KEYS[1]) == 1
for i = 2, #KEYS do
  local at = 2 + (i - 2) * 5
  local want = {key = KEYS[i], stream = ARGV[at + 1] == '1', most = tonumber(ARGV[at + 2]),
                window = tonumber(ARGV[at + 3]), width = tonumber(ARGV[at + 4]),
                amount = tonumber(ARGV[at + 5])}
  look(want)
  local longer = wait_of(want)
  if longer > wait and not repeated then refused_by, wait = i - 2, longer end
  wants[#wants + 1] = want
end
if wait == 0 and not repeated then
  local record = {}
  for i, want in ipairs(wants) do
    record[i] = {want.key, want.stream, want.window, want.width, take(want), want.amount}
  end
  redis.call('SET', KEYS[1], cmsgpack.pack(record), 'PX', ARGV[2])
end
local answer = {wait == 0 and 1 or 0, refused_by, wait}
for _, want in ipairs(wants) do
  answer[#answer + 1] = math.max(want.most - want.used, 0)
  answer[#answer + 1] = reset_of(want)
end
return answer
)lua";

constexpr std::string_view settle = R"lua(
local function move(key, width, bucket, difference)
  local sum = slide(key, width)
  local field = whole(bucket)
  local held = redis.call('HGET', key, field)
  if not held then return end
  difference = math.max(difference, -tonumber(held))
  redis.call('HINCRBY', key, field, whole(difference))
  redis.call('HSET', key, 's', whole(sum + difference))
end

local packed = redis.call('GET', KEYS[1])
if not packed then return 0 end
for i, want in ipairs(cmsgpack.unpack(packed)) do
  local key, stream, _, width, bucket, amount = unpack(want)
  if stream then
    redis.call('ZREM', key, ARGV[1])
  elseif ARGV[i + 1] then
    move(key, width, bucket, tonumber(ARGV[i + 1]) - amount)
  end
end
-- What is left says that it was granted, to a repeated reserve, and that nothing is to be settled.
local life = math.min(redis.call('PTTL', KEYS[1]), SETTLED_LIFE)
redis.call('SET', KEYS[1], cmsgpack.pack({}), 'PX', whole(math.max(life, 1)))
return 1
)lua";

constexpr std::string_view renew = R"lua(
local function renew(record, id)
  local packed = redis.call('GET', record)
  if not packed then return 0 end
  local held = 0
  for _, want in ipairs(cmsgpack.unpack(packed)) do
    local key, stream, lease = unpack(want)
    local until_ = stream and redis.call('ZSCORE', key, id)
    if until_ and tonumber(until_) > now then
      held = 1
      redis.call('ZADD', key, whole(now + lease), id)
      redis.call('PEXPIRE', key, whole(lease + 1000))
      if redis.call('PTTL', record) < lease + 1000 then
        redis.call('PEXPIRE', record, whole(lease + 1000))
      end
    end
  end
  return held
end

local answer = {}
for i, record in ipairs(KEYS) do answer[i] = renew(record, ARGV[i]) end
return answer
)lua";

constexpr std::string_view put = R"lua(
if redis.call('GET', KEYS[1]) == 'r' then return 0 end
redis.call('SET', KEYS[1], 'v' .. ARGV[1], 'PX', ARGV[2])
return 1
)lua";

constexpr std::string_view revoke = R"lua(
if redis.call('GET', KEYS[1]) == 'r' and redis.call('PTTL', KEYS[1]) >= tonumber(ARGV[1]) then
  return 0
end
redis.call('SET', KEYS[1], 'r', 'PX', ARGV[1])
return 1
)lua";

std::string sha1_hex(std::string_view text) {
  std::array<unsigned char, 20> sum{};
  EVP_Digest(text.data(), text.size(), sum.data(), nullptr, EVP_sha1(), nullptr);
  std::string out;
  for (const auto byte : sum) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

script make(std::string text) {
  auto sum = sha1_hex(text);
  return {std::move(text), std::move(sum)};
}

script make_of_limits(std::string_view body) {
  const auto ms = [](std::chrono::milliseconds each) { return std::to_string(each.count()); };
  return make("local BUCKETS, SETTLED_LIFE, STREAM_RETRY = " +
              std::to_string(limits::limit_buckets) + ", " + ms(limits::limit_settled_life) + ", " +
              ms(limits::limit_stream_retry) + std::string(counters) + std::string(body));
}

} // namespace

const script& reserve_script() {
  static const script made = make_of_limits(reserve);
  return made;
}
const script& settle_script() {
  static const script made = make_of_limits(settle);
  return made;
}
const script& renew_script() {
  static const script made = make_of_limits(renew);
  return made;
}
const script& put_script() {
  static const script made = make(std::string(put));
  return made;
}
const script& revoke_script() {
  static const script made = make(std::string(revoke));
  return made;
}

} // namespace troupe::redis

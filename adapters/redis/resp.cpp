#include "adapters/redis/resp.hpp"

#include "messages/base/limits.hpp"

#include <hiredis/hiredis.h>
#include <new>

namespace troupe::redis {
namespace {

value taken(const redisReply& from) {
  value out;
  switch (from.type) {
    case REDIS_REPLY_INTEGER:
      out.what = value::kind::integer;
      out.number = from.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
      out.what = from.type == REDIS_REPLY_ERROR ? value::kind::error : value::kind::text;
      out.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ARRAY:
      out.what = value::kind::array;
      out.items.reserve(from.elements);
      for (std::size_t n = 0; n < from.elements; ++n) out.items.push_back(taken(*from.element[n]));
      break;
    default:
      break; // nil
  }
  return out;
}

} // namespace

std::string command_bytes(const std::vector<std::string_view>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const auto word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* made = nullptr;
  const auto size =
      redisFormatCommandArgv(&made, static_cast<int>(words.size()), texts.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  const std::unique_ptr<char, void (*)(char*)> owner(made, [](char* p) { redisFreeCommand(p); });
  return std::string(made, static_cast<std::size_t>(size));
}

resp_reader::resp_reader() : reader_(redisReaderCreate(), redisReaderFree) {
  if (!reader_) throw std::bad_alloc();
}

resp_reader::~resp_reader() = default;

bool resp_reader::feed(std::string_view bytes) {
  return redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) == REDIS_OK &&
         reader_->len - reader_->pos <= limits::redis_reply_bytes;
}

std::optional<value> resp_reader::next(bool& ok) {
  void* got = nullptr;
  ok = redisReaderGetReply(reader_.get(), &got) == REDIS_OK;
  if (!ok || got == nullptr) return std::nullopt;
  const std::unique_ptr<void, void (*)(void*)> owner(got, freeReplyObject);
  return taken(*static_cast<const redisReply*>(got));
}

} // namespace troupe::redis

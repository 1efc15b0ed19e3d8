#pragma once

#include "actors/ports/llm_provider.hpp"
#include "messages/base/result.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace troupe {

struct llm_config {
  std::string base_url;     ///< http:// or https://, `/v1` included, e.g. https://api.openai.com/v1
  secret api_key;           ///< empty: no Authorization header is sent
  std::string organization; ///< OpenAI-Organization; may be empty
  std::string project;      ///< OpenAI-Project; may be empty
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds first_byte_timeout{120'000}; ///< from the call to the provider's status
  std::chrono::milliseconds stall_timeout{60'000};       ///< between two pieces of an answer
  unsigned connections_max = 512; ///< 1 to 65,535; calls past it wait for a connection
  /// On whose thread all of it runs; it runs already and outlives the provider. Null: its own.
  boost::asio::io_context* loop = nullptr;
};

/// A provider on one thread, on which all its callbacks run. Destroying it ends what
/// is running with `cancelled`; its llm_call handles may outlive it. Not to be destroyed from a
/// callback. Errors: `invalid_argument` when base_url is no http or https URL.
[[nodiscard]] result<std::unique_ptr<llm_provider>> make_llm_provider(llm_config config);

} // namespace troupe

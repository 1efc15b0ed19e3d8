#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every bound of the program in one place. Configuration may lower or raise those that a config
/// struct names; these are the defaults and the hard ends.
namespace troupe::limits {

inline constexpr std::size_t body_bytes = 32u << 20;   ///< an HTTP body
inline constexpr std::size_t header_bytes = 16u << 10; ///< an HTTP request's header
inline constexpr std::size_t json_depth = 32;          ///< nesting of JSON and MessagePack bodies
inline constexpr std::size_t wire_slack_bytes = 64u << 10; ///< envelope beside a body
inline constexpr std::size_t bus_body_bytes = ///< a message between nodes: an HTTP body
    body_bytes + wire_slack_bytes;            ///< and what its route adds to it
inline constexpr std::size_t light_body_bytes =
    64u << 10; ///< larger ones are not worked on by I/O threads
inline constexpr std::size_t log_page_bytes = 8u << 20;    ///< past it a page of records ends early
inline constexpr std::size_t wire_header_bytes = 4u << 10; ///< an envelope's header
inline constexpr std::size_t partial_bytes = 32u << 10;    ///< one PARTIAL's body
inline constexpr std::uint32_t stream_window_frames = 64;  ///< initial credit of a stream
inline constexpr std::uint32_t stream_window_bytes = 64u << 10;
inline constexpr std::size_t log_batch = 1000; ///< records in one POST /v1/logs
inline constexpr std::size_t log_message_bytes = 64u << 10;
inline constexpr std::size_t embedding_inputs = 2048;
inline constexpr std::size_t store_files_at_once = 500; ///< file_ids of a new vector store
inline constexpr std::size_t attribute_keys = 16;       ///< of a file in a vector store
inline constexpr std::size_t attribute_key_characters = 64;
inline constexpr std::size_t attribute_value_characters = 512;
inline constexpr std::size_t filter_depth = 8;     ///< nesting of a search's filters
inline constexpr std::size_t filter_nodes = 128;   ///< filters in one search, compounds too
inline constexpr std::size_t filter_values = 1000; ///< values in all of them
inline constexpr std::size_t password_bytes_min = 8;
inline constexpr std::size_t password_bytes_max = 1024;
inline constexpr std::size_t hash_queue = 64;       ///< password hashes that may wait
inline constexpr std::size_t store_queue = 4096;    ///< jobs waiting for a database thread
inline constexpr std::uint32_t purge_rows = 1000;   ///< deleted in one transaction, so that others
inline constexpr std::size_t purge_bytes =          ///< need not wait long; and so much of files'
    body_bytes;                                     ///< content (one file may be as large)
inline constexpr std::size_t upstream_calls = 4096; ///< provider calls in flight a node
inline constexpr std::size_t context_turns = 20;    ///< turns of a conversation put before a model
inline constexpr std::chrono::milliseconds auth_cache_ttl{5000};
inline constexpr std::size_t auth_cache_entries = 10000;
inline constexpr std::chrono::seconds access_token_ttl{15 * 60};
inline constexpr std::chrono::seconds refresh_token_ttl{30 * 24 * 3600};
inline constexpr std::chrono::seconds refresh_reuse_window{10};
inline constexpr std::chrono::seconds request_timeout{60}; ///< non-chat requests
inline constexpr std::chrono::seconds chat_timeout{600};   ///< as the openai clients' default
inline constexpr std::chrono::milliseconds heartbeat{1000};
inline constexpr std::chrono::seconds sse_heartbeat{15};
inline constexpr std::chrono::seconds sse_header_delay{2};

static_assert(partial_bytes < stream_window_bytes, "one chunk must fit a fresh window");
static_assert(body_bytes > partial_bytes);
static_assert(2 * filter_depth < json_depth, "an object and an array a level");
static_assert(password_bytes_min < password_bytes_max);

} // namespace troupe::limits

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
inline constexpr std::size_t import_users = 500;            ///< in one request
inline constexpr std::size_t import_hash_bytes = 255;       ///< a password hash, as it is stored
inline constexpr std::size_t import_batch_bytes = 4u << 20; ///< past it a batch ends early
inline constexpr std::size_t import_shown = 20;             ///< failed rows on the terminal
inline constexpr std::size_t metadata_bytes = 16u << 10;    ///< of an account, each of the two
inline constexpr std::size_t csv_record_bytes = 256u << 10; ///< a row of an imported table
inline constexpr std::size_t csv_fields = 256;              ///< its columns
inline constexpr std::size_t hash_queue = 64;               ///< password hashes that may wait
inline constexpr std::size_t store_queue = 4096;            ///< jobs waiting for a database thread
inline constexpr std::uint32_t purge_rows = 1000;   ///< deleted in one transaction, so that others
inline constexpr std::size_t purge_bytes =          ///< need not wait long; and so much of files'
    body_bytes;                                     ///< content (one file may be as large)
inline constexpr std::size_t upstream_calls = 4096; ///< provider calls in flight a node
inline constexpr std::size_t fetches = 64; ///< requests to other servers (keys, tokens) in flight
inline constexpr std::size_t fetch_body_bytes = 64u << 10;  ///< what such a request may carry
inline constexpr std::size_t fetch_answer_bytes = 1u << 20; ///< its answer's body
inline constexpr std::size_t mail_queue = 256;              ///< mails that wait for the mail server
inline constexpr std::size_t mail_retries = 3;              ///< after a first try that failed
inline constexpr std::chrono::seconds mail_patience{60};    ///< for all tries of a mail
inline constexpr std::size_t mail_subject_bytes = 500;
inline constexpr std::size_t mail_body_bytes = 256u << 10; ///< text and html, each
inline constexpr std::size_t mails_remembered = 100;       ///< by the mailer without a server
inline constexpr std::size_t context_turns = 20; ///< turns of a conversation put before a model
inline constexpr std::chrono::milliseconds auth_cache_ttl{5000};
inline constexpr std::size_t auth_cache_entries = 10000;
inline constexpr std::size_t session_key_bytes = 200; ///< of the shared cache of credentials
inline constexpr std::size_t session_value_bytes = 8u << 10;
inline constexpr std::size_t session_revoke_keys = 1000;   ///< in one call
inline constexpr std::size_t session_entries = 100'000;    ///< of the one in memory, values
inline constexpr std::size_t session_tombstones = 100'000; ///< of the one in memory
inline constexpr std::size_t session_bytes = 64u << 20;    ///< of the one in memory, all values
inline constexpr std::chrono::hours session_ttl_max{31 * 24};
inline constexpr int limit_buckets = 60;                ///< a limit's window is cut into these
inline constexpr std::size_t limit_wants = 16;          ///< in one reservation
inline constexpr std::size_t limit_scope_bytes = 200;   ///< a scope's name
inline constexpr std::size_t limit_id_bytes = 64;       ///< a reservation's name
inline constexpr std::size_t limit_renew_ids = 4096;    ///< in one call
inline constexpr std::size_t limit_scopes = 1'000'000;  ///< counters of the store in memory
inline constexpr std::size_t limit_records = 1'000'000; ///< reservations of the store in memory
inline constexpr std::int64_t limit_amount_max = std::int64_t{1} << 50; ///< exact in a double
inline constexpr std::chrono::seconds limit_window_min{1};
inline constexpr std::chrono::hours limit_window_max{7 * 24};
inline constexpr std::chrono::hours limit_record_life{2};     ///< of a reservation not renewed
inline constexpr std::chrono::seconds limit_settled_life{60}; ///< of one that was settled
inline constexpr std::chrono::seconds limit_stream_retry{1};
inline constexpr std::chrono::seconds stream_lease{30}; ///< a stream counts so long unless renewed
inline constexpr std::chrono::seconds stream_renew_every{10};
inline constexpr std::int64_t stream_tokens_step = 256; ///< reserved at once for what a model says
inline constexpr std::int64_t plain_answer_tokens = 1024; ///< reserved when nobody says how many
inline constexpr std::size_t limit_batch_calls = 64;      ///< in one transaction of a database
inline constexpr std::size_t limit_batch_ids = 512;       ///< that one transaction renews
inline constexpr std::size_t limit_leases = 10'000;       ///< streams of one counter in a database
inline constexpr std::size_t limit_sweep_rows = 200;      ///< dropped from each table in one step
inline constexpr std::chrono::seconds limit_sweep_every{10};
inline constexpr std::chrono::seconds limit_sweep_delay{60}; ///< past its end a row is kept so long
inline constexpr std::chrono::seconds shard_lease{3}; ///< of a shard's owner, on the store's clock
inline constexpr std::chrono::milliseconds shard_tick{100};
inline constexpr std::chrono::seconds shard_ask{
    1}; ///< for an owner's answer; then it is looked for
inline constexpr std::chrono::seconds shard_patience{6}; ///< for an owner to appear: two leases
inline constexpr std::size_t redis_waiting = 4096;   ///< commands of a node without their answer
inline constexpr std::size_t redis_renew_batch = 64; ///< ids in one step of the server
inline constexpr std::size_t redis_nodes = 64;       ///< of a cluster that are talked to
inline constexpr unsigned redis_redirections = 5;    ///< of one command, sent-again ones too
inline constexpr std::size_t redis_reply_bytes = 4u << 20; ///< one answer
inline constexpr std::chrono::milliseconds redis_timeout{1000};
inline constexpr std::chrono::milliseconds redis_reconnect_min{50};
inline constexpr std::chrono::milliseconds redis_reconnect_max{2000};
inline constexpr std::chrono::seconds access_token_ttl{15 * 60};
/// How long a signing key still verifies when another one signs: its last token must expire, and
/// every node learn of the new one.
inline constexpr std::chrono::seconds signing_key_overlap =
    access_token_ttl + std::chrono::seconds{60};
inline constexpr std::chrono::seconds refresh_token_ttl{30 * 24 * 3600};
inline constexpr std::chrono::seconds refresh_reuse_window{10};
inline constexpr std::chrono::seconds mail_token_ttl{3600}; ///< of links and codes in mails
inline constexpr std::chrono::seconds mail_pause{60};       ///< between two mails to an account
inline constexpr std::chrono::seconds pkce_code_ttl{600};   ///< until a code becomes a session
inline constexpr std::chrono::seconds provider_sign_in_ttl{600}; ///< from authorize to callback
inline constexpr int mail_code_tries = 5;                  ///< wrong ones before the code is dead
inline constexpr std::size_t redirect_bytes = 2048;        ///< a redirect_to
inline constexpr std::size_t redirect_urls = 64;           ///< patterns that it may match
inline constexpr std::chrono::seconds request_timeout{60}; ///< non-chat requests
inline constexpr std::chrono::seconds chat_timeout{600};   ///< as the openai clients' default
inline constexpr std::chrono::milliseconds heartbeat{1000};
inline constexpr std::chrono::seconds sse_heartbeat{15};
inline constexpr std::chrono::seconds sse_header_delay{2};
inline constexpr std::chrono::seconds stream_unread{30};   ///< then a resumable stream is stopped
inline constexpr std::chrono::seconds stream_kept_for{60}; ///< after its end
inline constexpr std::size_t stream_kept_bytes = 4u << 20; ///< of one, to be read again
inline constexpr std::size_t stream_ahead_bytes = 256u << 10; ///< said before it is read
inline constexpr std::size_t streams_kept = 1024;             ///< that have ended, in a node
inline constexpr std::size_t streams_kept_bytes = 256u << 20; ///< of all of a node's

/// What a password hash of another system may cost; dearer ones count as unreadable, because one
/// hostile row of an import would otherwise hold a hash thread for minutes or fill the memory.
inline constexpr std::size_t hash_text_bytes = 512;        ///< an encoded password hash
inline constexpr std::size_t hash_memory_bytes = 1u << 28; ///< Argon2 and scrypt, each of 2 at once
inline constexpr std::size_t hash_work_bytes = 1u << 30;   ///< their memory times passes: 1-2 s
inline constexpr std::uint32_t hash_lanes = 16;            ///< their parallelism
inline constexpr std::uint32_t hash_bcrypt_cost = 15;      ///< 2^15 rounds: 2-3 s
inline constexpr std::uint32_t hash_pbkdf2_iterations = 5'000'000; ///< 1-3 s

inline constexpr std::size_t token_bytes = 8u << 10;         ///< an access token, ours or another's
inline constexpr std::size_t token_extra_bytes = 1u << 10;   ///< members beside the fixed claims
inline constexpr std::size_t token_kid_bytes = 256;          ///< a key's name in a token's header
inline constexpr std::size_t signing_keys = 8;               ///< keys of a token signer
inline constexpr std::size_t jwks_bytes = 128u << 10;        ///< a JSON Web Key Set
inline constexpr std::size_t jwks_keys = 64;                 ///< keys in it
inline constexpr std::chrono::seconds token_leeway_max{300}; ///< clocks of foreign issuers

inline constexpr std::size_t issuers = 16;           ///< other issuers whose tokens are taken
inline constexpr std::size_t issuer_name_bytes = 64; ///< as identity_row::provider
inline constexpr std::size_t issuer_waiters = 1024;  ///< requests that wait for an issuer's keys
/// How long a key set counts as fresh, whatever the issuer's Cache-Control says.
inline constexpr std::chrono::seconds issuer_keys_age_min{5 * 60};
inline constexpr std::chrono::seconds issuer_keys_age_max{24 * 3600};
/// Tokens of unknown keys make us ask an issuer at most so often.
inline constexpr std::chrono::seconds issuer_ask_pause{30};
inline constexpr std::chrono::milliseconds issuer_fetch_timeout{5000}; ///< one request to it

static_assert(3 * stream_renew_every <= stream_lease);
static_assert(partial_bytes < stream_window_bytes, "one chunk must fit a fresh window");
static_assert(body_bytes > partial_bytes);
static_assert(2 * filter_depth < json_depth, "an object and an array a level");
static_assert(redis_waiting > limit_renew_ids / redis_renew_batch, "a renew is cut into commands");
static_assert(import_users < store_queue, "a request's rows are written together");
static_assert(import_hash_bytes <= hash_text_bytes);
static_assert(import_batch_bytes + csv_record_bytes < body_bytes);
static_assert(redis_waiting > session_revoke_keys, "a revocation is a command a key");
static_assert(password_bytes_min < password_bytes_max);
static_assert(hash_memory_bytes <= hash_work_bytes);
static_assert(2 * issuer_fetch_timeout < issuer_ask_pause, "discovery and keys, then the pause");
static_assert(issuer_ask_pause < issuer_keys_age_min);
static_assert(4 * token_extra_bytes <= wire_header_bytes, "our tokens pass between nodes");

} // namespace troupe::limits

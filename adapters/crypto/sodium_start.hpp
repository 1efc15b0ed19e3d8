#pragma once

namespace troupe::crypto {

/// Prepares libsodium (random source, the fastest implementation for this CPU). Idempotent,
/// thread-safe. Ends the process when there is no source of randomness: nothing safe can follow.
void start_sodium() noexcept;

} // namespace troupe::crypto

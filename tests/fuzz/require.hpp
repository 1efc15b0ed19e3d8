#pragma once

#include <cstdlib>

/// A promise that is broken ends the program, which is what a fuzzer looks for.
inline void require(bool holds) {
  if (!holds) std::abort();
}

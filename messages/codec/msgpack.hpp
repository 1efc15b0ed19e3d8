#pragma once

#include "messages/base/result.hpp"

#include <string>
#include <string_view>

/// MessagePack for every type of message_list.hpp: a map by field name, so that any language can
/// write it and fields can be added. The same rules as in json.hpp; enums are their names.
namespace troupe::msgpack_codec {

/// Errors: `invalid_argument` with the path. Bounded: depth limits::json_depth, at most as many
/// nodes as bytes, no trailing bytes; nothing is allocated ahead of its bytes.
template <class T>
[[nodiscard]] result<T> decode(std::string_view bytes);

template <class T>
[[nodiscard]] std::string encode(const T& value);

} // namespace troupe::msgpack_codec

#pragma once

#include <string>
#include <utility>
#include <vector>

/// JSON Schema 2020-12, as OpenAPI 3.1 takes it, of what goes over HTTP. A reference is
/// `#/components/schemas/<name of the message>`. Pure.
namespace troupe::json {

struct field_schema {
  std::string name;      ///< on the wire
  std::string schema;    ///< JSON
  bool required = false; ///< requests: refused without it; replies: always written
  bool internal = false; ///< the program's own; no part of what clients send
};

struct message_schema {
  std::string name;
  std::vector<field_schema> fields;
  std::string members; ///< more members of the schema, with a comma after each
};

/// Every message of message_list.hpp, from the description of its fields and their field_rules.hpp.
[[nodiscard]] std::vector<message_schema> message_schemas();

/// The schema of an object with these fields, the internal ones left out.
[[nodiscard]] std::string object_schema(const message_schema& message);

/// Name and schema of what is written as free-form JSON: chat completions, their chunks, the events
/// of /v1/chat/stream, embeddings.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> answer_schemas();

} // namespace troupe::json

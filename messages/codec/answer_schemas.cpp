#include "messages/codec/schema.hpp"

/// The shapes that chat_answers.cpp writes. A provider's answers are passed on as they came, so
/// that only what OpenAI's API promises of every answer is required.
namespace troupe::json {
namespace {

constexpr std::string_view completion =
    R"({"type":"object","required":["id","object","created","model","choices"],"properties":{)"
    R"("id":{"type":"string"},"object":{"type":"string","const":"chat.completion"},)"
    R"("created":{"type":"integer","description":"Unix seconds."},"model":{"type":"string"},)"
    R"("choices":{"type":"array","items":{"type":"object",)"
    R"("required":["index","message","finish_reason"],"properties":{"index":{"type":"integer"},)"
    R"("message":{"$ref":"#/components/schemas/chat_answer_message"},)"
    R"("logprobs":{"type":["object","null"]},)"
    R"("finish_reason":{"$ref":"#/components/schemas/finish_reason"}}}},)"
    R"("usage":{"$ref":"#/components/schemas/token_usage"},)"
    R"("service_tier":{"type":["string","null"]},)"
    R"("system_fingerprint":{"type":["string","null"]}}})";

constexpr std::string_view chunk =
    R"({"type":"object","required":["id","object","created","model","choices"],"properties":{)"
    R"("id":{"type":"string","description":"The same on all chunks, as `created` and `model`."},)"
    R"("object":{"type":"string","const":"chat.completion.chunk"},"created":{"type":"integer"},)"
    R"("model":{"type":"string"},"choices":{"type":"array",)"
    R"("description":"Empty on the chunk with the usage.","items":{"type":"object",)"
    R"("required":["index","delta"],"properties":{"index":{"type":"integer"},)"
    R"("delta":{"$ref":"#/components/schemas/chat_delta_message"},)"
    R"("logprobs":{"type":["object","null"]},"finish_reason":{"anyOf":[)"
    R"({"$ref":"#/components/schemas/finish_reason"},{"type":"null"}]}}}},"usage":{"anyOf":[)"
    R"({"$ref":"#/components/schemas/token_usage"},{"type":"null"}],"description":)"
    R"("With include_usage: null, and filled on one more chunk before the end."},)"
    R"("service_tier":{"type":["string","null"]},)"
    R"("system_fingerprint":{"type":["string","null"]}}})";

constexpr std::string_view finish_reason =
    R"({"type":"string","description":"stop, length, tool_calls, content_filter or function_call; )"
    R"(a provider may have words of its own."})";

constexpr std::string_view annotations =
    R"("annotations":{"type":"array","items":{"type":"object","required":["type"],"properties":{)"
    R"("type":{"type":"string","description":"file_citation where `retrieval` was asked for"},)"
    R"("file_citation":{"$ref":"#/components/schemas/citation"}}}})";

constexpr std::string_view tool_call =
    R"("id":{"type":"string"},"type":{"type":"string"},"function":{"type":"object","properties":{)"
    R"("name":{"type":"string"},"arguments":{"type":"string"}}})";

std::string answer_message() {
  return R"({"type":"object","required":["role","content"],"properties":{)"
         R"("role":{"type":"string","const":"assistant"},"content":{"type":["string","null"]},)"
         R"("refusal":{"type":["string","null"]},)" +
         std::string(annotations) +
         R"(,"tool_calls":{"type":["array","null"],"items":{"type":"object",)"
         R"("required":["id","type","function"],"properties":{)" +
         std::string(tool_call) + "}}}}}";
}

std::string delta_message() {
  return R"({"type":"object","properties":{"role":{"type":"string",)"
         R"("description":"On the first chunk."},"content":{"type":["string","null"]},)"
         R"("refusal":{"type":["string","null"]},)" +
         std::string(annotations) +
         R"(,"tool_calls":{"type":["array","null"],"items":{"type":"object",)"
         R"("required":["index"],"properties":{"index":{"type":"integer"},)" +
         std::string(tool_call) + "}}}}}";
}

constexpr std::string_view token_event =
    R"({"type":"object","required":["text"],"properties":{"text":{"type":"string"}}})";

constexpr std::string_view done_event =
    R"({"type":"object","required":["conversation_id","usage","finish_reason"],"properties":{)"
    R"("conversation_id":{"type":"string"},"usage":{"$ref":"#/components/schemas/token_usage"},)"
    R"("finish_reason":{"$ref":"#/components/schemas/finish_reason"}}})";

constexpr std::string_view embedding_list =
    R"({"type":"object","required":["object","data","model","usage"],"properties":{)"
    R"("object":{"type":"string","const":"list"},"data":{"type":"array","items":{"type":"object",)"
    R"("required":["object","index","embedding"],"properties":{)"
    R"("object":{"type":"string","const":"embedding"},"index":{"type":"integer","minimum":0},)"
    R"("embedding":{"anyOf":[{"type":"array","items":{"type":"number"}},)"
    R"({"type":"string","contentEncoding":"base64",)"
    R"("description":"encoding_format base64: little-endian float32"}]}}}},)"
    R"("model":{"type":"string"},"usage":{"type":"object",)"
    R"("required":["prompt_tokens","total_tokens"],"properties":{)"
    R"("prompt_tokens":{"type":"integer"},"total_tokens":{"type":"integer"}}}}})";

constexpr std::string_view jwks =
    R"({"type":"object","required":["keys"],"description":"RFC 7517; no symmetric keys.",)"
    R"("properties":{"keys":{"type":"array","items":{"type":"object",)"
    R"("required":["kty","kid","alg","use"],"properties":{"kty":{"type":"string"},)"
    R"("kid":{"type":"string"},"alg":{"type":"string"},"use":{"type":"string","const":"sig"}}}}}})";

} // namespace

std::vector<std::pair<std::string, std::string>> answer_schemas() {
  return {{"chat_completion", std::string(completion)},
          {"chat_completion_chunk", std::string(chunk)},
          {"chat_answer_message", answer_message()},
          {"chat_delta_message", delta_message()},
          {"finish_reason", std::string(finish_reason)},
          {"chat_token_event", std::string(token_event)},
          {"chat_done_event", std::string(done_event)},
          {"embedding_list", std::string(embedding_list)},
          {"jwks_answer", std::string(jwks)}};
}

} // namespace troupe::json

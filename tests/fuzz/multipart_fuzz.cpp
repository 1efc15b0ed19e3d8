// Goal: no form crashes the multipart parser, and every part lies inside the body. Method: the
// input is a content type, a line end, and a body; without a line end it is a body alone.
#include "adapters/http/multipart.hpp"

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe::http;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::string_view type = "multipart/form-data; boundary=B", body = input;
  if (const auto end = input.find('\n');
      input.starts_with("multipart") && end != std::string_view::npos) {
    type = input.substr(0, end);
    body = input.substr(end + 1);
  }
  const auto parts = parse_form(type, body);
  if (!parts) {
    if (parts.error().message.empty()) std::abort();
    return 0;
  }
  if (parts->size() > form_parts_max) std::abort();
  for (const auto& part : *parts) {
    if (part.body.empty()) continue;
    if (std::less<>{}(part.body.data(), body.data()) ||
        std::less<>{}(body.data() + body.size(), part.body.data() + part.body.size()))
      std::abort();
    if (part.filename.find_first_of("/\\") != std::string::npos) std::abort();
  }
  return 0;
}

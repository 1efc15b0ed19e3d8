#include "adapters/http/json_route.hpp"
#include "adapters/http/multipart.hpp"
#include "adapters/http/target.hpp"

namespace troupe::http {
namespace {

void upload(http_call& in) {
  auto parts = parse_form(in.content_type, in.body);
  if (!parts) return in.to->fail(std::move(parts.error()));
  create_file_request request;
  bool has_file = false, has_purpose = false;
  for (auto& part : *parts) {
    if (part.name == "file" && !has_file) {
      has_file = true;
      request.filename = part.filename.empty() ? "upload" : std::move(part.filename);
      request.content.data = part.body;
    } else if (part.name == "purpose" && !has_purpose) {
      has_purpose = true;
      request.purpose = part.body;
    }
  }
  if (!has_file)
    return in.to->fail(make_error(errc::invalid_argument, "the form has no part `file`", "file"));
  if (request.purpose.empty())
    return in.to->fail(
        make_error(errc::invalid_argument, "the form has no part `purpose`", "purpose"));
  in.edge.gates.documents->ask(std::move(in.context), std::move(request),
                               answer_with<file_view>(in.to, 200));
}

void content(http_call& in) {
  auto request = request_of<file_content_request>(in, body_kind::none);
  if (!request) return in.to->fail(std::move(request.error()));
  in.to->begin_stream(stream_kind::collect);
  stream_sink<file_chunk, file_view> sink;
  sink.delta = [to = in.to](file_chunk piece) { to->bytes(piece.bytes.data); };
  sink.end = reply<file_view>([to = in.to](result<file_view> value) {
    if (!value) return to->fail(std::move(value.error()));
    http_answer out;
    out.content_type = "application/octet-stream";
    out.extra = "Content-Disposition: attachment; filename*=UTF-8''" +
                percent_encode(value->filename) + "\r\nX-Content-Type-Options: nosniff\r\n";
    to->answer(std::move(out));
  });
  in.to->hold(in.edge.gates.documents->content(std::move(in.context), std::move(*request),
                                               std::move(sink)));
}

// Several stores at once are for the prompt service; a client names one, in the path.
void search_store(http_call& in) {
  auto request = request_of<search_request>(in, body_kind::json);
  if (!request) return in.to->fail(std::move(request.error()));
  request->vector_store_ids.clear();
  in.edge.gates.documents->ask(std::move(in.context), std::move(*request),
                               answer_with<search_reply>(in.to, 200));
}

} // namespace

void add_document_routes(std::vector<route>& out) {
  const route lines[] = {
      {.method = "POST",
       .pattern = "/v1/files",
       .run = &upload,
       .gate = gate_kind::documents,
       .body = body_kind::form,
       .request_type = "create_file_request",
       .reply_type = "file_view",
       .summary = "Upload a file"},
      TROUPE_HTTP_ROUTE("GET", "/v1/files", documents, none, 200, list_files_request, false,
                        "List files"),
      TROUPE_HTTP_ROUTE("GET", "/v1/files/{file_id}", documents, none, 200, get_file_request, false,
                        "Show a file"),
      {.method = "GET",
       .pattern = "/v1/files/{file_id}/content",
       .run = &content,
       .gate = gate_kind::documents,
       .request_type = "file_content_request",
       .reply_type = {},
       .reply_media = "application/octet-stream",
       .summary = "Download a file"},
      TROUPE_HTTP_ROUTE("DELETE", "/v1/files/{file_id}", documents, none, 200, delete_file_request,
                        false, "Delete a file and detach it everywhere"),
      TROUPE_HTTP_ROUTE("POST", "/v1/vector_stores", documents, json, 200, create_store_request,
                        false, "Create a vector store", "404"),
      TROUPE_HTTP_ROUTE("GET", "/v1/vector_stores", documents, none, 200, list_stores_request,
                        false, "List vector stores"),
      TROUPE_HTTP_ROUTE("GET", "/v1/vector_stores/{vector_store_id}", documents, none, 200,
                        get_store_request, false, "Show a vector store"),
      TROUPE_HTTP_ROUTE("DELETE", "/v1/vector_stores/{vector_store_id}", documents, none, 200,
                        delete_store_request, false, "Delete a vector store; its files stay"),
      TROUPE_HTTP_ROUTE("POST", "/v1/vector_stores/{vector_store_id}/files", documents, json, 200,
                        attach_file_request, false, "Attach a file and index it"),
      TROUPE_HTTP_ROUTE("GET", "/v1/vector_stores/{vector_store_id}/files", documents, none, 200,
                        list_store_files_request, false, "List a store's files"),
      TROUPE_HTTP_ROUTE("GET", "/v1/vector_stores/{vector_store_id}/files/{file_id}", documents,
                        none, 200, get_store_file_request, false,
                        "Show the state of a store's file"),
      TROUPE_HTTP_ROUTE("DELETE", "/v1/vector_stores/{vector_store_id}/files/{file_id}", documents,
                        none, 200, detach_file_request, false, "Detach a file"),
      {.method = "POST",
       .pattern = "/v1/vector_stores/{vector_store_id}/search",
       .run = &search_store,
       .gate = gate_kind::documents,
       .body = body_kind::json,
       .request_type = "search_request",
       .reply_type = "search_reply",
       .summary = "Search a vector store"},
  };
  out.insert(out.end(), std::begin(lines), std::end(lines));
}

} // namespace troupe::http

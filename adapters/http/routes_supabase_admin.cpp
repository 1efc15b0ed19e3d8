#include "adapters/http/json_route.hpp"
#include "adapters/http/supabase_admin.hpp"

#include <algorithm>

/// GoTrue's API for admins: the credential is an API key with the scope `admin`, which clients call
/// the service key.
namespace troupe::http {
namespace {

template <class Request, class Reply = reply_of<Request>>
void ask(http_call& in, Request request, reply<Reply> answer) {
  in.edge.gates.accounts->ask(std::move(in.context), std::move(request), std::move(answer));
}

void list_users(http_call& in) {
  auto page = supabase_admin::page_of(in.query);
  if (!page) return in.to->fail(std::move(page.error()));
  list_users_request request;
  request.offset = (page->number - 1) * page->size;
  request.limit = page->size;
  ask(in, std::move(request), reply<user_list>([to = in.to, page = *page](result<user_list> r) {
        if (!r) return to->fail(std::move(r.error()));
        to->answer({.status = 200,
                    .body = supabase_admin::users_body(*r),
                    .extra = supabase_admin::page_lines(page, r->total)});
      }));
}

void create_user(http_call& in) {
  auto body = json::decode<admin_user_body>(in.body);
  if (!body) return in.to->fail(std::move(body.error()));
  auto request = supabase_admin::create_of(std::move(*body));
  if (!request) return in.to->fail(std::move(request.error()));
  ask(in, std::move(*request), answer_with<user_view>(in.to, 200));
}

void update_user(http_call& in) {
  auto body = json::decode<admin_user_body>(in.body);
  if (!body) return in.to->fail(std::move(body.error()));
  auto request = supabase_admin::update_of(std::move(*body));
  if (!request) return in.to->fail(std::move(request.error()));
  request->id = in.path.front().second;
  ask(in, std::move(*request), answer_with<user_view>(in.to, 200));
}

void delete_user(http_call& in) {
  ask(in, delete_user_request{in.path.front().second},
      reply<deleted_reply>([to = in.to](result<deleted_reply> r) {
        if (!r) return to->fail(std::move(r.error()));
        to->answer({.status = 200, .body = "{}", .extra = {}});
      }));
}

result<make_link_request> link_request(const http_call& in) {
  auto request = json::decode<make_link_request>(in.body);
  if (!request) return request;
  const auto at = std::ranges::find(in.query, "redirect_to", &json::parameter::first);
  if (at != in.query.end()) request->redirect_to = at->second;
  return request;
}

void invite(http_call& in) {
  auto request = link_request(in);
  if (!request) return in.to->fail(std::move(request.error()));
  request->type = "invite";
  request->send = true;
  ask(in, std::move(*request), reply<link_reply>([to = in.to](result<link_reply> r) {
        if (!r) return to->fail(std::move(r.error()));
        to->answer({.status = 200, .body = json::encode(r->user), .extra = {}});
      }));
}

void generate_link(http_call& in) {
  auto request = link_request(in);
  if (!request) return in.to->fail(std::move(request.error()));
  request->send = false;
  ask(in, std::move(*request), reply<link_reply>([to = in.to](result<link_reply> r) {
        if (!r) return to->fail(std::move(r.error()));
        to->answer({.status = 200, .body = supabase_admin::link_body(*r), .extra = {}});
      }));
}

route line(std::string_view method, std::string_view pattern, void (*run)(http_call&),
           body_kind body) {
  return {.method = method,
          .pattern = pattern,
          .run = run,
          .gate = gate_kind::accounts,
          .body = body,
          .request_type = {},
          .reply_type = {},
          .summary = {},
          .errors = error_form::gotrue};
}

} // namespace

void add_supabase_admin_routes(std::vector<route>& out) {
  using enum body_kind;
  const route lines[] = {
      line("GET", "/auth/v1/admin/users", &list_users, none),
      line("POST", "/auth/v1/admin/users", &create_user, json),
      line("GET", "/auth/v1/admin/users/{id}", &run_json<&http_gates::accounts, get_user_request>,
           none),
      line("PUT", "/auth/v1/admin/users/{id}", &update_user, json),
      line("DELETE", "/auth/v1/admin/users/{id}", &delete_user, none),
      line("POST", "/auth/v1/invite", &invite, json),
      line("POST", "/auth/v1/admin/generate_link", &generate_link, json),
  };
  out.insert(out.end(), std::begin(lines), std::end(lines));
}

} // namespace troupe::http

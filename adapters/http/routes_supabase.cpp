#include "adapters/http/json_route.hpp"
#include "messages/codec/chat_json.hpp"

#include <algorithm>

/// GoTrue's API as supabase's clients call it (docs/supabase.md): who is no admin.
namespace troupe::http {
namespace {

std::string parameter_of(const http_call& in, std::string_view name) {
  const auto at = std::ranges::find(in.query, name, &json::parameter::first);
  return at == in.query.end() ? std::string() : at->second;
}

// A request from the body, which may be absent, and the redirect_to of the query.
template <class Request>
result<Request> body_with_redirect(const http_call& in) {
  Request request;
  if (!in.body.empty()) {
    auto decoded = json::decode<Request>(in.body);
    if (!decoded) return decoded;
    request = std::move(*decoded);
  }
  if (auto to = parameter_of(in, "redirect_to"); !to.empty()) request.redirect_to = std::move(to);
  return request;
}

template <class Request, class Reply = reply_of<Request>>
void ask(http_call& in, Request request, reply<Reply> answer) {
  in.edge.gates.accounts->ask(std::move(in.context), std::move(request), std::move(answer));
}

// What a sign-in ends with: a session, a user who must confirm first, or the way on.
reply<sign_in_reply> answer_sign_in(std::shared_ptr<exchange> to, unsigned elsewhere = 303) {
  return reply<sign_in_reply>([to = std::move(to), elsewhere](result<sign_in_reply> r) {
    if (!r) return to->fail(std::move(r.error()));
    if (!r->location.empty())
      return to->answer({.status = elsewhere,
                         .content_type = {},
                         .body = {},
                         .extra = "Location: " + r->location + "\r\nCache-Control: no-store\r\n"});
    const auto& session = r->session;
    to->answer(
        {.status = 200,
         .body = session.access_token.empty() ? json::encode(session.user) : json::encode(session),
         .extra = {}});
  });
}

reply<done> answer_empty_object(std::shared_ptr<exchange> to) {
  return reply<done>([to = std::move(to)](result<done> r) {
    if (!r) return to->fail(std::move(r.error()));
    to->answer({.status = 200, .body = "{}", .extra = {}});
  });
}

void sign_up(http_call& in) {
  auto request = body_with_redirect<sign_up_request>(in);
  if (!request) return in.to->fail(std::move(request.error()));
  ask(in, std::move(*request), answer_sign_in(in.to));
}

// POST /token, by grant

void grant_password(http_call& in) {
  auto given = json::decode<sign_up_request>(in.body);
  if (!given) return in.to->fail(std::move(given.error()));
  error why = make_error(errc::invalid_argument, "Invalid login credentials");
  why.reason = given->phone.empty() ? "invalid_credentials" : "phone_provider_disabled";
  const bool whole = !given->email.empty() && !given->password.value.empty() &&
                     given->password.value.size() <= limits::password_bytes_max;
  if (!whole) return in.to->fail(std::move(why));
  ask(in, login_request{std::move(given->email), std::move(given->password)},
      answer_with<session_reply>(in.to, 200));
}

template <class Request>
void grant(http_call& in) {
  auto request = json::decode<Request>(in.body);
  if (!request) return in.to->fail(std::move(request.error()));
  ask(in, std::move(*request), answer_with<session_reply>(in.to, 200));
}

void token(http_call& in) {
  const auto type = parameter_of(in, "grant_type");
  if (type == "password") return grant_password(in);
  if (type == "refresh_token") return grant<refresh_request>(in);
  if (type == "pkce") return grant<exchange_code_request>(in);
  if (type == "id_token") return grant<id_token_request>(in);
  auto why = make_error(errc::invalid_argument, "unsupported grant type", "grant_type");
  why.reason = "unsupported_grant_type";
  in.to->fail(std::move(why));
}

// mails

void send_mail(http_call& in, std::string type) {
  auto request = body_with_redirect<send_mail_request>(in);
  if (!request) return in.to->fail(std::move(request.error()));
  if (!type.empty()) request->type = std::move(type);
  ask(in, std::move(*request), answer_empty_object(in.to));
}

void recover(http_call& in) {
  send_mail(in, "recovery");
}

void one_time_password(http_call& in) {
  send_mail(in, "magiclink");
}

void resend(http_call& in) {
  send_mail(in, {}); // the body has the type
}

void verify_code(http_call& in) {
  auto request = body_with_redirect<verify_mail_request>(in);
  if (!request) return in.to->fail(std::move(request.error()));
  request->by_link = false;
  ask(in, std::move(*request), answer_sign_in(in.to));
}

// The link of a mail: its token is what the code's clients call token_hash.
void follow_link(http_call& in) {
  verify_mail_request request;
  request.type = parameter_of(in, "type");
  request.token_hash.value = parameter_of(in, "token_hash");
  if (request.token_hash.value.empty()) request.token_hash.value = parameter_of(in, "token");
  request.redirect_to = parameter_of(in, "redirect_to");
  request.by_link = true;
  ask(in, std::move(request), answer_sign_in(in.to));
}

// at another provider

void authorize(http_call& in) {
  authorize_request request;
  for (auto& [name, value] : in.query) {
    if (name == "provider")
      request.provider = std::move(value);
    else if (name == "redirect_to")
      request.redirect_to = std::move(value);
    else if (name == "scopes")
      request.scopes = std::move(value);
    else if (name == "code_challenge")
      request.code_challenge = std::move(value);
    else if (name == "code_challenge_method")
      request.code_challenge_method = std::move(value);
    else if (is_provider_hint(name))
      request.hints.push_back(name + '=' + value);
  }
  ask(in, std::move(request), answer_sign_in(in.to, 302));
}

void provider_callback(http_call& in) {
  provider_callback_request request;
  request.provider = in.path.front().second;
  request.code.value = parameter_of(in, "code");
  request.state.value = parameter_of(in, "state");
  request.iss = parameter_of(in, "iss");
  request.error = parameter_of(in, "error");
  request.error_description = parameter_of(in, "error_description");
  ask(in, std::move(request), answer_sign_in(in.to));
}

// one's own account

void change_user(http_call& in) {
  auto request = body_with_redirect<change_account_request>(in);
  if (!request) return in.to->fail(std::move(request.error()));
  ask(in, std::move(*request), answer_with<user_view>(in.to, 200));
}

void sign_out(http_call& in) {
  logout_request request;
  const auto scope = parameter_of(in, "scope");
  request.scope = scope.empty() ? "global" : scope;
  ask(in, std::move(request), answer_with<done>(in.to, 204));
}

// about the server

void show_settings(http_call& in) {
  ask(in, sign_in_settings_request{}, answer_with<json_reply>(in.to, 200));
}

void show_health(http_call& in) {
  in.to->answer({.status = 200,
                 .body = R"({"name":"Troupe","version":)" +
                         chat_json::quoted(in.edge.config.version) +
                         R"(,"description":"speaks the API of GoTrue"})",
                 .extra = {}});
}

route line(std::string_view method, std::string_view pattern, void (*run)(http_call&),
           body_kind body, bool is_public) {
  return {.method = method,
          .pattern = pattern,
          .run = run,
          .gate = gate_kind::accounts,
          .body = body,
          .is_public = is_public,
          .request_type = {},
          .reply_type = {},
          .summary = {},
          .errors = error_form::gotrue};
}

} // namespace

void add_supabase_routes(std::vector<route>& out) {
  using enum body_kind;
  const route lines[] = {
      line("POST", "/auth/v1/signup", &sign_up, json, true),
      line("POST", "/auth/v1/token", &token, json, true),
      line("POST", "/auth/v1/recover", &recover, json, true),
      line("POST", "/auth/v1/otp", &one_time_password, json, true),
      line("POST", "/auth/v1/resend", &resend, json, true),
      line("POST", "/auth/v1/verify", &verify_code, json, true),
      line("GET", "/auth/v1/verify", &follow_link, none, true),
      line("GET", "/auth/v1/authorize", &authorize, none, true),
      line("GET", "/auth/v1/callback/{provider}", &provider_callback, none, true),
      line("GET", "/auth/v1/user", &run_json<&http_gates::accounts, me_request>, none, false),
      line("PUT", "/auth/v1/user", &change_user, json, false),
      line("POST", "/auth/v1/logout", &sign_out, none, false),
      line("GET", "/auth/v1/settings", &show_settings, none, true),
      line("GET", "/auth/v1/health", &show_health, none, true),
      line("GET", "/auth/v1/.well-known/jwks.json", &show_jwks, none, true),
  };
  out.insert(out.end(), std::begin(lines), std::end(lines));
}

} // namespace troupe::http

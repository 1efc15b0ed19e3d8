#pragma once

#include "actors/auth/own_account.hpp"
#include "actors/auth/sign_in_rules.hpp"

#include <set>
#include <string>
#include <utility>

namespace troupe {

/// Inside actors/auth only: the part of the service auth that signs people up, and in by mail and
/// by PKCE, as supabase's clients ask for it. Requests that anyone may send are answered alike
/// whether there is such an account or not.
class sign_in_flows : public own_account {
public:
  using own_account::on;
  using own_account::own_account;

  void on(call<sign_up_request>& c, answer<sign_in_reply> a);
  void on(call<send_mail_request>& c, answer<done> a);
  void on(call<verify_mail_request>& c, answer<sign_in_reply> a);
  void on(call<exchange_code_request>& c, answer<session_reply> a);
  void on(call<change_account_request>& c, answer<user_view> a);
  void on(call<sign_in_settings_request>& c, answer<json_reply> a);

protected:
  /// A session of a user who proved who it is; `method` says how.
  virtual void open_session(user_row user, std::string method, const op_context& op,
                            continuation<session_reply> after) = 0;

  using flow = sign_in_rules::flow;
  [[nodiscard]] result<flow> checked_flow(std::string redirect_to, std::string challenge,
                                          std::string method) const;
  /// The `location` that leads a browser on with a code for a session, which a client with PKCE
  /// asks for; `method` is how the session will have begun.
  void go_on_with_code(const flow& on, std::string_view method, std::string user_id,
                       continuation<sign_in_reply> after);

private:
  // sign-up
  void sign_up(call<sign_up_request> c, flow on, answer<sign_in_reply> a);
  void sign_up_anonymously(call<sign_up_request> c, answer<sign_in_reply> a);
  void insert(user_row user, flow on, op_context op, answer<sign_in_reply> a);
  void inserted(user_row user, const flow& on, const op_context& op, answer<sign_in_reply> a);
  void sign_up_again(const std::string& email, flow on);

  // mails
  void find_and_mail(send_mail_request in, flow on, const op_context& op, answer<done> a);
  void mail_for(send_mail_request in, flow on, const result<user_row>& user, const op_context& op);
  void mail_newcomer(send_mail_request in, flow on, op_context op);
  void mail_sign_up_again(const user_row& user, flow on);
  void mail_email_change_again(const user_row& user, flow on);
  void post(mail_kind kind, user_row user, std::string email, flow on);
  void unless_too_soon(mail_kind kind, const std::string& user_id, continuation<done> after);

  // verification
  void verify(verify_mail_request in, op_context op, continuation<sign_in_reply> then);
  void take_token(const verify_mail_request& in, continuation<one_time_row> after);
  void take_link(std::vector<mail_kind> kinds, std::string hash, continuation<one_time_row> after);
  void take_code(std::vector<mail_kind> kinds, std::string user_id, std::string code,
                 continuation<one_time_row> after);
  void judge_code(one_time_row row, const std::string& code, continuation<one_time_row> after);
  void prove(const one_time_row& token, const op_context& op, continuation<user_row> after);
  void signed_in_by(const one_time_row& token, verify_mail_request in, user_row user,
                    const op_context& op, continuation<sign_in_reply> after);

  // one's own account
  struct change {
    change_account_request in;
    op_context op;
    flow on;
    std::string hash;        ///< of the new password; empty: it stays
    bool new_email = false;  ///< another than the present
    bool must_prove = false; ///< the new one, by a mail
  };
  void change_with(std::shared_ptr<change> what, const user_row& user, answer<user_view> a);
  void hash_and_change(std::shared_ptr<change> what, answer<user_view> a);
  void store_change(const std::shared_ptr<change>& what, answer<user_view> a);
  void changed(const change& what, user_row user, answer<user_view> a);

  std::set<std::pair<mail_kind, std::string>> posting_; ///< whose mails are not stored yet
};

} // namespace troupe

#pragma once

#include "actors/auth/sign_in_rules.hpp"
#include "actors/auth/user_import.hpp"
#include "actors/protocols.hpp"

namespace troupe {

/// Inside actors/auth only: the part of the service accounts that makes links and invitations.
class account_links : public user_import {
public:
  using user_import::on;
  using user_import::user_import;

  void on(call<make_link_request>& c, answer<link_reply> a);

private:
  struct wish {
    make_link_request in;
    op_context op;
    mail_kind kind{};
    std::string redirect_to; ///< checked
    std::string hash;        ///< of the password of a sign-up
  };
  void find_user(std::shared_ptr<wish> what, answer<link_reply> a);
  void insert(std::shared_ptr<wish> what, answer<link_reply> a);
  void make_link(const wish& what, const user_row& user, answer<link_reply> a);
};

} // namespace troupe

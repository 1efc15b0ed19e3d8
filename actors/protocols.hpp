#pragma once

#include "actors/support/service.hpp"

/// The typed interfaces of the services, made from the list of methods. Every one answers
/// ping_request after asking its stores, and takes stream signals for the streams that it produces.
namespace troupe {

#define TROUPE_REQUEST_COMMA(service_, name_, request_, delta_, reply_, class_) request_,

using auth_service = service_protocol<TROUPE_AUTH_METHODS(
    TROUPE_REQUEST_COMMA) TROUPE_AUTH_INTERNAL_METHODS(TROUPE_REQUEST_COMMA) ping_request>;
using key_service = service_protocol<TROUPE_KEY_METHODS(TROUPE_REQUEST_COMMA) ping_request>;
using account_service = service_protocol<TROUPE_ADMIN_METHODS(
    TROUPE_REQUEST_COMMA) TROUPE_ORGANIZATION_METHODS(TROUPE_REQUEST_COMMA) ping_request>;
using limit_service = service_protocol<TROUPE_LIMIT_METHODS(TROUPE_REQUEST_COMMA) ping_request>;
using prompt_service = service_protocol<TROUPE_PROMPT_METHODS(
    TROUPE_REQUEST_COMMA) TROUPE_PROMPT_INTERNAL_METHODS(TROUPE_REQUEST_COMMA) ping_request>;
using retrieval_service = service_protocol<TROUPE_RETRIEVAL_METHODS(
    TROUPE_REQUEST_COMMA) TROUPE_RETRIEVAL_INTERNAL_METHODS(TROUPE_REQUEST_COMMA) ping_request>;
using log_service = service_protocol<TROUPE_LOG_METHODS(
    TROUPE_REQUEST_COMMA) TROUPE_LOG_INTERNAL_METHODS(TROUPE_REQUEST_COMMA) ping_request>;

/// What an edge asks: everything public. `op.credential` says who asks; the router puts the caller
/// in its place, checks the request and delegates to the service.
using router_service = service_protocol<TROUPE_PUBLIC_METHODS(TROUPE_REQUEST_COMMA) ping_request>;

/// All methods: the far side of a bridge takes every one.
using any_service = service_protocol<TROUPE_METHODS(TROUPE_REQUEST_COMMA) ping_request>;

#undef TROUPE_REQUEST_COMMA

/// The handles that a node's actors hold: near actors or a bridge, they cannot tell.
struct service_handles {
  auth_service::actor auth;
  key_service::actor keys;
  account_service::actor accounts;
  limit_service::actor limits;
  prompt_service::actor prompt;
  retrieval_service::actor retrieval;
  log_service::actor log;
};

} // namespace troupe

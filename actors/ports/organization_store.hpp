#pragma once

#include "messages/base/reply.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

struct organization_row {
  std::string id; ///< `org_…`
  std::string name;
  std::int64_t created_at = 0; ///< Unix seconds
  std::string role;            ///< the asker's: `owner`, `admin` or `member`; empty: none
};

struct member_row {
  std::string user_id;
  std::string email; ///< of the account, filled in by list_members
  std::string role;  ///< `owner`, `admin` or `member`
  std::int64_t created_at = 0;
};

/// Organisations and their members. As user_store.hpp says. An organisation has always an owner:
/// what would leave it without one is a `conflict`.
class organization_store {
public:
  virtual ~organization_store() = default;
  virtual void insert_organization(organization_row row, std::string owner, reply<done> answer) = 0;
  /// `role` of the row is that of `user_id`.
  virtual void organization(std::string id, std::string user_id,
                            reply<organization_row> answer) = 0;
  /// Those that the user is a member of, or all when `user_id` is empty; oldest first, at most
  /// 1,000.
  virtual void list_organizations(std::string user_id,
                                  reply<std::vector<organization_row>> answer) = 0;
  virtual void rename_organization(std::string id, std::string name, reply<done> answer) = 0;
  /// With its memberships and caps.
  virtual void delete_organization(std::string id, reply<done> answer) = 0;
  /// Adds the member or changes its role. `not_found` when there is no such organisation or user.
  virtual void put_member(std::string id, member_row member, reply<done> answer) = 0;
  /// With the API keys of the user that count against the organisation.
  virtual void remove_member(std::string id, std::string user_id, reply<done> answer) = 0;
  /// Oldest first, at most 10,000.
  virtual void list_members(std::string id, reply<std::vector<member_row>> answer) = 0;
};

} // namespace troupe

// Goal: which settings a node starts with, and what it says when it does not. Method:
// check_servable() on flags and variables, sentence by sentence.
#include "runtime/config_loader.hpp"
#include "runtime/mail_settings.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using flags = std::vector<std::pair<std::string, std::string>>;

std::string verdict(flags with, environment variables = {}) {
  config_sources from;
  from.folder = "/nonexistent";
  from.variables = std::move(variables);
  from.flags = std::move(with);
  auto loaded = load_config(from);
  if (!loaded) return loaded.error().message;
  auto fits = check_servable(*loaded);
  return fits ? "fine" : fits.error().message;
}

TEST(config_rules, the_six_roles_of_a_spread_start) {
  EXPECT_EQ(verdict({{"roles", "broker"}, {"bus.bind", "tcp://127.0.0.1:7700"}}), "fine");
  for (const char* role : {"edge", "auth", "prompt", "log", "router", "edge,router"}) {
    EXPECT_EQ(verdict({{"roles", role}, {"bus.join", "tcp://127.0.0.1:7700"}}), "fine") << role;
  }
  EXPECT_EQ(verdict({{"roles", "broker,auth"}, {"bus.bind", "tcp://[::1]:7700"}}), "fine");
}

TEST(config_rules, an_unknown_role_is_named_with_the_known_ones) {
  EXPECT_EQ(
      verdict({{"roles", "edge,cook"}}),
      "--roles: roles wants one of all, edge, auth, prompt, log, router, broker, not \"cook\"");
  EXPECT_EQ(verdict({{"roles", ","}}), "roles (--roles): at least one role is wanted");
}

TEST(config_rules, all_excludes_other_roles_and_the_bus) {
  EXPECT_EQ(verdict({{"roles", "all,edge"}}),
            "roles (--roles): all stands for every role and goes with no other");
  EXPECT_EQ(verdict({{"bus.join", "tcp://127.0.0.1:7700"}}),
            "bus.join (--join): with roles=all everything runs in this process and no broker is "
            "used; leave it away, or name the roles of this node, as in --roles edge,router");
  EXPECT_TRUE(verdict({}, {{"TROUPE_BUS_BIND", "tcp://127.0.0.1:7700"}})
                  .starts_with("bus.bind (TROUPE_BUS_BIND): with roles=all"));
}

TEST(config_rules, https_needs_a_certificate_and_its_key) {
  EXPECT_EQ(verdict({{"http.tls_certificate", "c.pem"}, {"http.tls_key", "k.pem"}}), "fine");
  EXPECT_EQ(verdict({}, {{"TROUPE_HTTP_TLS_CERTIFICATE", "c.pem"}}),
            "http.tls_certificate (TROUPE_HTTP_TLS_CERTIFICATE): HTTPS needs http.tls_key as well");
  EXPECT_EQ(verdict({}, {{"TROUPE_HTTP_TLS_KEY", "k.pem"}}),
            "http.tls_key (TROUPE_HTTP_TLS_KEY): HTTPS needs http.tls_certificate as well");
}

TEST(config_rules, trusted_proxies_are_addresses_and_ranges) {
  const auto with = [](const char* text) {
    return verdict({}, {{"TROUPE_HTTP_TRUSTED_PROXIES", text}});
  };
  EXPECT_EQ(with("127.0.0.1, 10.0.0.0/8,fd00::/8"), "fine");
  EXPECT_EQ(with("10.0.0.0/8,loadbalancer"),
            "TROUPE_HTTP_TRUSTED_PROXIES: http.trusted_proxies wants an IP address, or a range as "
            "in 10.0.0.0/8, not \"loadbalancer\"");
  EXPECT_NE(with("10.0.0.0/33"), "fine");
}

TEST(config_rules, origins_are_written_as_browsers_send_them) {
  const auto with = [](const std::string& text) {
    return verdict({}, {{"TROUPE_HTTP_CORS_ORIGINS", text}});
  };
  for (const char* origin :
       {"*", "https://app.example.com", "http://localhost:5173", "https://xn--bcher-kva.example",
        "http://[::1]:3000", "capacitor://localhost", "https://a.test,https://b.test:8443"})
    EXPECT_EQ(with(origin), "fine") << origin;
  EXPECT_EQ(
      with("https://app.example.com/"),
      "TROUPE_HTTP_CORS_ORIGINS: http.cors_origins wants an origin as browsers send it, as in "
      "https://app.example.com or http://localhost:5173 (lower case, no path, no usual port), "
      "or *, not \"https://app.example.com/\"");
  for (const char* origin : {"app.example.com", "https://App.example.com", "https://*.example.com",
                             "null", "https://", "https://a.test:443", "http://a.test:80",
                             "https://a.test/x", "://a.test", "a/b://c", "https://a\r\nX: y"})
    EXPECT_NE(with(origin), "fine") << origin;
}

TEST(config_rules, a_role_without_a_broker_needs_one_to_join) {
  EXPECT_EQ(
      verdict({{"roles", "edge,auth"}}),
      "roles (--roles): edge,auth needs a broker to link to, as in --join tcp://127.0.0.1:7700");
}

TEST(config_rules, a_broker_needs_an_address_and_others_none) {
  EXPECT_EQ(verdict({{"roles", "broker"}}),
            "roles (--roles): a broker needs --bind, as in --bind tcp://127.0.0.1:7700");
  EXPECT_EQ(
      verdict({{"roles", "broker"}, {"bus.bind", "tcp://broker.example:7700"}}),
      "bus.bind (--bind): tcp://broker.example:7700 names no address: a broker is bound to an "
      "IP address, or to * for all");
  EXPECT_EQ(verdict({{"roles", "edge"}, {"bus.bind", "tcp://127.0.0.1:7700"}}),
            "bus.bind (--bind): only a node with the role broker listens; this one is edge");
}

TEST(config_rules, a_broker_leaves_loopback_with_a_key_and_an_allow_list_only) {
  const flags keys{{"bus.key", "broker.key"}, {"bus.allow", "allow.toml"}};
  for (const char* address : {"tcp://0.0.0.0:7700", "tcp://10.0.0.1:7700", "tcp://*:7700",
                              "tcp://[::]:7700", "tcp://[2001:db8::1]:7700"}) {
    flags with{{"roles", "broker"}, {"bus.bind", address}};
    EXPECT_EQ(verdict(with),
              std::string("bus.bind (--bind): ") + address +
                  " is not a loopback address, so its links are encrypted: set bus.key and "
                  "bus.allow (`troupe keys generate` makes keys)");
    with.insert(with.end(), keys.begin(), keys.end());
    EXPECT_EQ(verdict(with), "fine") << address;
  }
}

TEST(config_rules, a_brokers_key_and_its_allow_list_go_together_on_loopback_too) {
  const flags local{{"roles", "broker"}, {"bus.bind", "tcp://127.0.0.1:7700"}};
  auto with = local;
  with.emplace_back("bus.key", "broker.key");
  EXPECT_EQ(verdict(with), "bus.key (command line): a broker with a key needs bus.allow as well");
  with = local;
  with.emplace_back("bus.allow", "allow.toml");
  EXPECT_EQ(verdict(with),
            "bus.allow (command line): a broker with an allow-list needs bus.key as well");
}

TEST(config_rules, a_broker_with_other_roles_links_to_other_machines_with_a_key_only) {
  flags with{{"roles", "broker,auth"},
             {"bus.bind", "tcp://127.0.0.1:7700"},
             {"bus.join", "tcp://10.0.0.1:7700"}};
  EXPECT_TRUE(
      verdict(with).starts_with("bus.join (--join): tcp://10.0.0.1:7700 is not a loopback"));
  with.emplace_back("bus.key", "broker.key");
  with.emplace_back("bus.allow", "allow.toml");
  EXPECT_EQ(verdict(with), "fine") << "all brokers have one key";
}

TEST(config_rules, a_node_leaves_loopback_with_its_key_and_the_brokers_only) {
  for (const char* address : {"tcp://10.0.0.1:7700", "tcp://[fd00::1]:7700"}) {
    flags with{{"roles", "edge"}, {"bus.join", address}};
    EXPECT_EQ(verdict(with),
              std::string("bus.join (--join): ") + address +
                  " is not a loopback address, so its links are encrypted: set bus.key and "
                  "bus.broker_key (`troupe keys generate` makes keys)");
    with.emplace_back("bus.key", "edge.key");
    EXPECT_EQ(verdict(with),
              "bus.key (command line): an encrypted link needs bus.broker_key as well");
    with.emplace_back("bus.broker_key", "broker.pub");
    EXPECT_EQ(verdict(with), "fine");
  }
  for (const char* address : {"tcp://localhost:7700", "tcp://brokers.internal:7700"})
    EXPECT_EQ(verdict({{"roles", "edge"}, {"bus.join", address}}), "fine")
        << "where a name leads is seen when it is resolved";
  EXPECT_EQ(verdict({{"roles", "edge"},
                     {"bus.join", "tcp://127.0.0.1:7700"},
                     {"bus.broker_key", "broker.pub"}}),
            "bus.broker_key (command line): an encrypted link needs bus.key as well");
  EXPECT_EQ(
      verdict(
          {{"roles", "edge"}, {"bus.join", "tcp://127.0.0.1:7700"}, {"bus.allow", "allow.toml"}}),
      "bus.allow (command line): only a node with the role broker has an allow-list");
}

TEST(config_rules, a_redis_that_cannot_be_meant_stops_the_start) {
  EXPECT_EQ(verdict({}, {{"REDIS_URL", "redis://c"}}), "fine");
  EXPECT_TRUE(verdict({}, {{"REDIS_URL", "http://c"}}).starts_with("redis.url (REDIS_URL): "));
}

TEST(config_rules, a_store_without_an_adapter_stops_the_start_without_telling_the_password) {
  EXPECT_TRUE(verdict({}, {{"QDRANT_URL", "http://q"}})
                  .starts_with("qdrant.url (QDRANT_URL) names http://…"));
  EXPECT_TRUE(verdict({}, {{"MONGODB_URL", "db:27017"}})
                  .starts_with("mongodb.url (MONGODB_URL) names another store:"));
}

TEST(config_rules, a_sql_servers_url_is_looked_at_before_the_start_and_its_password_kept) {
  EXPECT_EQ(verdict({}, {{"DATABASE_URL", "mysql://u:p4ss@db/x"}}), "fine");
  EXPECT_EQ(verdict({}, {{"DATABASE_URL", "postgresql://u:p4ss@db:5432/x?sslmode=require"}}),
            "fine");
  EXPECT_EQ(verdict({}, {{"DATABASE_URL", "mysql://u:p4ss@db"}}),
            "database.url (DATABASE_URL): one database is wanted after the host, as in /troupe");
  EXPECT_EQ(verdict({}, {{"DATABASE_URL", "oracle://u:p4ss@db/x"}}),
            "database.url (DATABASE_URL): the scheme must be mysql, postgresql or sqlite");
}

TEST(config_rules, mail_needs_a_server_a_sender_and_a_site) {
  const environment server{{"TROUPE_MAIL_SMTP_URL", "smtp://u:hunter2@mail.example:587"}};
  const std::pair<std::string, std::string> from{"mail.from", "Troupe <a@b.c>"};
  const std::pair<std::string, std::string> site{"mail.site_url", "https://app.example"};
  EXPECT_EQ(verdict({from, site}, server), "fine");
  EXPECT_EQ(verdict({site}), "fine");
  EXPECT_EQ(verdict({from}), "mail.from (command line): needs mail.smtp_url beside it");
  EXPECT_EQ(verdict({{"mail.templates", "t"}}),
            "mail.templates (command line): needs mail.smtp_url beside it");
  EXPECT_EQ(verdict({site}, server),
            "mail.from (default): wants an address, or a name and an <address>");
  EXPECT_EQ(verdict({from}, server),
            "mail.site_url (default): is wanted, for it is where the "
            "links in mails lead");
  EXPECT_EQ(verdict({from, site, {"mail.starttls", "optional"}}, server),
            "mail.starttls (command line): must be required where the URL has a password: it "
            "would be sent in clear");
  EXPECT_EQ(verdict({from, site}, {{"TROUPE_MAIL_SMTP_URL", "mail.example"}}),
            "mail.smtp_url (TROUPE_MAIL_SMTP_URL): wants smtp://host:port or smtps://host:port");
}

TEST(config_rules, an_email_is_confirmed_when_mails_are_sent_unless_told_otherwise) {
  config in;
  EXPECT_FALSE(confirms_email(in));
  in.mail.smtp_url.value = "smtp://mail.example";
  EXPECT_TRUE(confirms_email(in));
  in.auth.confirm_email = "off";
  EXPECT_FALSE(confirms_email(in));
  EXPECT_EQ(verdict({{"auth.confirm_email", "on"}}),
            "auth.confirm_email (command line): on needs mail.smtp_url, for it takes a mail");
}

TEST(config_rules, the_settings_of_mail_reach_the_adapter) {
  config in;
  EXPECT_FALSE(sends_mail(in));
  in.mail.smtp_url.value = "smtp://mail.example";
  in.mail.from = "a@b.c";
  EXPECT_TRUE(sends_mail(in));
  EXPECT_EQ(smtp_settings(in).url.value, "smtp://mail.example");
  EXPECT_EQ(smtp_settings(in).from, "a@b.c");
  EXPECT_EQ(smtp_settings(in).tls, starttls::required);
  in.mail.starttls = "optional";
  EXPECT_EQ(smtp_settings(in).tls, starttls::optional);
  in.mail.starttls = "none";
  EXPECT_EQ(smtp_settings(in).tls, starttls::none);
}

TEST(config_rules, roles_know_what_they_have_and_whom_they_link_to) {
  config all;
  EXPECT_TRUE(has_role(all, "edge"));
  EXPECT_FALSE(has_role(all, "broker"));
  EXPECT_TRUE(is_single_process(all));
  EXPECT_TRUE(broker_links(all).empty());
  config spread;
  spread.roles = {"broker", "auth"};
  spread.bus.bind = "tcp://127.0.0.1:7700";
  EXPECT_TRUE(has_role(spread, "auth"));
  EXPECT_FALSE(has_role(spread, "edge"));
  EXPECT_FALSE(wants_http(spread));
  EXPECT_EQ(broker_links(spread), std::vector<std::string>{"tcp://127.0.0.1:7700"});
  spread.http_given = true;
  EXPECT_TRUE(wants_http(spread));
  EXPECT_EQ(role_lock_file(spread, "auth"), "data/auth.lock");
}

} // namespace
} // namespace troupe

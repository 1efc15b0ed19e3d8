// Goal: the layers of configuration and the sentence of every mistake. Method: load_config() with
// made-up sources; files lie in a scratch folder.
#include "runtime/config_keys.hpp"
#include "runtime/config_loader.hpp"
#include "tests/unit/runtime/scratch_folder.hpp"

#include <gtest/gtest.h>
#include <algorithm>

namespace troupe {
namespace {

using test::scratch_folder;

struct config_test : ::testing::Test {
  scratch_folder folder;
  config_sources from;

  config_test() { from.folder = folder.path(); }

  void file(const std::string& text) { folder.write("troupe.toml", text); }

  loaded_config load() {
    auto loaded = load_config(from);
    EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : loaded.error().message);
    return loaded.value_or(loaded_config{});
  }

  /// The sentence of the mistake, with the scratch folder's name left away.
  std::string mistake() {
    auto loaded = load_config(from);
    if (loaded) return "no mistake";
    EXPECT_EQ(loaded.error().code, errc::invalid_argument);
    std::string text = loaded.error().message;
    const std::string prefix = folder.path().string() + "/";
    if (const auto at = text.find(prefix); at != text.npos) text.erase(at, prefix.size());
    return text;
  }

  static std::string origin(const loaded_config& in, std::string_view key) {
    const auto at = std::ranges::find(in.settings, key, &setting_view::key);
    if (at == in.settings.end()) return "no such setting";
    return std::filesystem::path(at->origin).filename().string();
  }

  static std::string value(const loaded_config& in, std::string_view key) {
    const auto at = std::ranges::find(in.settings, key, &setting_view::key);
    return at == in.settings.end() ? "no such setting" : at->value;
  }
};

TEST_F(config_test, without_sources_the_defaults_are_in_force) {
  const auto loaded = load();
  EXPECT_EQ(loaded.values.http.address, "127.0.0.1:8000");
  EXPECT_EQ(loaded.values.roles, std::vector<std::string>{"all"});
  EXPECT_EQ(loaded.values.drain.timeout, std::chrono::seconds(20));
  EXPECT_EQ(origin(loaded, "http.address"), "default");
  EXPECT_FALSE(loaded.values.http_given);
  EXPECT_TRUE(check_servable(loaded));
}

TEST_F(config_test, flags_win_over_the_environment_and_that_over_the_file) {
  file("[http]\nthreads = 2\nbody_bytes = 4096\naddress = \"127.0.0.1:1\"\n");
  from.variables = {{"TROUPE_HTTP_ADDRESS", "127.0.0.1:2"}, {"TROUPE_HTTP_BODY_BYTES", "8192"}};
  from.flags = {{"http.address", "127.0.0.1:3"}};
  const auto loaded = load();
  EXPECT_EQ(loaded.values.http.threads, 2u);
  EXPECT_EQ(loaded.values.http.body_bytes, 8192u);
  EXPECT_EQ(loaded.values.http.address, "127.0.0.1:3");
  EXPECT_EQ(origin(loaded, "http.threads"), "troupe.toml:2");
  EXPECT_EQ(origin(loaded, "http.body_bytes"), "TROUPE_HTTP_BODY_BYTES");
  EXPECT_EQ(origin(loaded, "http.address"), "--http");
  EXPECT_TRUE(loaded.values.http_given);
}

TEST_F(config_test, every_type_of_value_can_be_written_in_the_file) {
  file(
      "roles = [\"edge\", \"router\", \"edge\"]\n"
      "[bus]\njoin = [\"tcp://127.0.0.1:7700\"]\n"
      "[chat]\nfirst_byte_timeout = \"1500ms\"\nstall_timeout = 2.5\n"
      "[drain]\ntimeout = 7\n[log]\nlevel = \"WARNING\"\n");
  const auto loaded = load();
  EXPECT_EQ(loaded.values.roles, (std::vector<std::string>{"edge", "router"}));
  EXPECT_EQ(loaded.values.bus.join, std::vector<std::string>{"tcp://127.0.0.1:7700"});
  EXPECT_EQ(loaded.values.chat.first_byte_timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(loaded.values.chat.stall_timeout, std::chrono::milliseconds(2500));
  EXPECT_EQ(loaded.values.drain.timeout, std::chrono::seconds(7));
  EXPECT_EQ(loaded.values.log.level, "warn");
  EXPECT_EQ(value(loaded, "chat.first_byte_timeout"), "1500ms");
  EXPECT_EQ(value(loaded, "drain.timeout"), "7s");
  EXPECT_EQ(value(loaded, "roles"), "[\"edge\", \"router\"]");
}

TEST_F(config_test, names_of_existing_deployments_are_read) {
  from.variables = {{"APP_PORT", "9000"},       {"JWT_SECRET", std::string(32, 's')},
                    {"SECRET_KEY", "weaker"},   {"LOG_LEVEL", "DEBUG"},
                    {"SQLITE_PATH", "/x/a.db"}, {"TROUPE_DATA", "/d"}};
  const auto loaded = load();
  EXPECT_EQ(loaded.values.http.address, "127.0.0.1:9000");
  EXPECT_EQ(loaded.values.auth.jwt_secret.value, std::string(32, 's'));
  EXPECT_EQ(origin(loaded, "auth.jwt_secret"), "JWT_SECRET");
  EXPECT_EQ(loaded.values.log.level, "debug");
  EXPECT_EQ(loaded.values.data.dir, "/d");
  EXPECT_EQ(database_file(loaded.values, "auth"), "/x/a.db");
  EXPECT_EQ(database_file(loaded.values, "log"), "/x/log.db");
}

TEST_F(config_test, app_port_keeps_the_address_of_the_file_and_yields_to_our_own_variable) {
  file("[http]\naddress = \"0.0.0.0:8000\"\n");
  from.variables = {{"APP_PORT", "9000"}};
  EXPECT_EQ(load().values.http.address, "0.0.0.0:9000");
  from.variables["TROUPE_HTTP_ADDRESS"] = "127.0.0.1:1";
  EXPECT_EQ(load().values.http.address, "127.0.0.1:1");
}

TEST_F(config_test, secrets_are_masked_in_what_is_shown) {
  from.variables = {{"OPENAI_API_KEY", "sk-hidden"}, {"REDIS_URL", "redis://u:hidden@h"}};
  const auto loaded = load();
  EXPECT_EQ(value(loaded, "chat.openai_api_key"), "[secret]");
  EXPECT_EQ(value(loaded, "redis.url"), "[secret]");
  EXPECT_EQ(value(loaded, "auth.jwt_secret"), "");
}

TEST_F(config_test, a_provider_key_alone_means_openai_itself) {
  EXPECT_EQ(load().values.chat.openai_base_url, "");
  from.variables = {{"OPENAI_API_KEY", "sk-x"}};
  const auto loaded = load();
  EXPECT_EQ(loaded.values.chat.openai_base_url, "https://api.openai.com/v1");
  EXPECT_EQ(origin(loaded, "chat.openai_base_url"), "because OPENAI_API_KEY is set");
  from.variables["OPENAI_BASE_URL"] = "http://127.0.0.1:9/v1/";
  EXPECT_EQ(load().values.chat.openai_base_url, "http://127.0.0.1:9/v1");
}

TEST_F(config_test, an_empty_variable_counts_as_unset) {
  from.variables = {{"OPENAI_API_KEY", ""}, {"TROUPE_HTTP_ADDRESS", ""}, {"APP_PORT", ""}};
  const auto loaded = load();
  EXPECT_EQ(loaded.values.http.address, "127.0.0.1:8000");
  EXPECT_EQ(loaded.values.chat.openai_base_url, "");
}

TEST_F(config_test, a_short_jwt_secret_is_taken_with_a_note) {
  from.variables = {{"JWT_SECRET", "short"}};
  const auto loaded = load();
  ASSERT_EQ(loaded.notes.size(), 1u);
  EXPECT_EQ(loaded.notes[0], "auth.jwt_secret has 5 bytes; HS256 wants at least 32 random ones");
}

TEST_F(config_test, a_sqlite_url_is_the_path_of_auths_file) {
  from.variables = {{"DATABASE_URL", "sqlite:////var/lib/x/auth.db"}};
  const auto loaded = load();
  EXPECT_EQ(loaded.values.sqlite.path, "/var/lib/x/auth.db");
  EXPECT_EQ(origin(loaded, "sqlite.path"), "DATABASE_URL");
  EXPECT_TRUE(check_servable(loaded));
  from.variables = {{"DATABASE_URL", "sqlite:///rel/auth.db"}};
  EXPECT_EQ(load().values.sqlite.path, "rel/auth.db");
  from.variables["SQLITE_PATH"] = "other.db";
  EXPECT_EQ(mistake(),
            "DATABASE_URL: database.url names another file than sqlite.path "
            "(SQLITE_PATH) does; set one of them");
}

TEST_F(config_test, a_wrong_value_names_file_line_and_field) {
  file("# comment\n[http]\nthreads = \"many\"\n");
  EXPECT_EQ(mistake(),
            "troupe.toml:3: http.threads wants a whole number from 1 to 64, not \"many\"");
  file("[http]\nthreads = 0\n");
  EXPECT_EQ(mistake(), "troupe.toml:2: http.threads wants a whole number from 1 to 64, not 0");
  file("[http]\naddress = 8000\n");
  EXPECT_EQ(mistake(), "troupe.toml:2: http.address wants a text, not 8000");
  file("[auth]\nsignup = \"yes\"\n");
  EXPECT_EQ(mistake(), "troupe.toml:2: auth.signup wants one of auto, open, closed, not \"yes\"");
  file("[auth]\nredirect_urls = [\"https://a.example/**\", \"https://*.example\"]\n");
  EXPECT_EQ(mistake(),
            "troupe.toml:2: auth.redirect_urls wants a URL, or an origin as in "
            "https://app.example.com/**, not \"https://*.example\"");
  file("[drain]\ntimeout = \"soon\"\n");
  EXPECT_EQ(mistake(),
            "troupe.toml:2: drain.timeout wants a duration from 0s to 3600s as in 20s "
            "or 500ms, not \"soon\"");
  file("[bus]\njoin = [1]\n");
  EXPECT_EQ(mistake(), "troupe.toml:2: bus.join: wants a list of texts");
}

TEST_F(config_test, an_unknown_key_names_its_place_and_the_nearest_one) {
  file("[http]\nadress = \"127.0.0.1:1\"\n");
  EXPECT_EQ(mistake(),
            "troupe.toml:2: there is no setting http.adress (did you mean http.address?)");
  file("[nonsense]\n");
  EXPECT_EQ(mistake(), "troupe.toml:1: nonsense: there is no such section");
  file("http = 1\n");
  EXPECT_EQ(mistake(), "troupe.toml:1: there is no setting http");
}

TEST_F(config_test, a_file_that_is_no_toml_names_the_line) {
  file("[http]\nthreads = = 2\n");
  EXPECT_TRUE(mistake().starts_with("troupe.toml:2: ")) << mistake();
  from.file = folder.path() / "missing.toml";
  EXPECT_EQ(mistake(), "missing.toml: cannot be read: No such file or directory");
}

TEST_F(config_test, a_wrong_variable_or_flag_is_named) {
  from.variables = {{"TROUPE_ACTORS_THREADS", "65"}};
  EXPECT_EQ(mistake(),
            "TROUPE_ACTORS_THREADS: actors.threads wants a whole number from 1 to 64, not \"65\"");
  from.variables = {{"TROUPE_HTTP_ADRESS", "x"}};
  EXPECT_EQ(mistake(),
            "TROUPE_HTTP_ADRESS: there is no setting http.adress (did you mean "
            "TROUPE_HTTP_ADDRESS?)");
  from.variables = {{"LOG_LEVEL", "loud"}};
  EXPECT_EQ(mistake(), "LOG_LEVEL: log.level wants debug, info, warn or error, not \"loud\"");
  from.variables = {{"OPENAI_BASE_URL", "localhost:1"}};
  EXPECT_EQ(mistake(),
            "OPENAI_BASE_URL: chat.openai_base_url wants an address that begins with "
            "http:// or https://, not \"localhost:1\"");
  from.variables = {{"APP_PORT", "eighty"}};
  EXPECT_EQ(mistake(), "APP_PORT: http.address wants a port from 0 to 65535, not \"eighty\"");
  from.variables.clear();
  from.flags = {{"http.address", ":8000"}};
  EXPECT_EQ(
      mistake(),
      "--http: http.address wants ADDR:PORT as in 127.0.0.1:8000 or [::1]:8000, not \":8000\"");
  from.flags = {{"http.address", "example.org:80"}};
  EXPECT_EQ(mistake(),
            "--http: http.address wants an IP address or localhost before the port, not "
            "\"example.org:80\"");
  from.flags = {{"bus.join", "tcp://127.0.0.1:7700"}, {"bus.join", "7700"}};
  EXPECT_EQ(mistake(),
            "--join: bus.join wants tcp://ADDR:PORT as in tcp://127.0.0.1:7700, not \"7700\"");
}

TEST_F(config_test, variables_that_a_container_platform_sets_are_nobodys_mistake) {
  from.variables = {{"TROUPE_AUTH_SERVICE_HOST", "10.0.0.1"},
                    {"TROUPE_AUTH_PORT", "tcp://10.0.0.1:7700"},
                    {"TROUPE_LOG_PORT_7700_TCP", "tcp://10.0.0.1:7700"},
                    {"TROUPE_API_KEY", "tr-x"},
                    {"TROUPE_URL", "http://h"}};
  EXPECT_EQ(mistake(), "no mistake");
}

TEST_F(config_test, the_table_of_keys_and_the_tree_have_the_same_settings) {
  config all;
  all.issuers["*"] = {};
  std::vector<std::string> keys;
  for_each_setting(all, [&](const std::string& key, const auto&) { keys.push_back(key); });
  EXPECT_TRUE(std::ranges::equal(keys, all_keys(), {}, {}, &key_info::key));
}

TEST_F(config_test, every_key_can_be_set_by_its_own_variable) {
  EXPECT_EQ(variable_of("chat.openai_base_url"), "TROUPE_CHAT_OPENAI_BASE_URL");
  for (const auto& info : all_keys()) {
    std::string key(info.key);
    if (is_pattern(key)) key.replace(key.find('*'), 1, "acme");
    from.variables = {{variable_of(key), "\x01"}}; // wrong for most, text for the others
    auto loaded = load_config(from);
    if (!loaded) {
      EXPECT_TRUE(loaded.error().message.starts_with(variable_of(key) + ": " + key))
          << loaded.error().message;
    } else {
      EXPECT_EQ(origin(*loaded, key), variable_of(key));
    }
  }
}

TEST_F(config_test, endpoints_and_signup_follow_from_the_address) {
  from.flags = {{"http.address", "[::1]:80"}};
  EXPECT_EQ(http_endpoint(load().values).address, "::1");
  EXPECT_TRUE(signup_is_open(load().values));
  from.flags = {{"http.address", "localhost:80"}};
  EXPECT_EQ(http_endpoint(load().values).address, "127.0.0.1");
  EXPECT_EQ(http_endpoint(load().values).port, 80);
  from.flags = {{"http.address", "0.0.0.0:80"}};
  EXPECT_FALSE(signup_is_open(load().values));
  from.variables = {{"TROUPE_AUTH_SIGNUP", "open"}};
  EXPECT_TRUE(signup_is_open(load().values));
}

} // namespace
} // namespace troupe

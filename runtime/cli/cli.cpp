#include "runtime/cli/cli.hpp"

#include "runtime/cli/chat.hpp"
#include "runtime/cli/flight.hpp"
#include "runtime/cli/import_users.hpp"
#include "runtime/cli/ingest.hpp"
#include "runtime/cli/key.hpp"
#include "runtime/cli/keys.hpp"
#include "runtime/cli/migrate.hpp"
#include "runtime/cli/show_config.hpp"
#include "runtime/cli/tap.hpp"
#include "runtime/cli/top.hpp"
#include "runtime/log_spdlog.hpp"
#include "runtime/version.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>

namespace troupe::cli {
namespace {

/// The flags of `serve` and `config`.
struct server_flags {
  std::string file, http, data, roles, bind;
  std::vector<std::string> join;
  bool json = false;

  void add_to(CLI::App& command) {
    command.add_option("--http", http, "where HTTP is served (127.0.0.1:8000)")
        ->type_name("ADDR:PORT");
    command.add_option("--data", data, "folder of the embedded stores and admin.key (data)")
        ->type_name("DIR");
    command.add_option("--config", file, "settings file (troupe.toml, when there is one)")
        ->type_name("FILE");
    command.add_option("--roles", roles, "all, or some of edge,auth,prompt,log,router,broker")
        ->type_name("ROLES");
    command.add_option("--join", join, "broker to link to; may come again")
        ->type_name("tcp://ADDR:PORT")
        ->allow_extra_args(false);
    command.add_option("--bind", bind, "where a broker listens")->type_name("tcp://ADDR:PORT");
  }

  config_sources sources(const CLI::App& command, const environment& variables) const {
    config_sources from;
    from.variables = variables;
    if (command.count("--config") != 0) from.file = file;
    const auto add = [&](const char* flag, const char* key, const std::string& text) {
      if (command.count(flag) != 0) from.flags.emplace_back(key, text);
    };
    add("--http", "http.address", http);
    add("--data", "data.dir", data);
    add("--roles", "roles", roles);
    add("--bind", "bus.bind", bind);
    for (const auto& address : join) from.flags.emplace_back("bus.join", address);
    return from;
  }
};

/// The flags that every command has which talks to a server.
void add_access(CLI::App& command, access_options& to) {
  command.add_option("--url", to.url, "the server (TROUPE_URL, else http://127.0.0.1:8000)")
      ->type_name("URL");
  command.add_option("--key", to.key, "API key (TROUPE_API_KEY, else DIR/admin.key)")
      ->type_name("KEY");
  command.add_option("--data", to.data, "where admin.key is (TROUPE_DATA, else data)")
      ->type_name("DIR");
}

/// The whole command line, with what it was parsed into.
class command_line {
public:
  explicit command_line(const environment& variables) : variables_(variables) {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", version_line());
    app_.footer("Start with `troupe serve`; `troupe COMMAND --help` has examples.");
    add_server_commands();
    add_ingest();
    add_chat();
    add_key();
    add_keys();
    add_users();
    add_top();
    add_flight();
    add_tap();
    version_ = app_.add_subcommand("version", "Print the version of this program");
  }

  int run(std::vector<std::string> arguments, const serve_function& serve) {
    if (arguments.empty()) {
      std::cerr << app_.help();
      return exit_usage;
    }
    std::ranges::reverse(arguments); // as CLI11 wants them
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::ParseError& stop) {
      return app_.exit(stop, std::cout, std::cerr) == 0 ? exit_ok : exit_usage;
    }
    if (serve_->parsed()) return run_serve(serve);
    if (config_->parsed()) return run_config();
    if (migrate_->parsed()) return run_migrations();
    if (ingest_->parsed()) return run_ingest(ingest_options_, variables_);
    if (chat_->parsed()) return run_chat(chat_options_, variables_);
    if (key_create_->parsed()) return run_key_create(key_options_, variables_);
    if (key_list_->parsed()) return run_key_list(key_options_, variables_);
    if (key_rotate_->parsed()) return run_key_rotate(key_options_, variables_);
    if (key_limit_->parsed()) return run_key_limit(key_options_, variables_);
    if (key_revoke_->parsed()) return run_key_revoke(key_options_, variables_);
    if (keys_generate_->parsed()) return run_keys_generate(keys_options_);
    if (users_import_->parsed()) return run_import_users(import_options_, variables_);
    if (tap_->parsed()) return run_tap_line();
    if (flight_->parsed()) return run_flight(flight_options_);
    if (top_->parsed()) return run_top(top_options_, variables_);
    std::printf("%s\n", version_line().c_str());
    return exit_ok;
  }

private:
  static std::string version_line() {
    return "troupe " + std::string(version) + " (" + std::string(build_type) + ", " +
           std::string(compiler) + ')';
  }

  void add_server_commands() {
    serve_ = app_.add_subcommand("serve", "Run the server: every role, or those of --roles");
    server_flags_.add_to(*serve_);
    serve_->footer(
        "Examples:\n"
        "  troupe serve\n"
        "  troupe serve --http 0.0.0.0:8000 --data /var/lib/troupe\n"
        "  troupe serve --roles broker --bind tcp://127.0.0.1:7700\n"
        "  troupe serve --roles edge,router --join tcp://127.0.0.1:7700\n"
        "The first start with an empty data folder writes an admin key to DIR/admin.key.");
    config_ = app_.add_subcommand("config", "Print the settings in force and where they came from");
    server_flags_.add_to(*config_);
    config_->add_flag("--json", server_flags_.json, "as JSON");
    config_->footer(
        "Examples:\n  troupe config\n  troupe config --config troupe.toml --json\n"
        "Ends with code 2 when `troupe serve` would refuse to start with them.");
    migrate_ = app_.add_subcommand("migrate", "Bring the databases to this program's schema");
    server_flags_.add_to(*migrate_);
    migrate_->add_flag("--json", server_flags_.json, "as JSON");
    migrate_->footer(
        "Examples:\n  troupe migrate\n"
        "  DATABASE_URL=mysql://troupe:secret@db:3306/troupe troupe migrate --roles auth\n"
        "`troupe serve` does the same at its start; safe to repeat and to run beside others.\n"
        "A database that a newer program wrote is refused.");
  }

  void add_ingest() {
    ingest_ = app_.add_subcommand("ingest", "Bring files or folders into a vector store");
    ingest_->add_option("PATH", ingest_options_.paths, "files and folders")
        ->required()
        ->type_name("");
    ingest_->add_option("--store", ingest_options_.store, "the store's name; made when missing")
        ->type_name("NAME")
        ->required();
    ingest_->add_flag("--json", ingest_options_.json, "print the summary as JSON");
    add_access(*ingest_, ingest_options_.access);
    ingest_->footer(
        "Examples:\n"
        "  troupe ingest docs --store docs\n"
        "  troupe ingest handbook.md faq.html --store support --url http://10.0.0.5:8000\n"
        "What the store has with the same name and SHA-256 is skipped; other content replaces it.");
  }

  void add_chat() {
    chat_ = app_.add_subcommand("chat", "Ask questions about your documents in the terminal");
    chat_->add_option("--message", chat_options_.message, "ask this and end; else lines of stdin")
        ->type_name("TEXT");
    chat_->add_option("--store", chat_options_.stores, "search these stores only; may come again")
        ->type_name("NAME");
    chat_->add_option("--model", chat_options_.model, "the model (chat.default_model)")
        ->type_name("NAME");
    add_access(*chat_, chat_options_.access);
    chat_->footer(
        "Examples:\n  troupe chat\n"
        "  troupe chat --store docs --message 'Where is the admin key?'");
  }

  static std::map<std::string, std::int64_t> duration_units() {
    return {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
  }

  void add_key() {
    key_ = app_.add_subcommand("key", "Create, list, rotate, limit and revoke API keys");
    key_->require_subcommand(1);
    key_create_ = key_->add_subcommand("create", "Create a key; it is printed this once");
    key_create_->add_option("--name", key_options_.name, "what it is for")
        ->required()
        ->type_name("NAME");
    key_create_->add_option("--scope", key_options_.scopes,
                            "what it may: chat, documents:read, … (many times; none: all)");
    key_create_->add_option("--expires", key_options_.expires_in, "after so long, as in 30d or 12h")
        ->transform(CLI::AsNumberWithUnit(duration_units(), CLI::AsNumberWithUnit::UNIT_REQUIRED));
    key_create_->add_option("--organization", key_options_.organization,
                            "whose caps it counts against");
    key_create_->footer(
        "Examples:\n"
        "  TROUPE_API_KEY=$(troupe key create --name laptop)\n"
        "  troupe key create --name importer --scope logs:write --expires 90d");
    key_list_ = key_->add_subcommand("list", "List your keys");
    key_list_->footer("Example:\n  troupe key list --json");
    key_rotate_ = key_->add_subcommand("rotate", "Create a key in the place of another");
    key_rotate_->add_option("ID", key_options_.id, "its id, as `troupe key list` shows it")
        ->required()
        ->type_name("");
    key_rotate_->add_option("--overlap", key_options_.overlap, "how long the old key still works")
        ->transform(CLI::AsNumberWithUnit(duration_units(), CLI::AsNumberWithUnit::UNIT_REQUIRED))
        ->default_str("1h");
    key_rotate_->footer("Example:\n  TROUPE_API_KEY=$(troupe key rotate key_0193… --overlap 1d)");
    key_revoke_ = key_->add_subcommand("revoke", "Revoke a key at once");
    key_revoke_->add_option("ID", key_options_.id, "its id, as `troupe key list` shows it")
        ->required()
        ->type_name("");
    key_revoke_->footer("Example:\n  troupe key revoke key_0193…");
    add_key_limit();
    for (CLI::App* command : {key_create_, key_list_, key_rotate_, key_revoke_}) {
      add_access(*command, key_options_.access);
      command->add_option("--user", key_options_.user, "admins: a user's id (your own keys)");
    }
    key_rotate_->add_flag("--json", key_options_.json, "as JSON");
    key_create_->add_flag("--json", key_options_.json, "as JSON");
    key_list_->add_flag("--json", key_options_.json, "as JSON");
  }

  void add_key_limit() {
    key_limit_ = key_->add_subcommand("limit", "Show or change what a key may use (for admins)");
    key_limit_->add_option("ID", key_options_.id, "its id, as `troupe key list` shows it")
        ->required()
        ->type_name("");
    key_limit_->add_option("--requests-per-minute", key_options_.requests_per_minute, "0: no cap");
    key_limit_->add_option("--tokens-per-minute", key_options_.tokens_per_minute, "0: no cap");
    key_limit_->add_option("--streams", key_options_.streams, "at the same time; 0: no cap");
    key_limit_->add_option("--usd-per-day", key_options_.usd_per_day,
                           "at chat.prices, as in 2.50; 0: no cap");
    key_limit_->add_flag("--json", key_options_.json, "as JSON");
    key_limit_->footer(
        "Examples:\n"
        "  troupe key limit key_0193…\n"
        "  troupe key limit key_0193… --requests-per-minute 60 --usd-per-day 2.50");
    add_access(*key_limit_, key_options_.access);
  }

  void add_keys() {
    auto* keys = app_.add_subcommand("keys", "Make the keys of encrypted links between nodes");
    keys->require_subcommand(1);
    keys_generate_ = keys->add_subcommand("generate", "Make a key pair for a role");
    keys_generate_->add_option("--role", keys_options_.role, "what it is for; names the files")
        ->required()
        ->type_name("ROLE");
    keys_generate_->add_option("--out", keys_options_.out, "folder of ROLE.key and ROLE.pub (.)")
        ->type_name("DIR");
    keys_generate_->add_flag("--json", keys_options_.json, "as JSON");
    keys_generate_->footer(
        "Examples:\n"
        "  troupe keys generate --role broker --out keys\n"
        "  troupe keys generate --role edge --out keys >> keys/allow.toml\n"
        "Prints the entry of the allow-list (bus.allow); of a broker, the setting bus.broker_key.\n"
        "ROLE.key is secret, and only its owner may read it. No file is replaced.");
  }

  void add_users() {
    auto* users = app_.add_subcommand("users", "Bring the users of another program in");
    users->require_subcommand(1);
    auto& to = import_options_;
    users_import_ = users->add_subcommand("import", "Import users with their passwords");
    users_import_
        ->add_option("FROM", to.from, "a CSV file, or mysql://… or postgresql://… with ?table=")
        ->required()
        ->type_name("");
    users_import_
        ->add_option("--map", to.map, "their_column=field, where names differ; may come again")
        ->type_name("THEIRS=OURS")
        ->allow_extra_args(false);
    users_import_->add_option("--failed", to.failed, "write the rows that fail to this CSV file")
        ->type_name("FILE");
    users_import_->add_flag("--update", to.update, "change name, role and metadata of who is here");
    users_import_->add_flag("--without-passwords", to.without_passwords, "leave passwords out");
    users_import_->add_flag("--dry-run", to.dry_run, "say what would be done, and do nothing");
    users_import_->add_flag("--json", to.json, "print the summary as JSON");
    add_access(*users_import_, to.access);
    users_import_->footer(
        "Examples:\n"
        "  troupe users import users.csv --dry-run\n"
        "  troupe users import users.csv --map mail=email --failed failed.csv\n"
        "  troupe users import 'mysql://reader:secret@db:3306/shop?table=users'\n"
        "Fields: email, password_hash, name, role, is_admin, is_active, email_verified, "
        "created_at,\n"
        "user_metadata, id, ignored. Passwords come as hashes of bcrypt, Argon2, Django or "
        "Werkzeug\n"
        "and stay valid. Safe to repeat: who is here already is passed over.");
  }

  void add_top() {
    top_ = app_.add_subcommand("top", "Show the processes, services and queues as they stand");
    top_->add_option("--interval", top_options_.interval, "seconds between two looks (2)")
        ->check(CLI::Range(0.2, 3600.0))
        ->type_name("SECONDS");
    top_->add_flag("--once", top_options_.once, "one look, and end");
    top_->add_flag("--json", top_options_.json, "as the server says it, a line a look");
    add_access(*top_, top_options_.access);
    top_->footer(
        "Examples:\n"
        "  troupe top\n"
        "  troupe top --once --url http://10.0.0.5:8000 --key tr-…\n"
        "  troupe top --json --interval 10 >> cluster.jsonl\n"
        "It needs an admin's key. Rates are between two looks; Ctrl-C ends it.");
  }

  void add_flight() {
    flight_ = app_.add_subcommand("flight", "Print what a broker's flight recorder kept");
    flight_->add_option("FILE", flight_options_.file, "the file that it wrote")
        ->required()
        ->type_name("");
    flight_->add_flag("--json", flight_options_.json, "a line of JSON an event");
    flight_->footer(
        "Examples:\n"
        "  troupe flight data/flight-broker.bin | less\n"
        "  troupe flight data/flight-broker.bin --json\n"
        "A broker writes it when it crashes, and on SIGUSR2: the headers of the last 10,000 frames "
        "(-> taken,\n<- sent), no bodies. FILE.1, .2 and .3 are those of before.");
  }

  void add_tap() {
    auto& to = tap_options_;
    tap_ = app_.add_subcommand("tap", "Look on at what passes the brokers, header by header");
    tap_->add_option("--join", tap_join_, "broker to look at; may come again (bus.join)")
        ->type_name("tcp://ADDR:PORT")
        ->allow_extra_args(false);
    tap_->add_option("--config", tap_config_, "settings file with bus.join and the keys")
        ->type_name("FILE");
    tap_->add_option("--service", to.service, "only calls to this service")->type_name("NAME");
    tap_->add_option("--type", to.types, "only frames of this type; may come again")
        ->type_name("TYPE")
        ->allow_extra_args(false);
    tap_->add_flag("--shape", to.shape, "bodies up to 4 KiB too, texts as their lengths");
    tap_->add_flag("--bodies", to.bodies, "bodies up to 4 KiB too, without what looks secret");
    tap_->add_option("--rate", to.rate, "frames a second at most (200)")
        ->check(CLI::Range(1, 1000));
    tap_->add_option("--count", to.count, "end after so many frames");
    tap_->add_flag("--json", to.json, "a line of JSON a frame");
    tap_->footer(
        "Examples:\n"
        "  troupe tap --join tcp://127.0.0.1:7700\n"
        "  troupe tap --join tcp://127.0.0.1:7700 --service prompt --type request --shape\n"
        "  TROUPE_BUS_KEY=keys/watch.key TROUPE_BUS_BROKER_KEY=keys/broker.pub \\\n"
        "    troupe tap --join tcp://10.0.0.5:7700 --json --count 100\n"
        "Encrypted brokers let those look on whose entry of the allow-list says `tap = true`.\n"
        "--bodies shows what people say: use it on systems of your own.");
  }

  int run_tap_line() const {
    config_sources from;
    from.variables = variables_;
    if (tap_->count("--config") != 0) from.file = tap_config_;
    for (const auto& address : tap_join_) from.flags.emplace_back("bus.join", address);
    from.flags.emplace_back("roles", "edge"); // a node that links to brokers and has no store
    auto loaded = load_config(from);
    if (!loaded) return refuse(loaded.error());
    return run_tap_command(tap_options_, loaded->values);
  }

  static int refuse(const error& why) {
    std::fprintf(stderr, "troupe: %s\n", why.message.c_str());
    return exit_usage;
  }

  int run_serve(const serve_function& serve) const {
    auto loaded = load_config(server_flags_.sources(*serve_, variables_));
    if (!loaded) return refuse(loaded.error());
    if (auto fits = check_servable(*loaded); !fits) return refuse(fits.error());
    shutdown_signal signals;
    install_log_sink(parse_log_level(loaded->values.log.level).value_or(log::level::info));
    for (const auto& note : loaded->notes) log::warn("config.note", {{"text", note}});
    return serve(loaded->values, signals);
  }

  int run_config() const {
    auto loaded = load_config(server_flags_.sources(*config_, variables_));
    if (!loaded) return refuse(loaded.error());
    if (server_flags_.json) {
      std::printf("%s\n", config_as_json(*loaded).c_str());
    } else {
      print_config(*loaded);
    }
    if (auto fits = check_servable(*loaded); !fits) return refuse(fits.error());
    return exit_ok;
  }

  int run_migrations() const {
    auto loaded = load_config(server_flags_.sources(*migrate_, variables_));
    if (!loaded) return refuse(loaded.error());
    if (auto fits = check_stores(*loaded); !fits) return refuse(fits.error());
    return run_migrate(loaded->values, server_flags_.json);
  }

  const environment& variables_;
  CLI::App app_{"Troupe: the backend of an AI application in one program", "troupe"};
  CLI::App *serve_, *config_, *migrate_, *ingest_, *chat_, *key_, *key_create_, *key_list_,
      *key_rotate_, *key_limit_, *key_revoke_, *keys_generate_, *users_import_, *top_, *flight_,
      *tap_, *version_;
  server_flags server_flags_;
  ingest_options ingest_options_;
  chat_options chat_options_;
  key_options key_options_;
  keys_options keys_options_;
  import_users_options import_options_;
  top_options top_options_;
  flight_options flight_options_;
  tap_options tap_options_;
  std::vector<std::string> tap_join_;
  std::string tap_config_;
};

} // namespace

int run(const std::vector<std::string>& arguments, const environment& variables,
        const serve_function& serve) {
  return command_line(variables).run(arguments, serve);
}

} // namespace troupe::cli

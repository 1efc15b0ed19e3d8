#include "runtime/toml.hpp"

namespace troupe {

result<toml::table> parse_toml(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& wrong) {
    return fail(errc::invalid_argument, file + ':' + std::to_string(wrong.source().begin.line) +
                                            ": " + std::string(wrong.description()));
  } catch (const std::logic_error& wrong) {
    return fail(errc::invalid_argument, file + ": " + wrong.what());
  }
}

} // namespace troupe

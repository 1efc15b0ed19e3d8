#pragma once

#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace troupe::test {

/// A certificate of nobody's for localhost and 127.0.0.1, made by the program openssl, in a scratch
/// folder that ends with this object.
class certificate {
public:
  certificate() {
    std::string name = (std::filesystem::temp_directory_path() / "troupe-cert-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch folder");
    folder_ = name;
    const auto command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
        "-days 2 -subj /CN=localhost -addext "
        "subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout " +
        key() + " -out " + file() + " 2>/dev/null";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("openssl req failed");
  }
  ~certificate() { std::filesystem::remove_all(folder_); }
  certificate(const certificate&) = delete;
  certificate& operator=(const certificate&) = delete;

  [[nodiscard]] std::string file() const { return (folder_ / "cert.pem").string(); }
  [[nodiscard]] std::string key() const { return (folder_ / "key.pem").string(); }

private:
  std::filesystem::path folder_;
};

} // namespace troupe::test

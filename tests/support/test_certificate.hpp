#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <unistd.h>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

/// Certificates that sign themselves, made when a test runs.
namespace troupe::test {

struct test_certificate {
  std::string certificate, key; ///< PEM
};

namespace certificate_detail {

template <auto Free>
struct freed {
  template <class T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};
using key_pointer = std::unique_ptr<EVP_PKEY, freed<EVP_PKEY_free>>;
using x509_pointer = std::unique_ptr<X509, freed<X509_free>>;
using bio_pointer = std::unique_ptr<BIO, freed<BIO_free>>;

inline std::string text_of(BIO* from) {
  char* at = nullptr;
  const auto size = BIO_get_mem_data(from, &at);
  return {at, static_cast<std::size_t>(size)};
}

inline void add_extension(X509* to, int which, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, to, to, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, freed<X509_EXTENSION_free>> made(
      X509V3_EXT_conf_nid(nullptr, &context, which, value));
  if (!made || X509_add_ext(to, made.get(), -1) != 1) throw std::runtime_error("no extension");
}

} // namespace certificate_detail

/// For localhost and 127.0.0.1, with a key of its own; valid from `from` to `until`, seen from now.
inline test_certificate make_certificate(const std::string& name = "localhost",
                                         std::chrono::seconds from = std::chrono::hours(-1),
                                         std::chrono::seconds until = std::chrono::hours(24)) {
  using namespace certificate_detail;
  const key_pointer key(EVP_EC_gen("P-256"));
  const x509_pointer made(X509_new());
  if (!key || !made) throw std::runtime_error("no key or certificate");
  X509_set_version(made.get(), X509_VERSION_3);
  static long serial = 0;
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), from.count());
  X509_gmtime_adj(X509_getm_notAfter(made.get()), until.count());
  X509_set_pubkey(made.get(), key.get());
  auto* subject = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(made.get(), subject);
  add_extension(made.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  add_extension(made.get(), NID_basic_constraints, "critical,CA:TRUE");
  if (X509_sign(made.get(), key.get(), EVP_sha256()) == 0) throw std::runtime_error("not signed");
  const bio_pointer certificate_out(BIO_new(BIO_s_mem())), key_out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(certificate_out.get(), made.get());
  PEM_write_bio_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(certificate_out.get()), text_of(key_out.get())};
}

/// A certificate and its key as files in a folder of their own, which goes with this.
class certificate_files {
public:
  explicit certificate_files(const test_certificate& first = make_certificate()) {
    auto pattern = (std::filesystem::temp_directory_path() / "troupe-tls-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder");
    folder_ = pattern;
    install(first);
  }
  ~certificate_files() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  certificate_files(const certificate_files&) = delete;
  certificate_files& operator=(const certificate_files&) = delete;

  /// As who renews certificates does it: written beside, then renamed.
  void install(const test_certificate& made) const {
    replace(certificate(), made.certificate);
    replace(key(), made.key);
  }
  static void replace(const std::string& file, const std::string& text) {
    std::ofstream(file + ".new") << text;
    std::filesystem::rename(file + ".new", file);
  }

  [[nodiscard]] std::string certificate() const { return (folder_ / "cert.pem").string(); }
  [[nodiscard]] std::string key() const { return (folder_ / "key.pem").string(); }

private:
  std::filesystem::path folder_;
};

} // namespace troupe::test

#include "adapters/crypto/openssl_keys.hpp"

#include "adapters/crypto/base64url.hpp"
#include "adapters/crypto/jwk.hpp"
#include "adapters/crypto/quiet_errors.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace troupe::crypto {
namespace {

template <auto function>
struct free_with {
  void operator()(auto* object) const { function(object); }
};
using pkey = std::unique_ptr<EVP_PKEY, free_with<EVP_PKEY_free>>;
using pkey_context = std::unique_ptr<EVP_PKEY_CTX, free_with<EVP_PKEY_CTX_free>>;
using digest_context = std::unique_ptr<EVP_MD_CTX, free_with<EVP_MD_CTX_free>>;
using big_number = std::unique_ptr<BIGNUM, free_with<BN_free>>;
using ecdsa_pair = std::unique_ptr<ECDSA_SIG, free_with<ECDSA_SIG_free>>;
using param_builder = std::unique_ptr<OSSL_PARAM_BLD, free_with<OSSL_PARAM_BLD_free>>;
using params = std::unique_ptr<OSSL_PARAM, free_with<OSSL_PARAM_free>>;
using bio = std::unique_ptr<BIO, free_with<BIO_free>>;

constexpr int rsa_bits_min = 2048;
constexpr int rsa_bits_max = 8192;
constexpr int rsa_bits_new = 2048;
constexpr int rsa_exponent_bits_max = 64; // a longer one only costs time

/// What an algorithm asks of its key. `curve` is null for RSA.
struct algorithm {
  const char* curve = nullptr;      ///< as JWK names it, and as OpenSSL takes it
  const char* curve_name = nullptr; ///< as OpenSSL answers it
  std::size_t coordinate_bytes = 0;
  const EVP_MD* (*digest)() = EVP_sha256;
  bool pss = false;
};

algorithm traits_of(jws_alg alg) {
  switch (alg) {
    case jws_alg::es256:
      return {"P-256", "prime256v1", 32, EVP_sha256};
    case jws_alg::es384:
      return {"P-384", "secp384r1", 48, EVP_sha384};
    case jws_alg::rs384:
      return {.digest = EVP_sha384};
    case jws_alg::rs512:
      return {.digest = EVP_sha512};
    case jws_alg::ps256:
      return {.pss = true};
    default:
      return {};
  }
}

/// Signing fails only without memory or randomness: nothing safe can follow.
void must(bool done) {
  if (done) return;
  std::fputs("OpenSSL cannot sign or make keys: no memory or no randomness\n", stderr);
  std::abort();
}

unsigned char* raw(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}
const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

big_number number_of(std::string_view bytes) {
  return big_number(BN_bin2bn(raw(bytes), static_cast<int>(bytes.size()), nullptr));
}

/// Big-endian and at least `size` bytes; nothing when the key has no such number.
std::string number_in(const EVP_PKEY* key, const char* name, std::size_t size = 0) {
  BIGNUM* found = nullptr;
  must(EVP_PKEY_get_bn_param(key, name, &found) == 1);
  const big_number value(found);
  std::string bytes(std::max<std::size_t>(size, BN_num_bytes(value.get())), '\0');
  must(BN_bn2binpad(value.get(), raw(bytes), static_cast<int>(bytes.size())) >= 0);
  return bytes;
}

/// JWS has r and s side by side (RFC 7518, 3.4), OpenSSL takes them in DER; empty when they are not
/// two numbers of this size.
std::string der_of(std::string_view signature, std::size_t coordinate_bytes) {
  if (signature.size() != 2 * coordinate_bytes) return {};
  const ecdsa_pair pair(ECDSA_SIG_new());
  auto r = number_of(signature.substr(0, coordinate_bytes));
  auto s = number_of(signature.substr(coordinate_bytes));
  if (!pair || !r || !s) return {};
  ECDSA_SIG_set0(pair.get(), r.release(), s.release());
  unsigned char* bytes = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &bytes);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

std::string pair_of(std::string_view der, std::size_t coordinate_bytes) {
  const auto* at = raw(der);
  const ecdsa_pair pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  must(pair != nullptr);
  std::string signature(2 * coordinate_bytes, '\0');
  const auto size = static_cast<int>(coordinate_bytes);
  must(BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), raw(signature), size) == size);
  must(BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), raw(signature) + size, size) == size);
  return signature;
}

class openssl_key final : public sign_key {
public:
  openssl_key(jws_alg alg, pkey key) : traits_(traits_of(alg)), key_(std::move(key)) {}

  bool holds(std::string_view signed_part, std::string_view signature) const override {
    const quiet_errors quiet;
    const auto expected =
        traits_.curve ? der_of(signature, traits_.coordinate_bytes) : std::string(signature);
    if (expected.empty()) return false;
    const auto context = begin(EVP_DigestVerifyInit);
    return context && EVP_DigestVerify(context.get(), raw(expected), expected.size(),
                                       raw(signed_part), signed_part.size()) == 1;
  }

  std::string sign(std::string_view signed_part) const override {
    const quiet_errors quiet;
    const auto context = begin(EVP_DigestSignInit);
    must(context != nullptr);
    std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
    auto size = signature.size();
    must(EVP_DigestSign(context.get(), raw(signature), &size, raw(signed_part),
                        signed_part.size()) == 1);
    signature.resize(size);
    return traits_.curve ? pair_of(signature, traits_.coordinate_bytes) : signature;
  }

  std::string kid() const override { return thumbprint(public_members()); }

  jwk_members public_members() const override {
    const auto member = [&](const char* name, std::size_t size = 0) {
      return to_base64url(number_in(key_.get(), name, size));
    };
    if (!traits_.curve)
      return {{"e", member(OSSL_PKEY_PARAM_RSA_E)},
              {"kty", "RSA"},
              {"n", member(OSSL_PKEY_PARAM_RSA_N)}};
    return {{"crv", traits_.curve},
            {"kty", "EC"},
            {"x", member(OSSL_PKEY_PARAM_EC_PUB_X, traits_.coordinate_bytes)},
            {"y", member(OSSL_PKEY_PARAM_EC_PUB_Y, traits_.coordinate_bytes)}};
  }

private:
  /// A context in which `init` (to sign or to verify) has been set up; null when that failed.
  digest_context begin(decltype(&EVP_DigestSignInit) init) const {
    digest_context context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr; // belongs to context
    if (!context || init(context.get(), &options, traits_.digest(), nullptr, key_.get()) != 1)
      return nullptr;
    if (traits_.pss && (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
                        EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1))
      return nullptr;
    return context;
  }

  const algorithm traits_;
  const pkey key_;
};

bool rsa_fits(const EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) return false;
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < rsa_bits_min || bits > rsa_bits_max) return false;
  const auto exponent = number_of(number_in(key, OSSL_PKEY_PARAM_RSA_E));
  return exponent && BN_is_odd(exponent.get()) && !BN_is_one(exponent.get()) &&
         BN_num_bits(exponent.get()) <= rsa_exponent_bits_max;
}

bool curve_fits(const EVP_PKEY* key, const char* curve_name) {
  std::array<char, 64> name{};
  std::size_t size = 0;
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) == 1 &&
         std::string_view(name.data(), size) == curve_name;
}

bool fits(jws_alg alg, const EVP_PKEY* key) {
  const auto traits = traits_of(alg);
  return traits.curve ? curve_fits(key, traits.curve_name) : rsa_fits(key);
}

/// The public key that `builder` describes, checked; null when it is none of this algorithm.
std::unique_ptr<verify_key> build(jws_alg alg, const char* type, OSSL_PARAM_BLD* builder) {
  const params described(OSSL_PARAM_BLD_to_param(builder));
  const pkey_context context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  if (!described || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, described.get()) != 1)
    return nullptr;
  pkey key(made); // OpenSSL has refused a point that is not on its curve
  if (!fits(alg, key.get())) return nullptr;
  return std::make_unique<openssl_key>(alg, std::move(key));
}

} // namespace

std::unique_ptr<verify_key> make_rsa_verify_key(jws_alg alg, std::string_view n,
                                                std::string_view e) {
  const quiet_errors quiet;
  if (n.size() > rsa_bits_max / 8 + 1 || e.size() > rsa_bits_max / 8) return nullptr;
  const auto modulus = number_of(n), exponent = number_of(e);
  const param_builder builder(OSSL_PARAM_BLD_new());
  if (!modulus || !exponent || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
    return nullptr;
  return build(alg, "RSA", builder.get());
}

std::unique_ptr<verify_key> make_ec_verify_key(jws_alg alg, std::string_view x,
                                               std::string_view y) {
  const quiet_errors quiet;
  const auto traits = traits_of(alg);
  if (x.size() != traits.coordinate_bytes || y.size() != x.size()) return nullptr;
  std::string point = "\x04"; // uncompressed (SEC 1, 2.3.3)
  point.append(x).append(y);
  const param_builder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, traits.curve, 0) !=
          1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1)
    return nullptr;
  return build(alg, "EC", builder.get());
}

result<std::unique_ptr<sign_key>> make_pem_key(jws_alg alg, const std::string& pem) {
  const quiet_errors quiet;
  const bio text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // Without a callback OpenSSL would ask the terminal for the password of an encrypted key.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  pkey key(PEM_read_bio_PrivateKey(text.get(), nullptr, no_password, nullptr));
  if (!key || !fits(alg, key.get()))
    return fail(errc::invalid_argument, "the signing key must be a private key for " +
                                            std::string(name_of(alg)) + " in PEM, not encrypted");
  return std::make_unique<openssl_key>(alg, std::move(key));
}

std::string make_pem(jws_alg alg) {
  const auto traits = traits_of(alg);
  const pkey key(traits.curve ? EVP_EC_gen(traits.curve)
                              : EVP_RSA_gen(static_cast<unsigned>(rsa_bits_new)));
  const bio text(BIO_new(BIO_s_mem()));
  must(key && text &&
       PEM_write_bio_PKCS8PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                     nullptr) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

} // namespace troupe::crypto

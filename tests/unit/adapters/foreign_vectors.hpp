#pragma once

// Tokens of PyJWT 2.15.1 (cryptography 50.0.2): jwt.encode(claims, key, algorithm=…,
// headers={"kid": …}) with fresh keys, whose public halves were written by PyJWT's to_jwk().
#include "adapters/crypto/jws_alg.hpp"

#include <string_view>

namespace troupe::test {

struct foreign_vector {
  jws_alg alg;
  std::string_view token;
};

inline constexpr foreign_vector foreign_vectors[] = {
    {jws_alg::es384,
     "eyJhbGciOiJFUzM4NCIsImtpZCI6IkVTMzg0IiwidHlwIjoiSldUIn0.eyJzdWIiOiJ1LTEiLCJpc3MiOiJo"
     "dHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbInRyb3VwZSIsIm90aGVyIl0sImV4cCI6MTkwMDAwMDAw"
     "MCwiaWF0IjoxNzAwMDAwMDAwLCJlbWFpbCI6ImFubkBleGFtcGxlLmNvbSIsImVtYWlsX3ZlcmlmaWVkIjp0"
     "cnVlLCJuYW1lIjoiQW5uIn0.uYESep_G6n3aAZX-jLPaHg5Z3DDMgsKt0aGqwOIj-hrA7XcGpxIEHCiOVjgf"
     "uf8g47PLf0fAVeTykVk1u1hGbdvKyP-Hd5wPcEZHmy3fEsKpKAQ8qlsnP_XNQh06VZt_"},
    {jws_alg::eddsa,
     "eyJhbGciOiJFZERTQSIsImtpZCI6IkVkRFNBIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ1LTEiLCJpc3MiOiJo"
     "dHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbInRyb3VwZSIsIm90aGVyIl0sImV4cCI6MTkwMDAwMDAw"
     "MCwiaWF0IjoxNzAwMDAwMDAwLCJlbWFpbCI6ImFubkBleGFtcGxlLmNvbSIsImVtYWlsX3ZlcmlmaWVkIjp0"
     "cnVlLCJuYW1lIjoiQW5uIn0.Gg_uf5NPHAEI3X0jJv7ZLjpty0vgGDamMZQWsiQqPO2PBnjh5_5strK2jjRz"
     "lCET556ERir_KG5ZVE7fU9A1AQ"},
    {jws_alg::es256,
     "eyJhbGciOiJFUzI1NiIsImtpZCI6IkVTMjU2IiwidHlwIjoiSldUIn0.eyJzdWIiOiJ1LTEiLCJpc3MiOiJo"
     "dHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbInRyb3VwZSIsIm90aGVyIl0sImV4cCI6MTkwMDAwMDAw"
     "MCwiaWF0IjoxNzAwMDAwMDAwLCJlbWFpbCI6ImFubkBleGFtcGxlLmNvbSIsImVtYWlsX3ZlcmlmaWVkIjp0"
     "cnVlLCJuYW1lIjoiQW5uIn0.iNiwK6EU3zNoAgAxQJoLFvt8SKwTzX_IuHfXGXRH9-0Xrmb9FYWL3rU-bYEw"
     "7Nxluf6YS2aTZbsU4Xam-lbf6g"},
    {jws_alg::ps256,
     "eyJhbGciOiJQUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1LTEiLCJpc3MiOiJodHR"
     "wczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbInRyb3VwZSIsIm90aGVyIl0sImV4cCI6MTkwMDAwMDAwMCw"
     "iaWF0IjoxNzAwMDAwMDAwLCJlbWFpbCI6ImFubkBleGFtcGxlLmNvbSIsImVtYWlsX3ZlcmlmaWVkIjp0cnV"
     "lLCJuYW1lIjoiQW5uIn0.YktwrrzQozCNk0vMlz05zBZO9dpXXbF6R8Mxz33MCRLsKCkaDFUJ5J2fe8uDmm0"
     "_ouoY9IUuo7-bhhX4-3NROWNr1du56M5szjGma7iXIn2k9tPoL89TxdbQqOKR-9J6Fb3ejA_2WjXA4xUVZtJ"
     "mMkWZe_7biqk784VBcdhew6ZxOC_ruiL9nxGMu9zDjhPAyUaeYYp40K-_G2Ao_txVyhrZEdF4rNN3qUgRmYj"
     "kQfdkb9rQ_tIHuiY_u1eJ1x8eoiv3sH_SREknBbtybMUqxw7qwpdIFdhRY9eH4-KI312UsUzn85zNEZq5oYr"
     "fbonwgkm_-7X9jQgUdrb9TClRZg"},
    {jws_alg::rs384,
     "eyJhbGciOiJSUzM4NCIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1LTEiLCJpc3MiOiJodHR"
     "wczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbInRyb3VwZSIsIm90aGVyIl0sImV4cCI6MTkwMDAwMDAwMCw"
     "iaWF0IjoxNzAwMDAwMDAwLCJlbWFpbCI6ImFubkBleGFtcGxlLmNvbSIsImVtYWlsX3ZlcmlmaWVkIjp0cnV"
     "lLCJuYW1lIjoiQW5uIn0.DFohfW2soGeFT-ypcuUfCAMfNfksDdjIzKhSDPzflv3PKMohaoY0HLPcEHD6pUZ"
     "4Bj9kB_itsGo8DtD0LAWRu8uAfn8dp24zpwcXhWkNVG5f221Y1RFk8v7jmqtIRuC2hAhet7th3bYeJpTAKnb"
     "W_jjPR1wJpTZ5_ZH6wLw5bdjI0mllu7KO9JloYHPdZ9zDSGe_zPkXI4spGXxVcUSJnqA76thGC4OtHvzRI7r"
     "bltH3l5s4oJuGXFeVxp0yet_Xvkl63khvzN9fXaz6K-l1LPmdNKQ0zyYPN0bWtZyT_KFI6vCm96UITcCVVh5"
     "sMDOWApAAcjaR3jdhjPybZmEbBA"},
    {jws_alg::rs512,
     "eyJhbGciOiJSUzUxMiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1LTEiLCJpc3MiOiJodHR"
     "wczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbInRyb3VwZSIsIm90aGVyIl0sImV4cCI6MTkwMDAwMDAwMCw"
     "iaWF0IjoxNzAwMDAwMDAwLCJlbWFpbCI6ImFubkBleGFtcGxlLmNvbSIsImVtYWlsX3ZlcmlmaWVkIjp0cnV"
     "lLCJuYW1lIjoiQW5uIn0.DFEzmXg6ale05LxguskxP5mMeKYW1EeXCFKhOL7Yjm3Jr0SKMOn_O2w8IDTUchx"
     "wt6lWLoz42Rx_XPD48GwLJE0gXeW-Ubw3k8BvTpWOwL7PIKyuXfnB8MaYyliYHxucGduGOMLyZ-BqhjItTXu"
     "tRtbdi0t10ArA_r2M02j1xLBkh4leGP3q1fUPEMLDZXIYtOdc8Lu0uIdoyZz2Oi_houU9a93EvrU_Gltagy8"
     "JBaGpUxD4cLBMWDnTZmj4aA2gTLnLv4IcEHEakQTB4fGy-2vNPT2fjCkaSEq29GJheskQxgZA5jHkFyWZerQ"
     "NSssU0v_O37itjlTkvSC58nOsWA"},
    {jws_alg::rs256,
     "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1LTEiLCJpc3MiOiJodHR"
     "wczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbInRyb3VwZSIsIm90aGVyIl0sImV4cCI6MTkwMDAwMDAwMCw"
     "iaWF0IjoxNzAwMDAwMDAwLCJlbWFpbCI6ImFubkBleGFtcGxlLmNvbSIsImVtYWlsX3ZlcmlmaWVkIjp0cnV"
     "lLCJuYW1lIjoiQW5uIn0.N__xEJnY5vI7KYGcU7B0QIM1eOwS_QRv1f93yqAVHqtr6qsaPtSgDjnj7c8hInw"
     "MOXJsQGkI-D3yA5WbcwoNiZ1azT51y-6p9u7QhN-GgVdQvwCmMb_E1n_4hTk-O5LP8wtls4IbQDEZGvktK4j"
     "wRkpLbwZ-KjX1uffbGZ0heQh_2GdsaEJ3LNdB1DEYJaQl7lk75PFzcEjT4Fn0pcM_IL6ssvLHnw9qYkQxeKD"
     "fyq4Wt8RLdonD5XWcL4t80UgLRJweGJVpcY7C-Axm5P9SPlKMliVBa2x-f3YsIXS-rRXFRLp_rl-MipvzjfY"
     "-x74mK-EnDBVtMzrCwCqOyk3qeQ"},
};

/// The keys of the tokens above.
inline constexpr std::string_view foreign_vectors_jwks =
    R"({"keys":[{"kty":"EC","crv":"P-384","x":"fruyntz_aLk2j5Owk_MSQFUVfPjFG3)"
    R"(NYgcl-iPKeIjjM_NSIV78t8gTFtzUdqctV","y":"3M9Vhho8ULX3ULoudSd-nFfMD6aQp)"
    R"(p82JEgnc09PSi2700Guwur_xuNaXYo2qVKk","kid":"ES384"},{"x":"Fed2NiZzyer2)"
    R"(2FyHL5jro9SJf41QBxQzOUw1bbaceAI","kty":"OKP","crv":"Ed25519","kid":"Ed)"
    R"(DSA"},{"kty":"EC","crv":"P-256","x":"UzuFZ6O3mrH1alpMqg7d6F4i8vTrBarDy)"
    R"(YO0KYOu32A","y":"ltGVKupyJ6uLpwncwdOIakaSSgFkH8QUvh-nSUEsweE","kid":"E)"
    R"(S256"},{"kty":"RSA","n":"q3oenDBPrHwCd8i1bawnx7B22fHuDBobNyJgCz_It1dzJ)"
    R"(ig2t3axwSqFOOJa9DPt4vl5IKm-dAGFH8eDx4aaCh3-l5PQhh_tC3yep8KVORSovbxFbFk)"
    R"(bvbkng-Eo1R9wqybJt03TTLDJgLMj2dDFDM6_wmsD92c2_qbY7lMt7HpGDUTp0xF5VqQcW)"
    R"(ZRBKfLKabMIGZwsP_s0eXrwvyhVNSktrc6yzJJ4drwO6N8-Ou-qoHTOPHp_sORxcecEfTY)"
    R"(o0g1jGuSR6G-NXOt8UAMjBMC5hL0VZhryDUEjqsCZgJt3zbbNCNTBrBH_y2jUvko17gEPL)"
    R"(3iNiG_DuXMFk6PpOQ","e":"AQAB","kid":"rsa"}]})";

} // namespace troupe::test

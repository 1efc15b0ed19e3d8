// The one translation unit that holds the bodies of Asio's TLS part
// (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/ssl/impl/src.hpp>

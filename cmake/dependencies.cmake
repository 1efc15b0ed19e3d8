# Third-party libraries as imported targets. Folders link them PRIVATE, so that a vendor's headers
# stay where the include arrows allow them.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
set(Boost_NO_WARN_NEW_VERSIONS ON)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
# Each shared library costs a start 0.2 ms. What no other library of ours uses is linked from its
# archive, where the package has one.
find_library(SQLite3_LIBRARY NAMES libsqlite3.a sqlite3)
find_package(SQLite3 REQUIRED)
find_package(CAF REQUIRED)
find_package(SOCI REQUIRED)
if(TROUPE_SANITIZE MATCHES "undefined")
  # To spawn a function without arguments CAF 0.17 dereferences a null std::shared_ptr to an empty
  # tuple (caf/detail/init_fun_factory.hpp). Its templates are compiled with our sources, so what
  # includes CAF goes without the check of null references; suppressions need a check that recovers.
  target_compile_options(caf::core INTERFACE -fno-sanitize=null)
endif()
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
set(shared_suffixes ${CMAKE_FIND_LIBRARY_SUFFIXES})
list(PREPEND CMAKE_FIND_LIBRARY_SUFFIXES .a)
pkg_check_modules(ARGON2 REQUIRED IMPORTED_TARGET libargon2)
pkg_check_modules(XCRYPT REQUIRED IMPORTED_TARGET libxcrypt)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(CMARK REQUIRED IMPORTED_TARGET libcmark)
pkg_check_modules(GUMBO REQUIRED IMPORTED_TARGET gumbo)

# The program's allocator (docs/decisions/0023). Sanitizers bring their own.
add_library(troupe_allocator INTERFACE)
if(NOT TROUPE_SANITIZE)
  pkg_check_modules(TCMALLOC REQUIRED IMPORTED_TARGET libtcmalloc_minimal)
  target_link_libraries(troupe_allocator INTERFACE PkgConfig::TCMALLOC)
  target_compile_definitions(troupe_allocator INTERFACE TROUPE_TCMALLOC)
endif()
set(CMAKE_FIND_LIBRARY_SUFFIXES ${shared_suffixes})

# msgpack-cxx is header-only; Debian 12's package is unpacked into .deps (scripts/install-deps).
find_path(MSGPACK_INCLUDE_DIR msgpack.hpp HINTS "${CMAKE_SOURCE_DIR}/.deps/usr/include" REQUIRED)
add_library(troupe_msgpack INTERFACE)
target_include_directories(troupe_msgpack SYSTEM INTERFACE "${MSGPACK_INCLUDE_DIR}")
target_compile_definitions(troupe_msgpack INTERFACE MSGPACK_NO_BOOST)

# Asio and Beast compiled once (adapters/boost_impl); every user must agree on the definitions.
add_library(troupe_asio INTERFACE)
target_compile_definitions(troupe_asio INTERFACE BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_HANDLER_TYPE_REQUIREMENTS)
target_link_libraries(troupe_asio INTERFACE Boost::headers Threads::Threads)

find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)

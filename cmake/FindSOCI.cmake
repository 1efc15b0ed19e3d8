# The SOCI package ships no CMake files. Defines soci::core, soci::sqlite3, soci::mysql (with MariaDB
# Connector/C) and soci::postgresql (with libpq), from their archives where there are any. After SQLite3.
find_path(SOCI_INCLUDE_DIR soci/soci.h)
foreach(part CORE SQLITE3 MYSQL POSTGRESQL)
  string(TOLOWER soci_${part} name)
  find_library(SOCI_${part}_LIBRARY NAMES lib${name}.a ${name})
endforeach()
# The headers of these two include their client library's.
find_path(SOCI_MYSQL_CLIENT_INCLUDE_DIR mysql.h PATH_SUFFIXES mariadb mysql)
find_library(SOCI_MYSQL_CLIENT_LIBRARY NAMES mariadb mysqlclient)
find_path(SOCI_POSTGRESQL_CLIENT_INCLUDE_DIR libpq-fe.h PATH_SUFFIXES postgresql)
find_library(SOCI_POSTGRESQL_CLIENT_LIBRARY pq)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(SOCI
  REQUIRED_VARS SOCI_CORE_LIBRARY SOCI_SQLITE3_LIBRARY SOCI_MYSQL_LIBRARY SOCI_POSTGRESQL_LIBRARY
    SOCI_MYSQL_CLIENT_LIBRARY SOCI_POSTGRESQL_CLIENT_LIBRARY SOCI_MYSQL_CLIENT_INCLUDE_DIR
    SOCI_POSTGRESQL_CLIENT_INCLUDE_DIR SOCI_INCLUDE_DIR)
if(SOCI_FOUND AND NOT TARGET soci::core)
  foreach(part core sqlite3 mysql postgresql)
    string(TOUPPER ${part} upper)
    set(includes "${SOCI_INCLUDE_DIR}" ${SOCI_${upper}_CLIENT_INCLUDE_DIR})
    add_library(soci::${part} UNKNOWN IMPORTED)
    set(uses ${SOCI_${upper}_CLIENT_LIBRARY})
    if(NOT part STREQUAL core)
      list(APPEND uses soci::core)
    endif()
    if(part STREQUAL sqlite3)
      list(APPEND uses SQLite::SQLite3)
    endif()
    set_target_properties(soci::${part} PROPERTIES IMPORTED_LOCATION "${SOCI_${upper}_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${includes}" INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${includes}"
      INTERFACE_LINK_LIBRARIES "${uses}")
  endforeach()
endif()

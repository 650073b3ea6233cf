# How everything of this project is compiled, and the one way to add a room to the host.

# An operator's build must not fail because another compiler release warns of more.
option(DISPATCH_WERROR "Treat warnings as errors" ON)
option(DISPATCH_BUILD_TESTS "Build unit tests and test helpers" ON)
option(DISPATCH_BUILD_WEB "Build the web UI (needs npm)" ON)
option(DISPATCH_BUILD_BENCH "Build the benchmarks under tests/bench" OFF)
set(DISPATCH_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, e.g. address,undefined")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 99)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG -D_FORTIFY_SOURCE=2")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1 -DNDEBUG -D_FORTIFY_SOURCE=2")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

add_compile_options(-Wall -Wextra -Wpedantic -fstack-protector-strong)
if(DISPATCH_WERROR)
  # GCC 12 takes the empty state of an optimised std::optional or std::variant for an uninitialised value.
  add_compile_options(-Werror $<$<CONFIG:Release>:-Wno-error=maybe-uninitialized>)
endif()
if(DISPATCH_SANITIZE)
  add_compile_options(-fsanitize=${DISPATCH_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${DISPATCH_SANITIZE})
endif()

include(GNUInstallDirs)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
# Poco's CMake package for PostgreSQL asks for PostgreSQL::client, which CMake's own FindPostgreSQL does not define.
find_package(PostgreSQL REQUIRED)
if(NOT TARGET PostgreSQL::client)
  add_library(PostgreSQL::client INTERFACE IMPORTED)
  target_link_libraries(PostgreSQL::client INTERFACE PostgreSQL::PostgreSQL)
endif()
find_package(SQLite3 REQUIRED)
find_package(Poco REQUIRED COMPONENTS Foundation Net NetSSL Crypto Util Data DataSQLite)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
if(DISPATCH_BUILD_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

# dispatch_room(<name> DEPENDS <targets...> [TEST_DEPENDS <targets...>])
#
# A room is a folder host/<name> with one door, host/<name>/<name>.hpp. All its *.cpp become the static library
# dispatch_<name>; all its *_test.cpp become the program dispatch_<name>_tests. What a room may include is what it
# names in DEPENDS: the arrows of docs/architecture.md are these link lines. What lies in testing/ is for tests alone; its
# room makes a library of it.
function(dispatch_room name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;TEST_DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/testing/")
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|_benchmark)\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  add_library(dispatch_${name} STATIC ${sources})
  target_include_directories(dispatch_${name} PUBLIC ${PROJECT_SOURCE_DIR}/host)
  target_link_libraries(dispatch_${name} PUBLIC ${ARG_DEPENDS})
  if(DISPATCH_BUILD_TESTS AND tests)
    add_executable(dispatch_${name}_tests ${tests})
    target_link_libraries(dispatch_${name}_tests PRIVATE dispatch_${name} ${ARG_TEST_DEPENDS} GTest::gmock GTest::gtest_main)
    gtest_discover_tests(dispatch_${name}_tests TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 120)
  endif()
endfunction()

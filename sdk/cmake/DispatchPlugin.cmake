# dispatch_add_plugin(<target> MANIFEST plugin.json SOURCES <files...> [LINK <libraries...>] [LICENSE <file>]
#                     [TESTS <files...>] [PACKAGE_DIR <dir>] [NO_INSTALL] [NO_CHECK])
#
# Builds a plugin's package, ${CMAKE_BINARY_DIR}/lib/dispatch/plugins/<id>/ with plugin.json, lib<id>.so and LICENSE, and installs it to
# lib/dispatch/plugins/<id>. The author's plugin.json leaves out "library" and "files": they are filled in here, with the
# BLAKE2b-256 of every file.
#
# What it imposes on the library, and why: two plugins in one process must not see each other's symbols, and what the host
# verified must be all there is. So one exported symbol (version script), nothing UNIQUE (the loader would share such symbols
# between plugins), no undefined symbols, read-only relocations, no search path of its own.
#
# DISPATCH_SIGN_COMMAND, a variable (a list: program and arguments), signs the package: it is called with the words ID VERSION FILE
# and writes FILE.minisig, such as a script around `minisign -S -t "dispatch-plugin:$1@$2" -m "$3"`. Without it the package is not
# signed. A project around this one may set the global properties DISPATCH_SIGN_COMMAND and DISPATCH_SIGN_DEPENDS instead.
#
# TESTS is a GoogleTest program of the same sources: it calls dispatch_plugin_query_v1() through <dispatch/testing.hpp>. In it
# DISPATCH_RECORDINGS is the directory tests/recordings beside the CMakeLists.txt: FakeHost::replay(DISPATCH_RECORDINGS "/x.har").
# A CTest "<id>.exports" holds the library to the rules above; NO_CHECK is for plugins that are broken on purpose.

function(dispatch_add_plugin target)
  cmake_parse_arguments(ARG "NO_INSTALL;NO_CHECK" "MANIFEST;LICENSE;PACKAGE_DIR" "SOURCES;LINK;TESTS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR NOT ARG_MANIFEST OR NOT ARG_SOURCES)
    message(FATAL_ERROR "dispatch_add_plugin(${target}): expected MANIFEST and SOURCES; not understood: \"${ARG_UNPARSED_ARGUMENTS}\"")
  endif()
  find_program(DISPATCH_B2SUM b2sum REQUIRED DOC "Hashes a package's files (GNU coreutils)")

  get_filename_component(manifest ${ARG_MANIFEST} ABSOLUTE)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${manifest})
  file(READ ${manifest} json)
  foreach(member id version type)
    string(JSON ${member} ERROR_VARIABLE error GET "${json}" ${member})
    if(error)
      message(FATAL_ERROR "dispatch_add_plugin(${target}): ${manifest} has no \"${member}\" (${error})")
    endif()
  endforeach()
  if(NOT id MATCHES "^[a-z0-9][a-z0-9-]+[a-z0-9]$")
    message(FATAL_ERROR "dispatch_add_plugin(${target}): id \"${id}\" should be of a-z, 0-9 and -, at least 3 characters")
  endif()

  set(license ${ARG_LICENSE})
  foreach(candidate ${CMAKE_CURRENT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
    if(NOT license AND EXISTS ${candidate})
      set(license ${candidate})
    endif()
  endforeach()
  if(NOT license)
    message(FATAL_ERROR "dispatch_add_plugin(${target}): no LICENSE beside the plugin or its project; name one with LICENSE <file>")
  endif()
  get_filename_component(license ${license} ABSOLUTE)

  add_library(${target} MODULE ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE Dispatch::sdk ${ARG_LINK})
  target_compile_definitions(${target} PRIVATE DISPATCH_PLUGIN_ID="${id}" DISPATCH_PLUGIN_VERSION="${version}")
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:$<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>>)
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${id} PREFIX lib SUFFIX .so POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${target}.lib
    SKIP_BUILD_RPATH ON INSTALL_RPATH "" LINK_DEPENDS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map)
  target_link_options(${target} PRIVATE
    -Wl,--version-script=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map
    -Wl,-z,now -Wl,-z,relro -Wl,-z,noexecstack -Wl,--exclude-libs,ALL -Wl,--as-needed -Wl,--build-id=sha1 -Wl,--disable-new-dtags)
  # A sanitizer's runtime is in the host: those symbols stay undefined here.
  if(NOT "${DISPATCH_SANITIZE} ${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS} ${CMAKE_MODULE_LINKER_FLAGS}" MATCHES "sanitize|address|thread")
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()

  set(package ${CMAKE_BINARY_DIR}/lib/dispatch/plugins/${id})
  if(ARG_PACKAGE_DIR)
    get_filename_component(package ${ARG_PACKAGE_DIR} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_BINARY_DIR})
  endif()
  set(sign ${DISPATCH_SIGN_COMMAND})
  set(sign_depends)
  if(NOT sign)
    get_property(sign GLOBAL PROPERTY DISPATCH_SIGN_COMMAND)
    get_property(sign_depends GLOBAL PROPERTY DISPATCH_SIGN_DEPENDS)
  endif()
  add_custom_command(OUTPUT ${package}/plugin.json
    COMMAND ${CMAKE_COMMAND} -DMANIFEST=${manifest} -DLIBRARY=$<TARGET_FILE:${target}> -DLICENSE=${license}
            -DPACKAGE=${package} -DB2SUM=${DISPATCH_B2SUM} "-DSIGN=${sign}" -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/assemble_package.cmake
    DEPENDS ${target} $<TARGET_FILE:${target}> ${manifest} ${license} ${sign_depends} ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/assemble_package.cmake
    COMMENT "Packaging plugin ${id}" VERBATIM)
  add_custom_target(${target}_package ALL DEPENDS ${package}/plugin.json)
  set_target_properties(${target} PROPERTIES DISPATCH_PLUGIN_PACKAGE ${package})

  if(NOT ARG_NO_INSTALL)
    install(DIRECTORY ${package} DESTINATION lib/dispatch/plugins)
  endif()

  if(NOT ARG_NO_CHECK)
    add_test(NAME ${id}.exports
      COMMAND ${CMAKE_COMMAND} -DLIBRARY=$<TARGET_FILE:${target}> -DNM=${CMAKE_NM} -DREADELF=${CMAKE_READELF}
              -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check_exports.cmake)
    set_tests_properties(${id}.exports PROPERTIES TIMEOUT 60)
  endif()

  if(ARG_TESTS AND TARGET GTest::gtest_main)
    add_executable(${target}_tests ${ARG_SOURCES} ${ARG_TESTS})
    target_link_libraries(${target}_tests PRIVATE Dispatch::sdk ${ARG_LINK} GTest::gmock GTest::gtest_main)
    target_compile_definitions(${target}_tests PRIVATE DISPATCH_PLUGIN_ID="${id}" DISPATCH_PLUGIN_VERSION="${version}"
                               DISPATCH_RECORDINGS="${CMAKE_CURRENT_SOURCE_DIR}/tests/recordings")
    gtest_discover_tests(${target}_tests TEST_PREFIX "${id}." DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 120)
  endif()
endfunction()

# What `cmake --install` puts where: the program, the engine as one static library with its public headers, and the files by
# which CMake (find_package(halfbyte)) and pkg-config find it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
find_package(OpenSSL 3 REQUIRED)

# All rooms up to the backends in one archive, so that its users link one name; without what only commands measure. The Rust crate stays
# an archive of its own.
list(FIND HALFBYTE_ROOMS backends last)
math(EXPR count "${last} + 1")
list(SUBLIST HALFBYTE_ROOMS 0 ${count} archived)
list(REMOVE_ITEM archived rust measure)
foreach(room ${archived})
  list(APPEND engine_objects $<TARGET_OBJECTS:halfbyte_${room}>)
endforeach()
add_library(halfbyte_archive STATIC ${engine_objects})
set_target_properties(halfbyte_archive PROPERTIES OUTPUT_NAME halfbyte EXPORT_NAME halfbyte LINKER_LANGUAGE CXX)
target_compile_features(halfbyte_archive INTERFACE cxx_std_20)
target_include_directories(halfbyte_archive INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(halfbyte_archive INTERFACE
  $<INSTALL_INTERFACE:$<INSTALL_PREFIX>/${CMAKE_INSTALL_LIBDIR}/libhalfbyte_rust.a>
  Boost::json fmt::fmt utf8proc pcre2-8 OpenSSL::SSL OpenSSL::Crypto Threads::Threads ${CMAKE_DL_LIBS} m)
add_dependencies(halfbyte_archive halfbyte_rust_archive)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/halfbyte)
install(TARGETS halfbyte)
install(TARGETS halfbyte_archive EXPORT halfbyteTargets)
install(FILES $<TARGET_PROPERTY:halfbyte_rust,IMPORTED_LOCATION> DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/halfbyte DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT halfbyteTargets NAMESPACE halfbyte:: DESTINATION ${package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/halfbyteConfig.cmake.in ${PROJECT_BINARY_DIR}/halfbyteConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/halfbyteConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/halfbyteConfig.cmake ${PROJECT_BINARY_DIR}/halfbyteConfigVersion.cmake DESTINATION ${package_dir})

configure_file(${CMAKE_CURRENT_LIST_DIR}/halfbyte.pc.in ${PROJECT_BINARY_DIR}/halfbyte.pc.in @ONLY)
# The prefix is known when installing, not before.
install(CODE "
  file(READ \"${PROJECT_BINARY_DIR}/halfbyte.pc.in\" text)
  string(REPLACE \"prefix=${CMAKE_INSTALL_PREFIX}\" \"prefix=\${CMAKE_INSTALL_PREFIX}\" text \"\${text}\")
  file(WRITE \"${PROJECT_BINARY_DIR}/halfbyte.pc\" \"\${text}\")")
install(FILES ${PROJECT_BINARY_DIR}/halfbyte.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

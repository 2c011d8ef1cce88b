# Installs BUILD_DIR into a folder of its own, then builds and runs the consumer in SOURCE_DIR against it, once through
# find_package and once through pkg-config.
# usage: cmake -DBUILD_DIR=... -DSOURCE_DIR=... -DWORK_DIR=... -DCXX=... -P package_test.cmake
set(prefix ${WORK_DIR}/prefix)
file(REMOVE_RECURSE ${WORK_DIR})

function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN}: ${status}\n${output}")
  endif()
endfunction()

# The program must answer about a file that is not there; that takes most of the library, and no model.
function(expect_answer program)
  execute_process(COMMAND ${program} ${WORK_DIR}/nosuch.gguf OUTPUT_VARIABLE output RESULT_VARIABLE status)
  if(NOT status EQUAL 1 OR NOT output MATCHES "nosuch.gguf")
    message(FATAL_ERROR "${program}: expected exit status 1 and a message that names the file, found ${status}: ${output}")
  endif()
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix})
run(${prefix}/bin/halfbyte --version)

run(${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${WORK_DIR}/by-cmake -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${CXX})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/by-cmake)
expect_answer(${WORK_DIR}/by-cmake/consumer)

file(GLOB_RECURSE pc ${prefix}/*/halfbyte.pc)
get_filename_component(pc_dir ${pc} DIRECTORY)
execute_process(COMMAND ${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${pc_dir} pkg-config --cflags --libs halfbyte
                OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${flags}")
run(${CXX} -std=c++20 ${SOURCE_DIR}/consumer.cpp -o ${WORK_DIR}/by-pkg-config ${flags})
expect_answer(${WORK_DIR}/by-pkg-config)

# warifu_page(<file.cc>): makes the C++ source that holds the page: web/ is built by npm and Vite in build/web, which all build trees
# share, and what comes out becomes one table of bytes (cmake/embed_page.mjs). Only a change in web/ builds it again.
# Where WARIFU_PAGE is off the table is empty, and the server answers without a page.
function(warifu_page file)
  if(NOT WARIFU_PAGE)
    file(CONFIGURE OUTPUT ${file} @ONLY CONTENT [[#include "server/page_files.h"

namespace warifu {

std::span<const PageFile> page_files() { return {}; }

}  // namespace warifu
]])
    return()
  endif()
  find_program(WARIFU_NODE NAMES node nodejs)
  find_program(WARIFU_NPM npm)
  if(NOT WARIFU_NODE OR NOT WARIFU_NPM)
    message(FATAL_ERROR "The page is built with node (18 or later) and npm, and one is missing. Run scripts/install.sh build, "
                        "or build without the page: -DWARIFU_PAGE=OFF")
  endif()
  set(web ${PROJECT_SOURCE_DIR}/web)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${web}/src/* ${web}/public/* ${web}/test/*)
  add_custom_command(
    OUTPUT ${file}
    COMMAND ${PROJECT_SOURCE_DIR}/scripts/build_page.sh ${WARIFU_PAGE_FOLDER}
    COMMAND ${WARIFU_NODE} ${PROJECT_SOURCE_DIR}/cmake/embed_page.mjs ${WARIFU_PAGE_FOLDER}/dist ${file}
    DEPENDS ${sources} ${web}/index.html ${web}/package.json ${web}/package-lock.json ${web}/tsconfig.json ${web}/tsconfig.check.json
            ${web}/.npmrc ${web}/vite.config.ts
            ${PROJECT_SOURCE_DIR}/scripts/build_page.sh ${PROJECT_SOURCE_DIR}/cmake/embed_page.mjs
    COMMENT "Building the page"
    VERBATIM)
endfunction()

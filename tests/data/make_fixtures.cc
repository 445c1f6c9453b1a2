// make_fixtures FOLDER: draws the pictures and writes the good and bad sources that the command line is tested with.
// Nothing in them comes from elsewhere; the same files on every machine.

#include <cstdio>
#include <filesystem>

#include "data/bad_files.h"
#include "data/drawing.h"
#include "data/good_sources.h"
#include "data/personal_source.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_fixtures FOLDER\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const auto drawings = warifu::fixtures::draw_all();
  warifu::fixtures::write_good_sources(folder, drawings);
  warifu::fixtures::write_bad_files(folder, drawings);
  warifu::fixtures::write_personal_source(folder);
  return 0;
}

// main() of every test program: "losses_test.cc" as an argument runs the tests of that file alone, no argument all of
// them. A file that brings no test is an error, so that none is forgotten in silence.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <string_view>

// libxml2 2.9 loses a few bytes for each entity that a drawing declares; fontconfig keeps its fonts.
extern "C" const char* __lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() { return "leak:xmlParseEntityValue\nleak:libfontconfig\n"; }

namespace {

bool is_of(const testing::TestInfo& test, std::string_view file) {
  const std::string_view path = test.file();
  return path == file || path.ends_with("/" + std::string(file));
}

// "Suite.name:Suite.name" of the tests of `file`.
std::string tests_of(std::string_view file) {
  std::string names;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int s = 0; s < all.total_test_suite_count(); ++s)
    for (int t = 0; t < all.GetTestSuite(s)->total_test_count(); ++t)
      if (const testing::TestInfo& test = *all.GetTestSuite(s)->GetTestInfo(t); is_of(test, file))
        names += std::string(names.empty() ? "" : ":") + test.test_suite_name() + "." + test.name();
  return names;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  std::string filter;
  for (int i = 1; i < argc; ++i) {
    const std::string names = tests_of(argv[i]);
    if (names.empty()) {
      std::cerr << argv[i] << ": no test of this program is in a file of that name\n";
      return 2;
    }
    filter += (filter.empty() ? "" : ":") + names;
  }
  if (!filter.empty()) GTEST_FLAG_SET(filter, filter);
  return RUN_ALL_TESTS();
}

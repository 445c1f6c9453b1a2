// What a repair saves of a code store in which any one file is damaged or missing.
#include <gtest/gtest.h>

#include "segments/code_store_check.h"
#include "segments/code_store_crash_for_test.h"

namespace warifu {
namespace {

TEST(CodeStoreRepair, SavesWhatIsIntactWhicheverFileIsDamaged) {
  const FastFolder made;
  History history;
  Image whole;
  {
    const auto store = open_store(made.path(), quiet_options(40), test_space(kStoreBits));
    for (std::uint64_t n = 0; n < 120; ++n) {
      history.add(change_number(n, kStoreBits, 90));
      ASSERT_TRUE(change_number(n, kStoreBits, 90).apply_to(*store));
    }
    whole = image_of(made.path());  // of an open store: closing it writes the log out
  }
  const FastFolder memory;
  for (const auto& [name, bytes] : whole) {
    if (name == "writer.lock") continue;
    for (const bool missing : {false, true}) {
      Image image = whole;
      if (missing)
        image.erase(name);
      else
        image[name][bytes.size() / 2] ^= std::byte{1};
      lay_out(image, memory.path());
      const auto report = repair_code_store(memory.path(), test_space(kStoreBits), Modality::kImage);
      ASSERT_TRUE(report) << name << ": " << report.error().message;
      EXPECT_FALSE(report->problems.empty()) << name;
      EXPECT_FALSE(report->losses.empty()) << name;
      EXPECT_EQ(std::filesystem::exists(memory.path() / (name + ".damaged")), !missing) << name;
      const auto contents = read_store(memory.path(), test_space(kStoreBits));
      ASSERT_TRUE(contents) << name << ": " << contents.error().message;
      if (name == "manifest.wcm") {
        EXPECT_EQ(*contents, history.newest());
      }
      for (const auto& [row, code] : *contents) {
        const auto version = code[0] & 0xFFFFFFFF;
        ASSERT_EQ(code, code_of(row, version, kStoreBits)) << "no code is invented";
      }
      const auto again = repair_code_store(memory.path(), test_space(kStoreBits), Modality::kImage);
      ASSERT_TRUE(again);
      EXPECT_TRUE(again->problems.empty()) << name;
    }
  }
}

}  // namespace
}  // namespace warifu

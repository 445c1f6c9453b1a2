#include "io/picture_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/rng.h"
#include "io/decoder_protocol.h"
#include "io/pictures_for_test.h"

namespace warifu {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Ne;
using testing::SizeIs;

using File = std::vector<std::byte>;

// Small pictures of every kind, those that the fuzzer starts from.
std::map<std::string, File> all_kinds() {
  std::map<std::string, File> files;
  for (const auto& entry : std::filesystem::directory_iterator(WARIFU_PICTURES_DIR))
    files[entry.path().filename()] = *read_file(entry.path(), 1 << 20);
  EXPECT_GE(files.size(), 16U);
  return files;
}

std::unique_ptr<PictureDecoder> started(const PictureDecoder::Options& options = {}) {
  auto decoder = PictureDecoder::start(options);
  if (!decoder) throw std::runtime_error(decoder.error().message);
  return std::move(*decoder);
}

// Without it a decoder draws letters in the usual fonts only.
bool kernel_has_landlock() { return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) > 0; }

PictureDecoder::Options one_process() {
  PictureDecoder::Options options;
  options.processes = 1;
  return options;
}

Image shaded(int width, int height) {
  Image image{width, height, std::vector<std::uint8_t>(std::size_t(width) * std::size_t(height) * 3)};
  for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<std::uint8_t>(i * i / 97);
  return image;
}

File drawing(const std::string& inside, const std::string& before = "") {
  return bytes_of(before +
                  "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' width='40' "
                  "height='20'>" +
                  inside + "</svg>");
}

void expect_same(const Result<Image>& here, const Result<Image>& there, const std::string& name) {
  ASSERT_EQ(here.has_value(), there.has_value()) << name << ": " << (here ? there : here).error().message;
  if (!here) {
    EXPECT_EQ(here.error().code, there.error().code) << name;
    EXPECT_EQ(here.error().message, there.error().message) << name;
    EXPECT_EQ(here.error().hint, there.error().hint) << name;
    return;
  }
  EXPECT_EQ(here->width, there->width) << name;
  EXPECT_EQ(here->height, there->height) << name;
  EXPECT_TRUE(here->rgb == there->rgb) << name;
}

void expect_gone(pid_t pid) {
  EXPECT_EQ(::kill(pid, 0), -1) << pid;
  EXPECT_EQ(errno, ESRCH) << pid;
}

// Ends it as a stranger would, and waits until the system has closed its socket.
void kill_and_wait(pid_t pid) {
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  for (int pause = 0; pause < 5000; ++pause) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string number, name, state;
    if (!(file >> number >> name >> state) || state == "Z") return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST(PictureDecoder, GivesThePixelsOfDecodeImageForEveryKind) {
  const auto decoder = started();
  auto files = all_kinds();
  files["large.jpg"] = *encode_jpeg(shaded(1600, 1200), 90);  // decoded in strips, by a thread of libvips
  files["large.png"] = *encode_png(shaded(1200, 1000));
  if (kernel_has_landlock())
    files["letters.svg"] = drawing(
        "<text x='1' y='9' font-family='serif' font-size='9'>Aa</text><text y='19' font-family='DejaVu Sans' "
        "font-weight='bold'>日本</text>");
  for (const auto& [name, file] : files) {
    expect_same(decode_image(file, kLimits), decoder->decode(file, kLimits), name);
    for (const ImageFit fit :
         {ImageFit::kShrinkOnly, ImageFit::kLetterbox, ImageFit::kStretch, ImageFit::kCenterCrop}) {
      const PictureFormat format{30, fit, Resampling::kBicubic};
      expect_same(decode_image(file, kLimits, format), decoder->decode(file, kLimits, format), name);
    }
  }
}

TEST(PictureDecoder, ReadsLettersInFontsThatNobodyUsedBefore) {
  if (!kernel_has_landlock()) GTEST_SKIP() << "this kernel has no Landlock (Linux 5.13)";
  const auto decoder = started();
  for (const char* font : {"DejaVu Serif", "DejaVu Sans Condensed", "DejaVu Sans Mono", "no such font"})
    for (const char* style : {"normal", "italic"}) {
      const auto file = drawing("<text y='15' font-weight='bold' font-style='" + std::string(style) +
                                "' font-family='" + font + "'>Query</text>");
      expect_same(decode_image(file, kLimits), decoder->decode(file, kLimits), font);
    }
}

TEST(PictureDecoder, ReadsDrawingsInOldEncodings) {
  const auto decoder = started();
  for (const char* encoding : {"Shift_JIS", "windows-1252", "EUC-JP", "ISO-8859-1", "UTF-8", "no-such"}) {
    const auto file = drawing("<rect width='9' height='9' fill='red'/>",
                              "<?xml version='1.0' encoding='" + std::string(encoding) + "'?>");
    expect_same(decode_image(file, kLimits), decoder->decode(file, kLimits), encoding);
  }
}

TEST(PictureDecoder, GivesTheErrorsOfDecodeImage) {
  const auto decoder = started();
  const auto png = *encode_png(shaded(60, 40));
  const File cut(png.begin(), png.begin() + 200);
  const std::vector<std::pair<File, ImageLimits>> cases = {
      {{}, kLimits},
      {cut, kLimits},
      {bytes_of("Dear Sir or Madam"), kLimits},
      {bytes_of("%PDF-1.4"), kLimits},
      {png, ImageLimits{100, 60}},
      {png, ImageLimits{1 << 20, 0.001}},
      {drawing("&l;", "<!DOCTYPE svg [<!ENTITY a 'ha'><!ENTITY l '&a;&a;'>]>"), kLimits},
  };
  for (const auto& [file, limits] : cases) {
    EXPECT_FALSE(decoder->decode(file, limits));
    expect_same(decode_image(file, limits), decoder->decode(file, limits), std::to_string(file.size()) + " bytes");
  }
  const PictureFormat huge{100'000, ImageFit::kStretch, Resampling::kBilinear};
  expect_same(decode_image(png, kLimits, huge), decoder->decode(png, kLimits, huge), "a size out of range");
  EXPECT_THAT(decoder->processes(), SizeIs(testing::Ge(1)));  // errors cost no process
}

TEST(PictureDecoder, MakesThumbnailsInBothForms) {
  const auto decoder = started();
  const auto file = *encode_png(shaded(300, 100));
  for (const auto form : {ThumbnailForm::kJpeg, ThumbnailForm::kWebp}) {
    const auto small = decoder->thumbnail(file, 60, kLimits, form, 80);
    ASSERT_TRUE(small) << small.error().message;
    EXPECT_TRUE(*small == *make_thumbnail(file, 60, kLimits, form, 80));
    const auto seen = decode_image(*small, kLimits);
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->width, 60);
    EXPECT_EQ(seen->height, 20);
  }
  EXPECT_EQ(decoder->thumbnail(file, 60, kLimits, ThumbnailForm::kWebp, 101).error().message,
            "WebP quality 101 is not in 1 … 100");
  EXPECT_EQ(decoder->thumbnail(file, -1, kLimits, ThumbnailForm::kJpeg, 80).error().code, ErrorCode::kInvalidArgument);
}

TEST(PictureDecoder, CannotDoAnythingElse) {
  const auto decoder = started();
  const auto attempts = decoder->try_forbidden();
  ASSERT_TRUE(attempts) << attempts.error().message;
  ASSERT_THAT(*attempts, SizeIs(kForbiddenAttempts.size()));
  for (const auto& attempt : *attempts)
    EXPECT_TRUE(attempt.error == EPERM || attempt.error == EACCES) << attempt.what << ": " << attempt.error;
  EXPECT_TRUE(decoder->decode(*encode_png(shaded(9, 9)), kLimits));
}

TEST(PictureDecoder, NoDrawingReadsAFile) {
  const auto decoder = started();
  const auto secret =
      std::filesystem::path(testing::TempDir()) / ("warifu_secret_" + std::to_string(getpid()) + ".png");
  ASSERT_TRUE(write_file_atomically(secret, *encode_png(Image{8, 8, std::vector<std::uint8_t>(8 * 8 * 3, 0)})));
  for (const auto& thief :
       {drawing("<image width='8' height='8' xlink:href='file://" + secret.string() + "'/>"),
        drawing("<image width='8' height='8' xlink:href='file:///etc/passwd'/>"),
        drawing("<text y='9'>&stolen;</text>", "<!DOCTYPE svg [<!ENTITY stolen SYSTEM 'file:///etc/passwd'>]>"),
        drawing("<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='file:///etc/passwd' parse='text'/>")}) {
    const auto seen = decoder->decode(thief, kLimits);
    if (seen) {
      EXPECT_THAT(seen->rgb, Each(255));
    }
  }
  std::filesystem::remove(secret);
}

TEST(PictureDecoder, MutatedPicturesEndInAPictureOrAnError) {
  constexpr int kRounds = 100;  // times 16 files, times 1 to 4 changed bytes
  const auto decoder = started();
  const ImageLimits limits{std::size_t{1} << 20, 4.2};
  Rng rng(7);
  int decoded = 0, refused = 0;
  for (const auto& [name, file] : all_kinds())
    for (int round = 0; round < kRounds; ++round) {
      File mutated = file;
      for (std::uint64_t changes = 1 + rng.below(4); changes > 0; --changes)
        mutated[rng.below(mutated.size())] = static_cast<std::byte>(rng.next());
      const auto seen = decoder->decode(mutated, limits, PictureFormat{32, ImageFit::kLetterbox, {}});
      ++(seen ? decoded : refused);
      if (seen) {
        ASSERT_EQ(seen->rgb.size(), 32U * 32 * 3);
      } else {
        ASSERT_FALSE(seen.error().message.empty());
        ASSERT_TRUE(seen.error().code == ErrorCode::kBadFormat || seen.error().code == ErrorCode::kInvalidArgument)
            << name << ": " << seen.error().message;
      }
    }
  EXPECT_GT(decoded, 0);
  EXPECT_GT(refused, 0);
}

TEST(PictureDecoder, ReplacesAProcessThatWasKilled) {
  const auto decoder = started(one_process());
  const auto file = *encode_png(shaded(9, 9));
  for (int round = 0; round < 3; ++round) {
    const auto before = decoder->processes();
    ASSERT_THAT(before, SizeIs(1));
    kill_and_wait(before[0]);
    EXPECT_TRUE(decoder->decode(file, kLimits));
    EXPECT_THAT(decoder->processes(), testing::ElementsAre(Ne(before[0])));
    expect_gone(before[0]);
  }
}

TEST(PictureDecoder, APictureThatIsBeingDecodedWhenTheProcessDiesIsAnError) {
  const auto decoder = started(one_process());
  const auto file = *encode_png(shaded(4000, 3000));  // a quarter of a second
  const auto victim = decoder->processes().at(0);
  std::jthread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    ::kill(victim, SIGTERM);  // SIGSEGV is the address sanitizer's
  });
  const auto seen = decoder->decode(file, kLimits);
  killer.join();
  if (!seen) {
    EXPECT_EQ(seen.error().code, ErrorCode::kBadFormat);
    EXPECT_EQ(seen.error().message, "the picture is damaged: decoding it ended with signal 15");
  }
  EXPECT_TRUE(decoder->decode(*encode_png(shaded(9, 9)), kLimits));
}

TEST(PictureDecoder, EndsAProcessThatTakesTooLong) {
  auto options = one_process();
  options.time_limit = std::chrono::milliseconds(30);
  const auto decoder = started(options);
  const auto before = decoder->processes();
  const auto seen = decoder->decode(*encode_png(shaded(5000, 4000)), kLimits);
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(seen.error().message, "decoding it took too long: more than 0.03 s");
  expect_gone(before.at(0));
  EXPECT_TRUE(decoder->try_forbidden());
}

TEST(PictureDecoder, APictureThatNeedsTooMuchMemoryIsAnError) {
  auto options = one_process();
  options.memory_bytes = std::uint64_t{24} << 20;
  const auto decoder = started(options);
  const auto seen = decoder->decode(*encode_png(shaded(4000, 3000)), kLimits);
  ASSERT_FALSE(seen);
  EXPECT_TRUE(seen.error().code == ErrorCode::kBadFormat || seen.error().code == ErrorCode::kInvalidArgument);
  EXPECT_TRUE(decoder->decode(*encode_png(shaded(9, 9)), kLimits));
}

TEST(PictureDecoder, PixelsBeyondTheOutputLimitAreAnError) {
  auto options = one_process();
  options.max_output_bytes = 10'000;
  const auto decoder = started(options);
  const auto seen = decoder->decode(*encode_png(shaded(100, 100)), kLimits);
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(seen.error().message, "the picture has 30000 bytes when decoded, the limit is 10000");
  EXPECT_TRUE(decoder->decode(*encode_png(shaded(50, 50)), kLimits));
}

TEST(PictureDecoder, ReplacesAProcessAfterItsShareOfPictures) {
  auto options = one_process();
  options.pictures_per_process = 3;
  const auto decoder = started(options);
  const auto file = *encode_png(shaded(9, 9));
  std::vector<pid_t> seen;
  for (int i = 0; i < 7; ++i) {
    if (const auto now = decoder->processes(); !now.empty() && (seen.empty() || seen.back() != now[0]))
      seen.push_back(now[0]);
    EXPECT_TRUE(decoder->decode(file, kLimits));
  }
  EXPECT_GE(seen.size(), 2U);
  expect_gone(seen[0]);
}

TEST(PictureDecoder, ManyCallersShareFewProcesses) {
  const auto decoder = started();
  const auto file = *encode_jpeg(shaded(224, 224), 90);
  const auto expected = *decode_image(file, kLimits);
  std::vector<std::jthread> callers;
  std::atomic<int> same = 0;
  for (int caller = 0; caller < 8; ++caller)
    callers.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const auto seen = decoder->decode(file, kLimits);
        same += seen && seen->rgb == expected.rgb;
      }
    });
  callers.clear();
  EXPECT_EQ(same, 160);
  EXPECT_THAT(decoder->processes(), SizeIs(testing::Le(2)));
}

TEST(PictureDecoder, TheEndOfTheThreadThatUsedItEndsNothing) {
  const auto decoder = started(one_process());
  const auto file = *encode_png(shaded(9, 9));
  kill_and_wait(decoder->processes().at(0));  // so that the next one starts while this thread waits for it
  std::jthread([&] { EXPECT_TRUE(decoder->decode(file, kLimits)); }).join();
  const auto after = decoder->processes();
  EXPECT_TRUE(decoder->decode(file, kLimits));
  EXPECT_EQ(decoder->processes(), after);
}

TEST(PictureDecoder, LeavesNoProcessBehind) {
  auto decoder = started();
  EXPECT_TRUE(decoder->decode(*encode_png(shaded(9, 9)), kLimits));
  const auto pids = decoder->processes();
  ASSERT_FALSE(pids.empty());
  decoder.reset();
  for (const pid_t pid : pids) expect_gone(pid);
}

TEST(PictureDecoder, OptionsOutOfRangeAreRefused) {
  PictureDecoder::Options options;
  options.processes = 0;
  EXPECT_EQ(PictureDecoder::start(options).error().message, "0 picture decoders, expected 1 … 64");
  options = {};
  options.time_limit = std::chrono::milliseconds(0);
  EXPECT_EQ(PictureDecoder::start(options).error().code, ErrorCode::kInvalidArgument);
  options = {};
  options.program = "/nowhere/warifu-decoder";
  EXPECT_EQ(PictureDecoder::start(options).error().code, ErrorCode::kNotFound);
  options.program = "/bin/true";
  const auto ended = PictureDecoder::start(options);
  EXPECT_EQ(ended.error().code, ErrorCode::kIo);
  EXPECT_THAT(ended.error().message, HasSubstr("the picture decoder does not start"));
}

// A decoder that was taken over: a script that says what the test wants it to.
class HostileDecoder : public testing::Test {
 protected:
  HostileDecoder() { std::filesystem::create_directories(folder_); }
  ~HostileDecoder() override { std::filesystem::remove_all(folder_); }

  template <typename T>
  void write(const std::string& name, const T& value, const std::string& more = "") const {
    std::ofstream file(folder_ / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&value), sizeof value) << more;
  }

  PictureDecoder::Options options(const std::string& script) const {
    const auto program = folder_ / "decoder";
    std::ofstream(program) << "#!/bin/sh\nPATH=/bin:/usr/bin\ncd " << folder_.string() << "\n" << script << "\n";
    ::chmod(program.c_str(), 0700);
    auto options = one_process();
    options.program = program;
    return options;
  }

  // What becomes of the answer to one request for a picture of 8 x 8.
  Error answered(const DecoderAnswerHead& head, const std::string& body) const {
    DecoderHello hello;
    hello.sandboxed = 1;
    write("hello", hello);
    write("answer", head, body);
    const auto decoder =
        started(options("cat hello >&3; head -c 164 <&3 >/dev/null; cat answer >&3; cat <&3 >/dev/null"));
    const auto seen = decoder->decode(File(100), kLimits, PictureFormat{8, ImageFit::kStretch, Resampling::kBilinear});
    EXPECT_FALSE(seen);
    return seen ? Error{} : seen.error();
  }

  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("warifu_decoder_" + std::to_string(getpid()));
};

TEST_F(HostileDecoder, AKernelThatCannotFilterIsAnErrorUnlessItIsAllowed) {
  DecoderHello hello;
  hello.reason = EINVAL;
  write("hello", hello);
  auto open = options("cat hello >&3; cat <&3 >/dev/null");
  const auto refused = PictureDecoder::start(open);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  EXPECT_EQ(refused.error().message, "the picture decoder cannot be restricted: Invalid argument");
  EXPECT_THAT(refused.error().hint, HasSubstr("seccomp"));
  open.require_sandbox = false;
  EXPECT_TRUE(PictureDecoder::start(open));
}

TEST_F(HostileDecoder, CannotMakeUsAllocateOrReadBeyondItsAnswer) {
  DecoderAnswerHead good;
  good.outcome = DecoderOutcome::kPicture;
  good.width = good.height = 8;
  good.body_bytes = 8 * 8 * 3;
  const std::string pixels(8 * 8 * 3, 'x');
  const auto with = [&](auto change) {
    auto head = good;
    change(head);
    return answered(head, pixels);
  };
  EXPECT_THAT(with([](auto& head) { head.body_bytes = std::uint64_t{100} << 30; }).message, HasSubstr("its size"));
  EXPECT_THAT(with([](auto& head) { head.width = 9; }).message, HasSubstr("the size of the picture"));
  EXPECT_THAT(with([](auto& head) { head.width = head.height = -8; }).message, HasSubstr("the size of the picture"));
  EXPECT_THAT(with([](auto& head) { head.body_bytes = 8 * 8 * 3 - 3; }).message, HasSubstr("the number of pixels"));
  EXPECT_THAT(with([](auto& head) { head.outcome = DecoderOutcome::kFile; }).message, HasSubstr("not what was asked"));
  EXPECT_THAT(with([](auto& head) { head.magic = 1; }).message, HasSubstr("its first bytes"));
  EXPECT_EQ(with([](auto& head) { head.magic = 1; }).code, ErrorCode::kBadFormat);
}

TEST_F(HostileDecoder, CannotPutLinesIntoALog) {
  DecoderAnswerHead head;
  head.code = static_cast<std::uint32_t>(ErrorCode::kBadFormat);
  head.message_bytes = 4;
  head.body_bytes = 10;
  EXPECT_EQ(answered(head, "good advice").message, "good");
  EXPECT_THAT(answered(head, "go\nd advice").message, HasSubstr("not a line of text"));
  EXPECT_THAT(answered(head, "go\x1b[ advice").message, HasSubstr("not a line of text"));
  EXPECT_THAT(answered(head, "go\xff\xff advic").message, HasSubstr("not a line of text"));
  head.code = static_cast<std::uint32_t>(ErrorCode::kPermissionDenied);
  EXPECT_THAT(answered(head, "good advice").message, HasSubstr("an unknown error"));
  head.code = static_cast<std::uint32_t>(ErrorCode::kBadFormat);
  head.message_bytes = 11;
  EXPECT_THAT(answered(head, "good advice").message, HasSubstr("the size of its message"));
}

TEST_F(HostileDecoder, ThatStopsInTheMiddleIsEnded) {
  DecoderHello hello;
  hello.sandboxed = 1;
  write("hello", hello);
  write("answer", std::array<char, 7>{});
  auto slow = options("cat hello >&3; cat answer >&3; cat <&3 >/dev/null");
  slow.time_limit = std::chrono::milliseconds(200);
  const auto decoder = started(slow);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto seen = decoder->decode(File(100), kLimits);
  ASSERT_FALSE(seen);
}

}  // namespace
}  // namespace warifu

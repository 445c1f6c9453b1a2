#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/utf8.h"
#include "text/normalize.h"
#include "text/sentencepiece_ids.h"
#include "text/tokenizer.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxWordBytes = 1000;  // the trainer skips sentences above 4192 bytes
constexpr char32_t kReserved = 0x2585;       // and those with its own mark

// Texts as the model will meet them; an even sample if there are too many bytes.
Result<std::vector<std::string>> training_texts(std::span<const std::string> texts) {
  std::size_t total = 0;
  for (const std::string& text : texts) total += text.size();
  const std::size_t wanted = std::min(total, kMaxTrainingBytes);
  std::vector<std::string> taken;
  double owed = 1.0;  // texts owed to the sample; the first is always taken
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (owed >= 1.0) {
      owed -= 1.0;
      const auto normal = normalize_text(texts[i]);
      if (!normal) return with_context("text " + std::to_string(i), normal.error());
      if (!normal->empty()) taken.push_back(lower_case(*normal));
    }
    owed += total > 0 ? static_cast<double>(wanted) / static_cast<double>(total) : 0.0;
  }
  return taken;
}

// The `most` most frequent characters; ties in ascending order. The others are spelt in bytes, so
// that a script of thousands of characters leaves room for words.
std::unordered_set<char32_t> frequent_characters(const std::vector<std::string>& texts, std::size_t most) {
  std::map<char32_t, std::size_t> counts;
  for (const std::string& text : texts) {
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Step step = decode_utf8(text, at);
      ++counts[step.value];
      at += step.length;
    }
  }
  counts.erase(U' ');
  counts.erase(kReserved);
  std::vector<std::pair<char32_t, std::size_t>> ranked(counts.begin(), counts.end());
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  if (ranked.size() > most) ranked.resize(most);
  std::unordered_set<char32_t> kept;
  for (const auto& [character, count] : ranked) kept.insert(character);
  return kept;
}

// Runs of frequent characters, at most kMaxWordBytes long, in the order of the texts.
std::vector<std::string> training_words(const std::vector<std::string>& texts,
                                        const std::unordered_set<char32_t>& frequent) {
  std::vector<std::string> words;
  for (const std::string& text : texts) {
    std::string word;
    const auto finish = [&] {
      if (!word.empty()) words.push_back(std::exchange(word, {}));
    };
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Step step = decode_utf8(text, at);
      if (!frequent.contains(step.value) || word.size() + step.length > kMaxWordBytes) finish();
      if (frequent.contains(step.value)) word.append(text, at, step.length);
      at += step.length;
    }
    finish();
  }
  return words;
}

// The trainer proposes as pieces only strings that go on in two ways, where the end of a sentence is
// one way and the space after a word another: a word that always stands last, or never, is not even
// considered. So words are dealt out in pairs, each kind alternately first and last. (On 9,583 product
// names this made 65 thousand tokens of what took 103 thousand.)
std::vector<std::string> deal_out(const std::vector<std::string>& words) {
  std::unordered_map<std::string_view, std::size_t> seen;
  std::vector<std::string_view> first;
  std::vector<std::string_view> last;
  for (const std::string& word : words) (seen[word]++ % 2 == 0 ? first : last).push_back(word);
  std::vector<std::string> sentences;
  for (std::size_t i = 0; i < std::max(first.size(), last.size()); ++i) {
    std::string& sentence = sentences.emplace_back(i < first.size() ? first[i] : std::string_view());
    if (i < last.size()) sentence.append(sentence.empty() ? "" : " ").append(last[i]);
  }
  return sentences;
}

Result<std::vector<std::string>> training_sentences(std::span<const std::string> texts, std::size_t vocabulary) {
  const auto taken = training_texts(texts);
  if (!taken) return std::unexpected(taken.error());
  auto sentences = deal_out(training_words(*taken, frequent_characters(*taken, (vocabulary - kFixedPieces) / 2)));
  if (sentences.empty())
    return fail(ErrorCode::kInvalidArgument, "no text has a character: there is nothing to learn a vocabulary from");
  return sentences;
}

// The program that holds the SentencePiece library: it cannot live in this process, because the library
// brings a copy of protobuf whose symbols collide with the one libtorch needs (docs/decisions/sentencepiece.md).
Result<std::filesystem::path> trainer_program() {
  std::error_code failure;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failure);
  if (failure) return fail(ErrorCode::kIo, "/proc/self/exe: " + failure.message());
  auto program = self.parent_path() / "warifu-sentencepiece";
  if (!std::filesystem::exists(program, failure))
    return fail(ErrorCode::kNotFound, program.string() + ": the vocabulary trainer is missing",
                "it is installed beside warifu; build both with 'make build'");
  return program;
}

// Runs the program and returns what it wrote to standard error if it failed.
Result<void> run(const std::filesystem::path& program, std::vector<std::string> arguments) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(ErrorCode::kIo, std::string("pipe: ") + std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  arguments.insert(arguments.begin(), program.string());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int spawned = ::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string complaint;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; spawned == 0 && (got = ::read(ends[0], buffer.data(), buffer.size())) != 0;) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    complaint.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  if (spawned != 0) return fail(ErrorCode::kIo, program.string() + ": " + std::strerror(spawned));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(ErrorCode::kInternal, "SentencePiece training: " + (complaint.empty() ? "the trainer died" : complaint));
}

}  // namespace

Result<void> train_sentencepiece(std::span<const std::string> texts, std::size_t vocabulary,
                                 const std::filesystem::path& model) {
  constexpr std::size_t kMaxPieces = 1000000;
  if (vocabulary < kMinPieces || vocabulary > kMaxPieces)
    return fail(ErrorCode::kInvalidArgument, "vocabulary of " + std::to_string(vocabulary) + " pieces, expected " +
                                                 std::to_string(kMinPieces) + " to " + std::to_string(kMaxPieces));
  const auto sentences = training_sentences(texts, vocabulary);
  if (!sentences) return std::unexpected(sentences.error());
  const auto program = trainer_program();
  if (!program) return std::unexpected(program.error());
  std::string lines;
  for (const std::string& sentence : *sentences) (lines += sentence) += '\n';
  const std::string input = model.string() + ".sentences";
  if (auto written = write_file_atomically(input, lines); !written) return written;
  auto trained = run(*program, {input, std::to_string(vocabulary), model.string()});
  ::unlink(input.c_str());
  return trained;
}

}  // namespace warifu

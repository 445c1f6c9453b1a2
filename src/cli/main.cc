#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>

#include "cli/terminal_progress.h"
#include "cli/verb.h"
#include "engine/start_up.h"

namespace warifu {
namespace {

constexpr int kUsage = 2;
constexpr int kInterrupted = 130;

constexpr std::string_view kFooter =
    "Exit status: 0 done, 1 nothing found (or, with --strict, some items failed), 2 wrong usage, 64 bad value, 65 bad "
    "data,\n"
    "66 no such input, 70 our bug, 74 input/output, 75 try again, 77 not allowed, 78 incompatible model, codes or "
    "version,\n"
    "130 interrupted (the same command continues).\n"
    "Every flag is also an environment variable (--label-columns: WARIFU_LABEL_COLUMNS) and a key of a --config file.";

std::string version_text() {
  return fmt::format("warifu {}\nbuild: {}, g++ {}\n{}", WARIFU_VERSION, WARIFU_BUILD_TYPE, __VERSION__,
                     engine_description());
}

int print_error(const Error& error) {
  fmt::print(stderr, "error: {}\n", error.message);
  if (!error.hint.empty()) fmt::print(stderr, "hint: {}\n", error.hint);
  return exit_status(error.code);
}

int run_verb(Verb& verb, Invocation& invocation, const std::string& progress_form, std::size_t threads) {
  const auto form = parse_progress(progress_form);
  if (!form) return print_error(form.error());
  start_up(threads);
  TerminalProgress progress(*form);
  invocation.progress = &progress;
  const auto status = verb.run(invocation);
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return print_error({ErrorCode::kIo, "standard output cannot be written", ""});
  if (!status) {
    const int code = print_error(status.error());
    return progress.stop_requested() ? kInterrupted : code;
  }
  return progress.stop_requested() && !verb.runs_until_stopped() ? kInterrupted : *status;
}

int main_checked(int argc, char** argv) {
  CLI::App app("Warifu ties pictures and text together by short binary codes.", "warifu");
  app.set_version_flag("--version", version_text());
  app.set_config("--config", "", "settings file: key = value lines, [verb] sections (TOML)");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(std::string(kFooter));
  Invocation invocation;
  invocation.version = WARIFU_VERSION;
  std::string progress_form = "auto";
  std::size_t threads = 0;
  Flags flags(app);
  flags.value("--workspace", invocation.workspace, "folder of the workspace")->capture_default_str();
  flags.value("--output", invocation.output, "json, jsonl or table (default: a table on a terminal, else jsonl)");
  flags.value("--progress", progress_form, "auto, bar, lines, jsonl or none, on standard error")->capture_default_str();
  flags.value("--threads", threads, "threads to use; 0: all processors")->capture_default_str();

  std::vector<std::pair<CLI::App*, std::unique_ptr<Verb>>> made;
  for (const VerbEntry& entry : verbs()) {
    CLI::App* sub = app.add_subcommand(std::string(entry.name), std::string(entry.sentence));
    sub->group(std::string(entry.group));
    sub->footer("Examples:\n  " + std::string(entry.examples));
    // With a callback of its own a verb takes values from the environment only when it is the one that runs:
    // WARIFU_BITS=16,32 is no business of the verbs that take one length.
    sub->parse_complete_callback([] {});
    made.emplace_back(sub, entry.make());
    Flags sub_flags(*sub);
    made.back().second->declare(sub_flags);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version are "errors" of status 0.
    const int status = app.exit(error, std::cout, std::cerr);
    return status == 0 ? 0 : kUsage;
  }
  for (auto& [sub, verb] : made)
    if (sub->parsed()) return run_verb(*verb, invocation, progress_form, threads);
  return kUsage;
}

}  // namespace
}  // namespace warifu

int main(int argc, char** argv) {
  try {
    return warifu::main_checked(argc, argv);
  } catch (const std::exception& error) {
    // A broken promise inside our code or a library: say so, never a core dump.
    fmt::print(stderr, "error: internal: {}\nhint: this is a bug in warifu; please report the command and this line\n",
               error.what());
    return warifu::exit_status(warifu::ErrorCode::kInternal);
  }
}

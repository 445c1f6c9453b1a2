#include "io/decoder_sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>

#include "io/process_limits.h"

namespace warifu {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// Where drawings find their letters. Whoever reads these learns nothing.
constexpr std::array kFontFolders = {"/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/texmf/fonts",
                                     "/usr/share/poppler"};

// What decoding in memory takes, whatever the arguments. None of them opens, names or reaches anything.
constexpr std::array kHarmlessCalls = {SCMP_SYS(read),
                                       SCMP_SYS(pread64),
                                       SCMP_SYS(lseek),
                                       SCMP_SYS(close),
                                       SCMP_SYS(fstat),  // of open files
                                       SCMP_SYS(munmap),
                                       SCMP_SYS(brk),
                                       SCMP_SYS(mremap),
                                       SCMP_SYS(madvise),  // memory
                                       SCMP_SYS(futex),
                                       SCMP_SYS(set_robust_list),
                                       SCMP_SYS(rseq),
                                       SCMP_SYS(set_tid_address),  // threads
                                       SCMP_SYS(sched_yield),
                                       SCMP_SYS(sched_getaffinity),
                                       SCMP_SYS(gettid),
                                       SCMP_SYS(getpid),  //
                                       SCMP_SYS(membarrier),
                                       SCMP_SYS(eventfd2),
                                       SCMP_SYS(poll),
                                       SCMP_SYS(ppoll),
                                       SCMP_SYS(sigaltstack),  //
                                       SCMP_SYS(rt_sigaction),
                                       SCMP_SYS(rt_sigprocmask),
                                       SCMP_SYS(rt_sigreturn),  //
                                       SCMP_SYS(clock_gettime),
                                       SCMP_SYS(clock_getres),
                                       SCMP_SYS(clock_nanosleep),
                                       SCMP_SYS(nanosleep),  // clocks
                                       SCMP_SYS(gettimeofday),
                                       SCMP_SYS(time),
                                       SCMP_SYS(getrandom),
                                       SCMP_SYS(restart_syscall),  //
                                       SCMP_SYS(exit),
                                       SCMP_SYS(exit_group)};

// What pthread_create() asks for: a thread of this process, never a process.
constexpr scmp_datum_t kThreadFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND | CLONE_THREAD |
                                      CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

// Every way of opening that is more than reading a file.
constexpr scmp_datum_t kNotReading = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | O_PATH | O_DIRECTORY | O_TMPFILE;

// A seccomp filter being put together; the first refusal of libseccomp stays.
class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) {
    if (context_ == nullptr) error_ = -ENOMEM;
    // Threads that a library started already are bound, too.
    if (error_ == 0) error_ = seccomp_attr_set(context_, SCMP_FLTATR_CTL_TSYNC, 1);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;
  ~Filter() {
    if (context_ != nullptr) seccomp_release(context_);
  }

  void add(std::uint32_t action, int call, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    if (call < 0 || error_ != 0) return;  // this processor has no such call
    error_ =
        seccomp_rule_add_array(context_, action, call, static_cast<unsigned>(conditions.size()), conditions.begin());
  }

  int load() { return error_ != 0 ? error_ : error_ = seccomp_load(context_); }  // 0 or -errno

 private:
  scmp_filter_ctx context_;
  int error_ = 0;
};

int filter_calls(bool fonts) {
  Filter filter;
  for (const int call : kHarmlessCalls) filter.add(SCMP_ACT_ALLOW, call);
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(write), {SCMP_A0(SCMP_CMP_EQ, kDecoderSocket)});
  if (kSanitized) filter.add(SCMP_ACT_ALLOW, SCMP_SYS(write), {SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO)});
  // Memory is written or executed, not one after the other.
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(mmap), {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)});
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(mprotect), {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)});
  // glibc falls back to clone, whose flags can be seen from here.
  filter.add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(clone), {SCMP_A0(SCMP_CMP_EQ, kThreadFlags)});
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(tgkill), {SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid()))});
  if (fonts) {
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(openat), {SCMP_A2(SCMP_CMP_MASKED_EQ, kNotReading, 0)});
    // Fontconfig asks whether a font can be read, and fstat() of glibc 2.33 and later asks so. Both can be asked for
    // any path, which tells whether a file is there.
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(access), {SCMP_A1(SCMP_CMP_EQ, R_OK)});
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(faccessat), {SCMP_A2(SCMP_CMP_EQ, R_OK)});
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), {SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH)});
  }
  return filter.load();
}

long allow_below(int rules, const char* folder) {
  const int fd = ::open(folder, O_PATH | O_CLOEXEC);
  if (fd < 0) return 0;  // not on this machine
  struct landlock_path_beneath_attr rule = {};
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
  rule.parent_fd = fd;
  const long added = ::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  ::close(fd);
  return added;
}

bool has_one_thread() {
  std::error_code failure;
  const std::filesystem::directory_iterator threads("/proc/self/task", failure);
  return !failure && std::distance(begin(threads), end(threads)) == 1;
}

void limit_resources(std::uint64_t memory_bytes) {
  constexpr std::uint64_t kDescriptors = 32;
  limit_resource(RLIMIT_CORE, 0);
  if (!kSanitized) limit_resource(RLIMIT_FSIZE, 0);  // reports of sanitizers may go to a file
  limit_resource(RLIMIT_NOFILE, kDescriptors);
  limit_resource(RLIMIT_AS, memory_bytes);
}

// 0 or errno; `attempt` returns -1 or MAP_FAILED as system calls do.
template <typename Attempt>
std::int32_t outcome(const Attempt& attempt) {
  errno = 0;
  return attempt() == -1 ? errno : 0;
}

}  // namespace

void forget_the_parent() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a parent that is gone already is noticed at the socket
  ::close_range(kDecoderSocket + 1, ~0U, 0);
  ::clearenv();
  if (::chdir("/") != 0) ::_exit(1);
}

bool allow_only_fonts() {
  if (!has_one_thread() || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  struct landlock_ruleset_attr handled = {};
  handled.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // all of the first version
  const auto rules = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0));
  if (rules < 0) return false;
  bool done = true;
  for (const char* folder : kFontFolders) done = done && allow_below(rules, folder) == 0;
  done = done && ::syscall(SYS_landlock_restrict_self, rules, 0) == 0;
  ::close(rules);
  return done;
}

DecoderHello close_the_doors(std::uint64_t memory_bytes, bool fonts) {
  DecoderHello hello;
  ::prctl(PR_SET_DUMPABLE, 0);
  limit_resources(memory_bytes);
  const int filtered = filter_calls(fonts);
  hello.sandboxed = filtered == 0;
  hello.reason = -filtered;
  hello.fonts = fonts;
  return hello;
}

std::array<std::int32_t, kForbiddenAttempts.size()> try_forbidden() {
  const auto open_and_close = [](const char* path, int flags) {
    const int fd = ::open(path, flags, 0600);
    return fd < 0 ? fd : ::close(fd);
  };
  const auto run_true = [] {
    std::array<char*, 1> none = {nullptr};
    return ::execve("/bin/true", none.data(), none.data());
  };
  const auto fork_once = [] {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    return child;
  };
  const auto read_init = [] {
    std::byte here{};
    struct iovec local = {&here, 1}, remote = {&here, 1};
    return ::process_vm_readv(1, &local, 1, &remote, 1, 0);
  };
  const auto executable = [] {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
  };
  const auto raise = [] {
    const struct rlimit more = {1024, 1024};
    return ::setrlimit(RLIMIT_NOFILE, &more);
  };
  return {outcome([&] { return open_and_close("/etc/passwd", O_RDONLY); }),
          outcome([&] { return open_and_close("/tmp/warifu-decoder-was-here", O_CREAT | O_WRONLY); }),
          outcome([&] { return open_and_close("/", O_RDONLY | O_DIRECTORY); }),
          outcome([] { return ::socket(AF_INET, SOCK_STREAM, 0); }),
          outcome(run_true),
          outcome(fork_once),
          outcome([] { return ::kill(1, 0); }),
          outcome(read_init),
          outcome(executable),
          outcome(raise)};
}

}  // namespace warifu

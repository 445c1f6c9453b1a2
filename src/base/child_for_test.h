#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <optional>

namespace warifu {

// A child process that runs `work` and tells numbers to its parent. It ends by itself or by kill().
template <typename Number>
class Child {
 public:
  explicit Child(const std::function<int(const std::function<void(Number)>& tell)>& work) {
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      const int status = work([&](Number number) {
        if (::write(ends[1], &number, sizeof number) != sizeof number) ::_exit(99);
      });
      ::_exit(status);
    }
    ::close(ends[1]);
    read_end_ = ends[0];
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (!waited_) kill();
    ::close(read_end_);
  }

  pid_t pid() const { return pid_; }
  std::optional<Number> hear() {
    Number number{};
    if (::read(read_end_, &number, sizeof number) != sizeof number) return std::nullopt;
    return number;
  }
  void kill() {
    ::kill(pid_, SIGKILL);
    wait();
  }
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    waited_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  int read_end_ = -1;
  bool waited_ = false;
};

}  // namespace warifu

// Goal: children start with the streams asked for, their end is reported in words, and none outlives its owner.
#include "runtime/real_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <sstream>

namespace steelyard::runtime {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

ProcessOptions Shell(const std::string& script, const std::string& log = {}) {
  return {.argv = {"/bin/sh", "-c", script}, .log_path = log};
}

class RealProcessTest : public testing::Test {
 protected:
  ~RealProcessTest() override { ::unlink(log_.c_str()); }

  std::unique_ptr<RealProcess> Start(const ProcessOptions& options) {
    auto child = RealProcess::Spawn(loop_, options, [this](const ProcessEnd& end) {
      end_ = end;
      loop_.Stop();
    });
    EXPECT_TRUE(child.ok()) << child.status().ToString();
    return child.ok() ? std::move(child.value()) : nullptr;
  }

  RealLoop loop_;
  std::optional<ProcessEnd> end_;
  const std::string log_ = testing::TempDir() + "process_" + std::to_string(::getpid()) + ".log";
};

TEST_F(RealProcessTest, ReportsTheExitCodeAndLogsBothStreams) {
  const auto child =
      Start(Shell("echo out; echo err >&2; read line || echo no input; exit 65", log_));
  EXPECT_TRUE(child->running());
  EXPECT_GT(child->pid(), 0);
  loop_.Run();
  EXPECT_EQ(end_->Describe(), "exited with code 65");
  EXPECT_FALSE(child->running());
  EXPECT_EQ(ReadAll(log_), "out\nerr\nno input\n");
  EXPECT_EQ(::kill(child->pid(), 0), -1);  // Reaped: not even a zombie is left.
}

TEST_F(RealProcessTest, ReportsASignalByName) {
  const auto child = Start(Shell("kill -9 $$"));
  loop_.Run();
  EXPECT_TRUE(end_->by_signal);
  EXPECT_EQ(end_->Describe(),
            "was killed by signal 9 (Killed), as the system does when memory runs out");
}

TEST_F(RealProcessTest, EachChildHasItsOwnEnd) {
  int ends = 0;
  std::vector<std::unique_ptr<RealProcess>> children;
  std::vector<int> codes(8, -1);
  for (int i = 0; i < 8; ++i) {
    auto child = RealProcess::Spawn(loop_, Shell("exit " + std::to_string(i)),
                                    [&, i](const ProcessEnd& end) {
                                      codes[i] = end.number;
                                      if (++ends == 8) loop_.Stop();
                                    });
    ASSERT_TRUE(child.ok());
    children.push_back(std::move(child.value()));
  }
  loop_.Run();
  for (int i = 0; i < 8; ++i) EXPECT_EQ(codes[i], i);
}

TEST_F(RealProcessTest, TerminateAsksFirst) {
  const auto child =
      Start(Shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done", log_));
  while (ReadAll(log_).empty()) ::usleep(1000);
  child->Terminate(10s);
  loop_.Run();
  EXPECT_EQ(end_->Describe(), "exited with code 3");
}

TEST_F(RealProcessTest, TerminateKillsWhoDoesNotListen) {
  const auto child = Start(Shell("trap '' TERM; echo ready; while :; do sleep 0.01; done", log_));
  while (ReadAll(log_).empty()) ::usleep(1000);
  child->Terminate(20ms);
  loop_.Run();
  EXPECT_EQ(end_->Describe(),
            "was killed by signal 9 (Killed), as the system does when memory runs out");
}

TEST_F(RealProcessTest, TheDestructorLeavesNoChild) {
  auto child = Start(Shell("exec sleep 1000"));
  const pid_t pid = child->pid();
  child.reset();
  EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  EXPECT_FALSE(end_.has_value());
}

TEST_F(RealProcessTest, RefusesWhatCannotBeStartedAndSaysWhy) {
  const auto missing = RealProcess::Spawn(loop_, {.argv = {"/no/such/binary"}}, {});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().code(), StatusCode::kIoError);
  EXPECT_EQ(missing.status().message(),
            "cannot execute /no/such/binary: No such file or directory");
  const auto no_log = RealProcess::Spawn(loop_, Shell("exit 0", "/no/such/folder/log"), {});
  ASSERT_FALSE(no_log.ok());
  EXPECT_EQ(no_log.status().message(),
            "cannot open the log /no/such/folder/log: No such file or directory");
  EXPECT_FALSE(RealProcess::Spawn(loop_, {}, {}).ok());
}

TEST_F(RealProcessTest, TheChildHasNoneOfOurDescriptorsAndDefaultSignals) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);  // Not close-on-exec, as Asio's sockets are.
  ::signal(SIGPIPE, SIG_IGN);
  const auto child = Start(Shell("ls /proc/self/fd | wc -l; grep SigIgn /proc/self/status", log_));
  loop_.Run();
  // ls sees 0, 1, 2 and the folder it reads.
  EXPECT_EQ(ReadAll(log_), "4\nSigIgn:\t0000000000000000\n");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(RealProcessTest, ChildrenDieWithTheirParentEvenByKill9) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {  // A process that spawns a child, tells its pid, and hangs.
    RealLoop loop;
    auto child = RealProcess::Spawn(loop, Shell("exec sleep 1000"), {});
    const pid_t pid = child.ok() ? child.value()->pid() : -1;
    if (::write(ends[1], &pid, sizeof pid) != sizeof pid) ::_exit(1);
    for (;;) ::pause();
  }
  pid_t grandchild = -1;
  ASSERT_EQ(::read(ends[0], &grandchild, sizeof grandchild),
            static_cast<ssize_t>(sizeof grandchild));
  ASSERT_GT(grandchild, 0);
  ASSERT_EQ(::kill(grandchild, 0), 0);
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  // Gone or a zombie that init has yet to reap: it no longer has a command line.
  const std::string cmdline = "/proc/" + std::to_string(grandchild) + "/cmdline";
  while (!ReadAll(cmdline).empty()) ::usleep(1000);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace steelyard::runtime

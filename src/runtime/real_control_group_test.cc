// Goal: the least limit of all groups that a process is in is found, in version 1 and 2. Method: folders as the kernel
// shows them.
#include "runtime/real_control_group.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace steelyard::runtime {
namespace {

class ControlGroupTest : public ::testing::Test {
 protected:
  ~ControlGroupTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  ControlGroup Group() const { return ControlGroup(folder_ / "membership", folder_); }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("control_group_test." + std::to_string(::getpid()));
};

TEST_F(ControlGroupTest, Version2LimitsOfOuterGroupsCount) {
  Write("membership", "0::/slice/job\n");
  Write("slice/job/memory.max", "max\n");
  Write("slice/job/cpu.max", "max 100000\n");
  Write("slice/memory.max", "4000\n");
  Write("slice/memory.current", "3000\n");
  Write("slice/memory.stat", "anon 1\nfile 900\ninactive_file 500\nactive_file 9\n");
  Write("slice/cpu.max", "150000 100000\n");
  EXPECT_EQ(Group().memory_max(), 4000u);
  EXPECT_EQ(Group().memory_free(), 1500u);
  EXPECT_EQ(Group().processors(), 1.5);
  Write("slice/job/memory.max", "2000\n");
  Write("slice/job/memory.current", "2500\n");
  EXPECT_EQ(Group().memory_max(), 2000u);
  EXPECT_EQ(Group().memory_free(), 0u) << "more in use than a limit that was lowered";
}

TEST_F(ControlGroupTest, Version1ControllersHaveGroupsOfTheirOwn) {
  Write("membership", "5:memory:/a/b\n3:cpu,cpuacct:/c\n0::/\n");
  Write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  Write("memory/memory.usage_in_bytes", "99999\n");
  EXPECT_FALSE(Group().memory_max()) << "that is no limit";
  EXPECT_FALSE(Group().memory_free());
  Write("memory/a/b/memory.limit_in_bytes", "7000\n");
  Write("memory/a/b/memory.usage_in_bytes", "1000\n");
  Write("memory/a/b/memory.stat", "inactive_file 1\ntotal_inactive_file 400\n");
  Write("cpu/c/cpu.cfs_quota_us", "-1\n");
  Write("cpu/c/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Group().memory_max(), 7000u);
  EXPECT_EQ(Group().memory_free(), 6400u);
  EXPECT_FALSE(Group().processors());
  Write("cpu/cpu.cfs_quota_us", "50000\n");
  Write("cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Group().processors(), 0.5);
}

TEST_F(ControlGroupTest, WhatCannotBeReadSetsNoLimit) {
  EXPECT_FALSE(Group().memory_max());
  Write("membership", "nonsense\n:\n1:\n");
  EXPECT_FALSE(Group().memory_max());
  EXPECT_FALSE(Group().processors());
}

}  // namespace
}  // namespace steelyard::runtime

#include "calibration/file_io.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/temporary_directory.h"

namespace sedma::calibration {
namespace {

using sedma::testing::bytes_of;
using sedma::testing::TemporaryDirectory;

TEST(FileIo, ReadsTheBytesAsked) {
  const TemporaryDirectory directory;
  const std::string path = directory.put("a", std::string("0123\0\r\n789", 10));
  EXPECT_EQ(*read_file(path), std::string("0123\0\r\n789", 10));
  EXPECT_EQ(*read_file(path, 7), "789");
  EXPECT_EQ(*read_file(path, 1, 2), "12");
  EXPECT_EQ(*read_file(path, 9, 5), "9");
  EXPECT_EQ(*read_file(path, 10), "");
  EXPECT_EQ(*read_file(path, UINT64_MAX, UINT64_MAX), "");
  EXPECT_EQ(*file_size(path), 10u);
}

TEST(FileIo, RefusesWhatIsNoFile) {
  const TemporaryDirectory directory;
  const auto code_of = [](const std::string& path) {
    const Status status = check_readable_file(path);
    EXPECT_EQ(read_file(path).status().code(), status.code());
    EXPECT_EQ(read_file(path).status().message(), status.message());
    EXPECT_EQ(file_size(path).status().code(), status.code());
    return status.to_string();
  };
  EXPECT_EQ(code_of(directory.path()), "unavailable: " + directory.path() + " is a directory, expected a regular file");
  EXPECT_EQ(code_of(directory / "no"), "unavailable: cannot open " + (directory / "no") + ": No such file or directory");
  EXPECT_EQ(code_of("/dev/null"), "unavailable: /dev/null is a device, expected a regular file");
  ASSERT_EQ(::mkfifo((directory / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(code_of(directory / "fifo"), "unavailable: " + (directory / "fifo") + " is a fifo, expected a regular file");
}

TEST(AtomicFile, AppearsWholeAtCommit) {
  const TemporaryDirectory directory;
  const std::string path = directory.put("a", "old");
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  ASSERT_TRUE(file->write("new ").ok());
  ASSERT_TRUE(file->write("bytes").ok());
  ASSERT_TRUE(file->write_at(0, "N").ok());
  EXPECT_EQ(bytes_of(path), "old");
  EXPECT_EQ(bytes_of(file->temporary_path()), "New bytes");
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(bytes_of(path), "New bytes");
  EXPECT_EQ(directory.names(), std::vector<std::string>{"a"});
}

// A rename would put a file where the device or the pipe was.
TEST(AtomicFile, TakesNoNameOfADevice) {
  const TemporaryDirectory directory;
  const std::string pipe = directory / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {pipe, std::string("/dev/null"), directory.path()}) {
    const auto file = AtomicFile::create(path);
    ASSERT_FALSE(file.ok()) << path;
    EXPECT_EQ(file.status().code(), Code::unavailable) << path;
  }
  EXPECT_EQ(directory.names(), std::vector<std::string>{"pipe"});
  EXPECT_TRUE(AtomicFile::create(directory / "new").ok());
}

TEST(AtomicFile, LeavesNothingBehindWithoutCommit) {
  const TemporaryDirectory directory;
  {
    auto file = AtomicFile::create(directory / "a");
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write("x").ok());
    AtomicFile moved = std::move(file).value();
    EXPECT_EQ(directory.names().size(), 1u);
    auto other = AtomicFile::create(directory / "a");
    ASSERT_TRUE(other.ok());
    EXPECT_NE(other->temporary_path(), moved.temporary_path());
    moved = std::move(other).value();
    EXPECT_EQ(directory.names().size(), 1u) << "what is replaced is discarded";
  }
  EXPECT_TRUE(directory.names().empty());
}

TEST(AtomicFile, PermissionsFollowTheUmask) {
  const TemporaryDirectory directory;
  const mode_t before = ::umask(027);
  auto file = AtomicFile::create(directory / "a");
  ::umask(before);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->commit().ok());
  struct stat info {};
  ASSERT_EQ(::stat((directory / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST(AtomicFile, SaysWhyItCannot) {
  const TemporaryDirectory directory;
  EXPECT_EQ(AtomicFile::create(directory / "no/a").status().to_string(),
            "unavailable: cannot create " + (directory / "no/a") + ": No such file or directory");
  auto file = AtomicFile::create(directory / "taken");
  ASSERT_TRUE(file.ok());
  std::filesystem::create_directory(directory / "taken");  // meanwhile
  EXPECT_EQ(file->commit().code(), Code::unavailable);
  EXPECT_EQ(directory.names(), std::vector<std::string>{"taken"});
}

}  // namespace
}  // namespace sedma::calibration

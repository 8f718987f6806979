#include "hal/version.h"

#include <gtest/gtest.h>

#include <string>

namespace sedma {
namespace {

// A program asks the preprocessor at what its headers are and version() at what it runs with.
TEST(Version, HeadersAndLibraryAgree) {
  EXPECT_STREQ(version(), SEDMA_VERSION_STRING);
  EXPECT_EQ(version(),
            std::to_string(SEDMA_VERSION_MAJOR) + "." + std::to_string(SEDMA_VERSION_MINOR) + "." + std::to_string(SEDMA_VERSION_PATCH));
#if SEDMA_VERSION_MAJOR * 1000 + SEDMA_VERSION_MINOR < 1
  FAIL() << "the macros are numbers of the preprocessor, and no version before 0.1 was handed out";
#endif
}

}  // namespace
}  // namespace sedma

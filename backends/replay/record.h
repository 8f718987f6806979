#pragma once
// A device that writes down what another one does.

#include <memory>
#include <string>

#include "backends/replay/recording.h"
#include "hal/registry.h"

namespace sedma::backends {

/// Records every command that reaches the inner device, its refusals and outcomes, and the outputs of those that succeeded, and writes
/// them to a file when it is destroyed and at each flush(). Memory: outputs are kept until then. Thread-safe.
class RecordingDevice final : public hal::Device {
 public:
  RecordingDevice(std::unique_ptr<hal::Device> inner, std::string path);
  ~RecordingDevice() override;
  void cancel() override;
  /// Writes what was recorded so far; a command still under way is recorded as aborted. The destructor cannot report: call this first.
  /// Errors: unavailable (cannot write, with the system's reason); the file is then as it was before.
  Status flush();

 private:
  class Log;
  class Operation;
  Result<std::unique_ptr<hal::Operation>> do_submit(const hal::Command& command, hal::Clock::time_point deadline) override;

  const std::unique_ptr<hal::Device> inner_;
  const std::string path_;
  const std::shared_ptr<Log> log_;
};

/// The driver of `record:URI?record.file=run.h5&...`: the device of URI, which gets every other option and the limits, recorded to a file
/// that `replay:run.h5` opens. An existing file is replaced, when the recording is written.
/// Errors: invalid_argument (no record.file; the inner URI), unavailable (the file's directory cannot be written), those of the inner
/// driver.
hal::Registry::Driver record_driver();

}  // namespace sedma::backends

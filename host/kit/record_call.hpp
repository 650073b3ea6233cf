#pragma once

#include "kit/call_method.hpp"

#include <string>

namespace dispatch::kit {

struct RecordCallOptions {
  CallMethodOptions call;  ///< home: "process" or "worker", as a call is made once
  std::string file;        ///< the HAR file to write
  bool replace = false;    ///< a file that is there is written over
};

/// Calls one method with the network of this machine, through the host's own dispatch.http/1, and writes the
/// exchanges and the call as HAR 1.2. Secrets of the configuration, and what is secret by its place (headers,
/// cookies, members and fields with a telling name), stand in the file as "[secret]"; a secret of an answer
/// is taken out of every other text, too. Answers {"file", "exchanges", "status", "message", "answer",
/// "milliseconds", "log"}, as redacted; "file" is null, and nothing written, where the call failed before any
/// exchange. Throws Problem, and writes nothing: the package or the configuration is not sound, a secret is
/// too short to be told from ordinary text, the method's answer is itself a secret, the file is there or its
/// directory is not, or the plugin did not end in order.
Json recordCall(const Equipment& equipment, const std::string& directory, const RecordCallOptions& options);

}  // namespace dispatch::kit

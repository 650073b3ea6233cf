#include "plugin/service/connection.hpp"
#include "plugin/service/service_context.hpp"
#include "plugin/service/service_support.hpp"

#include "base/time.hpp"

#include <memory>

/// What a plugin holds of an open stream. Closed by its close(), or with the instance.
struct dispatch_stream {
  dispatch::plugin::ServiceContext& context;
  dispatch::plugin::Connection connection;
  bool allowUntrusted;  ///< asked for at open; counts for a later start_tls, too
};

namespace dispatch::plugin {

namespace {

constexpr std::uint64_t maxParts = 1024;

dispatch_status statusOf(const ConnectionFailure& failure) {
  switch (failure.why()) {
    case ConnectionFailure::Why::broken:
      return DISPATCH_ERR_UNAVAILABLE;
    case ConnectionFailure::Why::deadline:
      return DISPATCH_ERR_TIMEOUT;
    case ConnectionFailure::Why::cancelled:
      return DISPATCH_ERR_CANCELLED;
  }
  return DISPATCH_ERR_INTERNAL;
}

dispatch_stream& checkedStream(dispatch_stream* stream) {
  if (stream == nullptr) throw ServiceRefusal(DISPATCH_ERR_INVALID, "the stream is NULL");
  return *stream;
}

/// Runs `work`; a failure's sentence has the stream's secrets blotted out.
template <class Work>
void onStream(const ServiceContext& context, Work work) {
  try {
    work();
  } catch (const ConnectionFailure& failure) {
    throw ServiceRefusal(statusOf(failure), context.secrets().blot(failure.what()));
  }
}

dispatch_status open(const dispatch_host* host, const dispatch_call* call,
                     const dispatch_stream_options* options, dispatch_stream** out) noexcept {
  return guarded(call, [&] {
    auto& context = ServiceContext::of(host);
    auto& hostCall = checkedCall(call);
    if (out == nullptr) throw ServiceRefusal(DISPATCH_ERR_INVALID, "there is no place for the stream");
    *out = nullptr;
    const auto& wanted = checkedStruct(options, "dispatch_stream_options");
    if (wanted.port < 1 || wanted.port > 65535)
      throw ServiceRefusal(DISPATCH_ERR_INVALID,
                           "port " + std::to_string(wanted.port) + " is not 1 to 65535");
    const auto host_ = checkedText(wanted.host, "the host");
    // Read as the host of a URL, so that names are compared in one form everywhere.
    auto destination = Url::parse("http://" +
                                  (host_.find(':') == std::string_view::npos || host_.starts_with('[')
                                       ? std::string(host_)
                                       : '[' + std::string(host_) + ']') +
                                  ":" + std::to_string(wanted.port))
                           .destination;
    destination.scheme = "stream";
    const auto started = monotonicNs();
    Instance::Outbound record{
        nowText(), wanted.tls != 0 ? "TLS" : "TCP", destination.host, destination.port, "", 0, 0, ""};
    const auto note = [&](const char* error) {
      record.milliseconds = static_cast<double>(monotonicNs() - started) / 1e6;
      record.error = context.secrets().blot(error);
      context.outbound().add(std::move(record));
    };
    try {
      const auto grants = context.grants();
      std::unique_ptr<dispatch_stream> stream(new dispatch_stream{
          context, Connection(hostCall, *grants, std::move(destination)), wanted.allow_untrusted != 0});
      if (wanted.tls != 0) stream->connection.startTls(hostCall, *grants, stream->allowUntrusted);
      context.addStream(stream.get());
      *out = stream.release();
      note("");
    } catch (const std::exception& error) {
      note(error.what());
      throw;
    }
    return DISPATCH_OK;
  });
}

dispatch_status startTls(dispatch_stream* stream, const dispatch_call* call) noexcept {
  return guarded(call, [&] {
    auto& opened = checkedStream(stream);
    auto& hostCall = checkedCall(call);
    const auto grants = opened.context.grants();
    opened.connection.startTls(hostCall, *grants, opened.allowUntrusted);
    return DISPATCH_OK;
  });
}

dispatch_status write(dispatch_stream* stream, const dispatch_call* call,
                      const dispatch_secret_use* const* parts, std::uint64_t partCount) noexcept {
  return guarded(call, [&] {
    auto& opened = checkedStream(stream);
    auto& hostCall = checkedCall(call);
    if (partCount > maxParts || (parts == nullptr && partCount > 0))
      throw ServiceRefusal(DISPATCH_ERR_INVALID, "a write has 0 to 1,024 parts");
    WipedText bytes;
    for (std::uint64_t i = 0; i < partCount; ++i) {
      const auto& part = checkedStruct(parts[i], "a part of a write");
      bytes.append(opened.context.secrets().render(part).view());
      if (bytes.size() > maxTextBytes) throw ServiceRefusal(DISPATCH_ERR_LIMIT, "a write may have 16 MiB");
    }
    onStream(opened.context, [&] { opened.connection.write(hostCall, bytes.view()); });
    return DISPATCH_OK;
  });
}

dispatch_status read(dispatch_stream* stream, const dispatch_call* call, std::uint8_t* buffer,
                     std::uint64_t size, std::uint64_t* count) noexcept {
  return guarded(call, [&] {
    auto& opened = checkedStream(stream);
    auto& hostCall = checkedCall(call);
    if (buffer == nullptr || size == 0 || count == nullptr)
      throw ServiceRefusal(DISPATCH_ERR_INVALID, "a read needs a buffer and a place for its count");
    *count = 0;
    onStream(opened.context,
             [&] { *count = opened.connection.read(hostCall, reinterpret_cast<char*>(buffer), size); });
    return DISPATCH_OK;
  });
}

void close(dispatch_stream* stream) noexcept {
  if (stream == nullptr) return;
  try {
    if (stream->context.removeStream(stream)) destroyStream(stream);
  } catch (...) {
    // The instance closes it.
  }
}

}  // namespace

void destroyStream(dispatch_stream* stream) noexcept { delete stream; }

const void* streamService() noexcept {
  static constexpr dispatch_stream_1 table{sizeof(dispatch_stream_1), 0, open, startTls, write, read, close};
  return &table;
}

}  // namespace dispatch::plugin

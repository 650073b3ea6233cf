#include "wire/frame.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace dispatch::wire {

namespace {

constexpr int maxDescriptors = 8;

}  // namespace

bool send(int socket, const Frame& frame, std::string_view text, const int* descriptors,
          int descriptorCount) noexcept {
  if (descriptorCount < 0 || descriptorCount > maxDescriptors || text.size() > maxTextBytes) return false;
  std::array<iovec, 2> pieces{
      {{const_cast<Frame*>(&frame), sizeof frame}, {const_cast<char*>(text.data()), text.size()}}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = text.empty() ? 1 : 2;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * maxDescriptors)];
  if (descriptorCount > 0) {
    std::memset(control, 0, sizeof control);
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * static_cast<std::size_t>(descriptorCount));
    auto* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int) * static_cast<std::size_t>(descriptorCount));
    std::memcpy(CMSG_DATA(head), descriptors, sizeof(int) * static_cast<std::size_t>(descriptorCount));
  }
  for (;;) {
    // Never waits: few messages are ever under way, so that a full socket means a peer that stopped reading.
    const auto sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return true;
    if (errno != EINTR) return false;
  }
}

bool sendPatiently(int socket, const Frame& frame, std::string_view text, int milliseconds) noexcept {
  while (!send(socket, frame, text)) {
    if (errno != EAGAIN || milliseconds <= 0) return false;
    constexpr int pieceMs = 100;
    pollfd waiting{socket, POLLOUT, 0};
    ::poll(&waiting, 1, pieceMs);
    milliseconds -= pieceMs;
  }
  return true;
}

bool receive(int socket, Message& message, std::vector<char>& buffer, bool wait) noexcept {
  message.frame = {};
  message.text = {};
  message.descriptors.clear();
  try {
    if (buffer.size() < maxTextBytes) buffer.resize(maxTextBytes);
  } catch (...) {
    return false;
  }
  std::array<iovec, 2> pieces{{{&message.frame, sizeof message.frame}, {buffer.data(), buffer.size()}}};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * maxDescriptors)];
  msghdr head{};
  head.msg_iov = pieces.data();
  head.msg_iovlen = pieces.size();
  head.msg_control = control;
  head.msg_controllen = sizeof control;
  ssize_t count;
  do count = ::recvmsg(socket, &head, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
  while (count < 0 && errno == EINTR);
  if (count <= 0) return false;
  for (auto* item = CMSG_FIRSTHDR(&head); item != nullptr; item = CMSG_NXTHDR(&head, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    const auto carried = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < carried; ++i) {
      int descriptor;
      std::memcpy(&descriptor, CMSG_DATA(item) + i * sizeof(int), sizeof descriptor);
      try {
        message.descriptors.push_back(descriptor);
      } catch (...) {
        ::close(descriptor);
      }
    }
  }
  if (static_cast<std::size_t>(count) < sizeof message.frame || (head.msg_flags & MSG_TRUNC) != 0) {
    message.frame = {};
    return true;
  }
  message.text = {buffer.data(), static_cast<std::size_t>(count) - sizeof message.frame};
  return true;
}

bool receive(int socket, Frame& frame) noexcept {
  for (;;) {
    const auto count = ::recv(socket, &frame, sizeof frame, MSG_TRUNC);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    if (static_cast<std::size_t>(count) != sizeof frame) frame = {};
    return true;
  }
}

}  // namespace dispatch::wire

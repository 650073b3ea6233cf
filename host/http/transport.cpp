#include "http/transport.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace dispatch::http {

Transport::Transport(int fd, ssl_ctx_st* tls) : _fd(fd) {
  if (!tls) return;
  _ssl = SSL_new(tls);
  if (_ssl) {
    SSL_set_fd(_ssl, fd);
    SSL_set_accept_state(_ssl);
  } else {
    close();
  }
}

Transport& Transport::operator=(Transport&& other) noexcept {
  if (this != &other) {
    close();
    _fd = std::exchange(other._fd, -1);
    _ssl = std::exchange(other._ssl, nullptr);
    _ready = std::exchange(other._ready, false);
  }
  return *this;
}

Transport::Status Transport::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(_ssl);
  if (result == 1) {
    _ready = true;
    return Status::done;
  }
  const int error = SSL_get_error(_ssl, result);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? Status::again : Status::failed;
}

Transport::Result Transport::read(char* buffer, std::size_t size) {
  if (_ssl) {
    ERR_clear_error();
    std::size_t bytes = 0;
    const int result = SSL_read_ex(_ssl, buffer, size, &bytes);
    if (result == 1) return {Status::done, bytes};
    switch (SSL_get_error(_ssl, result)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE:
        return {Status::again};
      case SSL_ERROR_ZERO_RETURN:
        return {Status::ended};
      default:
        _ready = false;
        return {Status::failed};
    }
  }
  while (true) {
    const ssize_t bytes = ::recv(_fd, buffer, size, 0);
    if (bytes > 0) return {Status::done, static_cast<std::size_t>(bytes)};
    if (bytes == 0) return {Status::ended};
    if (errno == EINTR) continue;
    return {errno == EAGAIN || errno == EWOULDBLOCK ? Status::again : Status::failed};
  }
}

Transport::Result Transport::write(std::string_view first, std::string_view second) {
  std::size_t written = 0;
  if (_ssl) {
    for (std::string_view part : {first, second}) {
      while (!part.empty()) {
        ERR_clear_error();
        std::size_t bytes = 0;
        const int result = SSL_write_ex(_ssl, part.data(), part.size(), &bytes);
        if (result != 1) {
          const int error = SSL_get_error(_ssl, result);
          if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return {Status::again, written};
          _ready = false;
          return {Status::failed, written};
        }
        written += bytes;
        part.remove_prefix(bytes);
      }
    }
    return {Status::done, written};
  }
  const std::size_t total = first.size() + second.size();
  while (written < total) {
    ssize_t bytes = 0;
    if (second.empty() || written >= first.size()) {
      const std::string_view rest =
          written < first.size() ? first.substr(written) : second.substr(written - first.size());
      bytes = ::send(_fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    } else {
      iovec parts[2] = {{const_cast<char*>(first.data()) + written, first.size() - written},
                        {const_cast<char*>(second.data()), second.size()}};
      msghdr message{};
      message.msg_iov = parts;
      message.msg_iovlen = 2;
      bytes = ::sendmsg(_fd, &message, MSG_NOSIGNAL);
    }
    if (bytes >= 0) {
      written += static_cast<std::size_t>(bytes);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return {Status::again, written};
    } else if (errno != EINTR) {
      return {Status::failed, written};
    }
  }
  return {Status::done, written};
}

bool Transport::wait(bool writable, std::chrono::milliseconds limit) const {
  pollfd entry{_fd, static_cast<short>(writable ? POLLOUT : POLLIN), 0};
  const int result = ::poll(&entry, 1, static_cast<int>(limit.count() > 0 ? limit.count() : 0));
  return result > 0 || (result < 0 && errno == EINTR);
}

void Transport::shutdownWrite() {
  if (_ssl && _ready) {
    ERR_clear_error();
    SSL_shutdown(_ssl);
  }
  if (_fd >= 0) ::shutdown(_fd, SHUT_WR);
}

void Transport::close() {
  if (_ssl) {
    if (_ready) {
      ERR_clear_error();
      SSL_shutdown(_ssl);  // best effort: the close_notify goes out if the socket takes it
    }
    SSL_free(_ssl);
    _ssl = nullptr;
    _ready = false;
  }
  if (_fd >= 0) ::close(_fd);
  _fd = -1;
}

}  // namespace dispatch::http

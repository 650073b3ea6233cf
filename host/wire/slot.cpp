#include "wire/slot.hpp"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace dispatch::wire {

namespace {

constexpr std::uint64_t kept = 256u << 10;  // of each area, from call to call

}  // namespace

int Slot::makeFile() {
  const int descriptor = ::memfd_create("dispatch-lane", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) return -1;
  if (::ftruncate(descriptor, static_cast<off_t>(bytes)) != 0 ||
      ::fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    ::close(descriptor);
    return -1;
  }
  return descriptor;
}

Slot::Slot(int descriptor) : _descriptor(descriptor) {
  auto* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
  if (mapped == MAP_FAILED) {
    const int error = errno;
    ::close(descriptor);
    throw std::system_error(error, std::generic_category(), "the memory of a lane cannot be mapped");
  }
  _base = static_cast<std::uint8_t*>(mapped);
}

Slot::~Slot() {
  ::munmap(_base, bytes);
  ::close(_descriptor);
}

void Slot::trim() noexcept {
  const auto punch = [&](std::uint64_t from, std::uint64_t size) {
    static_cast<void>(::fallocate(_descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                  static_cast<off_t>(from + kept), static_cast<off_t>(size - kept)));
  };
  punch(headerBytes, hostBytes);
  punch(headerBytes + hostBytes, workerBytes);
  punch(headerBytes + hostBytes + workerBytes, arenaBytes);
}

}  // namespace dispatch::wire

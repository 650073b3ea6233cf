#pragma once

#include "http/core.hpp"
#include "http/event_streams.hpp"
#include "http/transport.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace dispatch::http {

/// The broadcaster: one thread that owns the sockets of all event streams. Everybody else leaves it orders.
class Streams : public EventStreams {
 public:
  explicit Streams(Core& core);
  ~Streams() override;

  void start();
  void stop();  ///< ends all streams; further ones are refused

  std::uint64_t open(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response,
                     StreamClient client, std::vector<Frame> first, std::function<void()> onClosed) override;
  using EventStreams::publish;
  void publish(const std::string& topic, Frame frame, Filter filter) override;
  void publishEach(const std::string& topic, Renderer renderer) override;
  void send(std::uint64_t client, Frame frame) override;
  void close(std::uint64_t client) override;
  void closeWhere(Filter filter) override;
  std::size_t size() const override { return _open.load(std::memory_order_relaxed); }

  std::uint64_t framesQueued() const { return _framesQueued.load(std::memory_order_relaxed); }
  std::uint64_t dropped() const { return _dropped.load(std::memory_order_relaxed); }

 private:
  struct Slot {
    StreamClient client;
    Transport io;  ///< not open until the opener's worker has let go
    std::deque<Frame> queue;
    std::size_t queuedBytes = 0;  ///< unsent ones
    std::size_t sentOfFirst = 0;
    std::size_t mostBytes = 0, mostFrames = 0;
    std::int64_t lastSent = 0;  ///< ms
    std::function<void()> onClosed;
    bool dirty = false, ending = false, dead = false;
  };
  using Order = std::function<void()>;

  void order(Order what);
  void run();
  void onEvent(std::uint64_t id, std::uint32_t edges);
  void add(std::shared_ptr<Slot> slot);
  void attach(std::uint64_t id, Transport io);
  void deliver(const std::string& topic, const Frame& frame, const Filter& filter, const Renderer& renderer);
  void enqueue(Slot& slot, const Frame& frame);
  void flush(Slot& slot);
  void drainInput(Slot& slot);
  void end(Slot& slot);   ///< after what can be sent at once
  void kill(Slot& slot);  ///< now
  void beat(std::int64_t now);
  void removeDead();
  Slot* find(std::uint64_t id);

  Core& _core;
  int _epoll = -1;
  int _wake = -1;
  std::thread _thread;
  std::atomic<std::uint64_t> _nextId{1};
  std::atomic<std::size_t> _open{0};
  std::atomic<std::uint64_t> _framesQueued{0}, _dropped{0};

  std::mutex _mutex;
  std::vector<Order> _orders;  // with _mutex
  bool _closed = false;        // with _mutex

  // The thread's own.
  std::unordered_map<std::uint64_t, std::shared_ptr<Slot>> _slots;
  std::unordered_map<std::string, std::unordered_set<Slot*>> _topics;
  std::vector<Slot*> _dirty;
  std::vector<std::uint64_t> _dead;
  std::string _scratch;
  Frame _heartbeat;
};

}  // namespace dispatch::http

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace dispatch::plugin {

/// How a worker process ended.
struct WorkerEnd {
  int signal = 0;  ///< SIGSEGV, …; 0 = it exited by itself
  int code = 0;    ///< its exit code, where signal is 0
};

/// Hears of one worker process. All on the keeper's thread, in short functions that wait for nothing.
class WorkerEar {
 public:
  virtual ~WorkerEar() = default;
  /// A message waits on the control socket; the process wrote to its standard output or error. False: there
  /// is nothing more to come.
  virtual bool controlReadable() = 0;
  virtual bool outputReadable() = 0;
  virtual void ended(WorkerEnd end) = 0;
};

/// The one thread that starts worker processes and hears of their ends. It lasts as long as they do: the
/// kernel ends a worker when the *thread* that started it ends (PR_SET_PDEATHSIG).
class WorkerKeeper {
 public:
  WorkerKeeper();
  ~WorkerKeeper();
  WorkerKeeper(const WorkerKeeper&) = delete;
  WorkerKeeper& operator=(const WorkerKeeper&) = delete;

  struct Start {
    std::string program, name;  ///< `name` is what ps shows beside it
    int control = -1, library = -1,
        output = -1;  ///< become descriptors 3, 4, and 1 and 2; the caller keeps its own
  };
  struct Started {
    int process = -1;
    int handle = -1;  ///< pidfd, the caller's
  };
  /// Throws Problem(unavailable) with what the system said.
  Started start(const Start& start);

  /// From now on `ear` hears of these descriptors, which stay open until forget() has returned.
  void listen(const std::shared_ptr<WorkerEar>& ear, int control, int output, int handle, int process);
  void forget(const WorkerEar& ear);

 private:
  /// The thread's own: it goes on where the last that holds the keeper is let go of by the thread itself.
  struct State;
  void onThread(const std::function<void()>& task);  ///< runs it there and waits for its end

  std::shared_ptr<State> _state;
  std::thread _thread;
};

}  // namespace dispatch::plugin

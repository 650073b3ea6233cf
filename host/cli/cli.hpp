// The program: one `dispatch` that is server and command line. Commands that touch data run inside the
// running server, through its control socket, or else in the process at hand.
#pragma once

namespace dispatch::cli {

/// Exit codes: 0 done, 1 refused or failed (the reason is on standard error), 2 the command line itself is
/// wrong.
int runProgram(int argc, char** argv);

}  // namespace dispatch::cli

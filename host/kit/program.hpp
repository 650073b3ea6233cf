#pragma once

namespace dispatch::kit {

/// The whole program: reads the command line, does what it says, prints. Answers its exit code: 0 done, 1
/// refused or something failed, 2 wrong command line.
int runProgram(int argc, char** argv);

}  // namespace dispatch::kit

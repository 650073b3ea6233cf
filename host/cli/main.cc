#include "cli/cli.hpp"

int main(int argc, char** argv) { return dispatch::cli::runProgram(argc, argv); }

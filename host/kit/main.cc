#include "kit/kit.hpp"

int main(int argc, char** argv) { return dispatch::kit::runProgram(argc, argv); }

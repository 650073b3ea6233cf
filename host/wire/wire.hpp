// What the host and a worker say to each other: frames over a socket, bodies in shared memory, and one codec
// for both directions, made from one table of the ABI's functions. The host sees a worker as hostile: it
// copies once, then checks, and trusts no offset, length or handle from there. Needs nothing but the ABI's
// headers, for a worker must start fast.
#pragma once

#include "wire/codec.hpp"
#include "wire/frame.hpp"
#include "wire/functions.hpp"
#include "wire/setup.hpp"
#include "wire/slot.hpp"
#include "wire/spin.hpp"

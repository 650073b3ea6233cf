// What every room of the host shares: the error a caller can act on, JSON, time and random identifiers.
#pragma once

#include "base/json.hpp"
#include "base/problem.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "base/utf8.hpp"

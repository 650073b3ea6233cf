// Durable steps: the engine that calls plugins for a subject (an incident), one recorded step at a time, and
// goes on after any crash. Knows plugin types and methods, and nothing of what an incident is: the rooms
// above bind their meaning to step keys.
#pragma once

#include "flow/definition.hpp"
#include "flow/engine.hpp"

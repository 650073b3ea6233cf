// The plugin author's tool, `dispatch-plugin`: makes a project, holds a package to what the server expects of
// it, signs it, tells what a new version breaks, calls single methods, and records and replays their HTTP. It
// stands on the server's own loader and worker.
#pragma once

#include "kit/behaviour.hpp"
#include "kit/contained.hpp"
#include "kit/difference.hpp"
#include "kit/program.hpp"
#include "kit/project.hpp"
#include "kit/record_call.hpp"
#include "kit/recorded_cases.hpp"
#include "kit/report.hpp"
#include "kit/sample.hpp"
#include "kit/signing.hpp"

// Plugins that look outside by themselves (dispatch.source/1): when each is asked, by which server, and where
// it goes on.
#pragma once

#include "source/cursors.hpp"
#include "source/poller.hpp"

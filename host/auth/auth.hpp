// Who is asking, and what they may do: accounts and passwords, sessions, bearer tokens, login through
// auth-provider plugins, roles. The provider proves who; this room owns what follows.
#pragma once

#include "auth/accounts.hpp"
#include "auth/login.hpp"
#include "auth/login_links.hpp"
#include "auth/principal.hpp"
#include "auth/sessions.hpp"

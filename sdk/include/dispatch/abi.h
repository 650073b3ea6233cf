/* Dispatch plugin ABI, major version 1 (draft: see DISPATCH_ABI_STATUS).
 *
 * This header and those it includes are everything that crosses between the host and a plugin. C++ authors use
 * <dispatch/sdk.hpp>, which is built on it; authors in C, Rust or Zig use it as it is.
 *
 * The rules
 *
 *  1. C99 with <stddef.h> and <stdint.h> only. Fixed-width types; no bool, enum, long, bit-field, time_t or varargs.
 *     Pointers are 64 bits wide.
 *  2. The first member of every struct is `uint32_t struct_size`, set by whoever makes the struct. A member exists on
 *     the peer if and only if its struct_size reaches past it; a function exists if and only if it is also not NULL
 *     (DISPATCH_HAS). Structs only grow, at the end, and have no tail padding: a later field would sit in the old
 *     padding and look present. tests/abi holds every offset.
 *  3. Services and interfaces are looked up by an id with an integer revision, "dispatch.log/1". A changed meaning is a
 *     new id. A draft's id does not say so: promotion must not change a byte.
 *  4. abi_minor and build_info are for diagnosis. What refuses a load is: ELF class or machine, the query symbol missing, a
 *     required service absent, a sanitizer on one side only, or a query table that disagrees with the manifest.
 *  5. A dispatch_status is an open set: an unknown value is a failure, and for authentication a denial. A set of values
 *     that is passed *into* a plugin never grows.
 *  6. Never across: exceptions, C++ or STL types, RTTI, FILE*, thread-local storage, ownership of memory, errno, locale,
 *     signal handlers, longjmp, a pointer without a stated owner and lifetime, text that depends on a final NUL.
 *  7. Nobody frees what the other side allocated. Inputs are borrowed for the duration of the call. Outputs live in
 *     the call's arena (dispatch_call.alloc), which the host frees after it has read them. What lives longer is an
 *     opaque handle with its own destroy or close. Secrets go into host buffers (dispatch_secret_sink), never the arena.
 *  8. An error is a status, with its sentence given to dispatch_call.fail. A plugin keeps no "last error".
 *  9. Every function states its threads:
 *       [control]      one at a time per instance, may block until the call's deadline;
 *       [call-thread]  any thread of the host, at most max_concurrency of the manifest at once (1: the host serialises);
 *       [any-thread]   any thread, the plugin's own included, at any time between create and destroy.
 *
 * The life of an instance: loaded -> created -> started -> draining -> stopped -> destroyed. `create` may be called many
 * times per library. `start` may fail and be tried again. `drain` is idempotent. `destroy` is legal from every state.
 */
#ifndef DISPATCH_ABI_H
#define DISPATCH_ABI_H

#include "dispatch/abi/types.h"
#include "dispatch/abi/call.h"
#include "dispatch/abi/plugin.h"
#include "dispatch/abi/integration.h"
#include "dispatch/abi/auth.h"
#include "dispatch/abi/secret.h"
#include "dispatch/abi/webhook.h"
#include "dispatch/abi/source.h"
#include "dispatch/abi/service_log.h"
#include "dispatch/abi/service_clock.h"
#include "dispatch/abi/service_http.h"
#include "dispatch/abi/service_stream.h"
#include "dispatch/abi/service_crypto.h"
#include "dispatch/abi/service_kv.h"
#include "dispatch/abi/service_directory.h"
#include "dispatch/abi/service_credential.h"
#include "dispatch/abi/service_event.h"
#include "dispatch/abi/service_metric.h"
#include "dispatch/abi/service_exec.h"
#include "dispatch/abi/service_audit.h"

#endif

/* "dispatch.source/1": for plugins that look outside by themselves, where nobody sends a webhook. The host asks, in its time
 * and from one server at once; what the plugin found it tells through dispatch.event/1. */
#ifndef DISPATCH_ABI_SOURCE_H
#define DISPATCH_ABI_SOURCE_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_SOURCE_1 "dispatch.source/1"

/* Answered by the plugin; what it points at lies in the call's arena. */
typedef struct dispatch_source_result {
  uint32_t struct_size;
  uint32_t more;        /* 1: there is more already, or a connection is to be kept open: asked again at once */
  dispatch_str cursor;  /* where to go on: UTF-8, up to 64 KiB, of any form; may be empty */
  uint64_t next_poll_ms; /* when to be asked again, without `more`: 1,000 to 86,400,000; 0: after 60 s */
} dispatch_source_result;

typedef struct dispatch_source_1 {
  uint32_t struct_size;
  uint32_t reserved;

  /* [call-thread] Tells what came since `cursor`, which is what the last poll that ended well answered (empty: the first one, or
   * a person wants it to start over), and answers where to go on. One poll of an instance runs at a time, in all servers of an
   * installation. One that failed, or whose server was killed, is repeated from the same cursor: so what follows must be safe to
   * repeat (dispatch_event.deduplication_key). After a failure the host waits 5 s, doubled up to 10 minutes, or as long as
   * dispatch_call.fail says.
   * May wait for news until its deadline is near (timeouts_ms.poll of plugin.json, up to ten minutes) and then answer with `more`; it takes
   * one of max_concurrency meanwhile. It is cancelled where the server stops. May answer DISPATCH_PENDING. */
  dispatch_status (*poll)(dispatch_instance* instance, const dispatch_call* call, dispatch_str cursor,
                          dispatch_source_result* out);
} dispatch_source_1;

#ifdef __cplusplus
}
#endif
#endif

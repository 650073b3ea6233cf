/* "dispatch.metric/1": numbers about the plugin's work, for the operator's monitoring: GET /metrics, and the page of the plugin. */
#ifndef DISPATCH_ABI_SERVICE_METRIC_H
#define DISPATCH_ABI_SERVICE_METRIC_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_METRIC_1 "dispatch.metric/1"

/* plugin.json lists them under "metrics", each with kind, help and the names of its labels:
 * {"name": "rows_total", "kind": "counter", "help": "Rows that were read.", "labels": ["table"]}
 * The operator sees plugin_{id}_rows_total, labelled with the project and the instance as well. */
typedef struct dispatch_metric_1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [any-thread] By the metric's kind: adds `value`, 0 or more, to a "counter"; sets a "gauge"; counts an observation of a
   * "histogram". `label_values`: one for each of the metric's labels, in their order, up to 100 bytes each; few different ones,
   * for an instance keeps 100 combinations of each metric. Never fails, and waits for nobody's answer: what is not declared,
   * has other labels, is no number or is beyond those 100 is left out, with a line in the log once. */
  void (*record)(const dispatch_host* host, dispatch_str name, const dispatch_str* label_values, uint64_t label_count,
                 double value);
} dispatch_metric_1;

#ifdef __cplusplus
}
#endif
#endif

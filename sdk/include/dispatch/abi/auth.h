/* "dispatch.auth/1": proves who somebody is. The host alone sets cookies, keeps sessions, throttles, redirects and decides
 * what follows; a provider answers one question and keeps no state between calls but what it hands out as `state`. */
#ifndef DISPATCH_ABI_AUTH_H
#define DISPATCH_ABI_AUTH_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_AUTH_1 "dispatch.auth/1"

/* What a person may do with a provider; sent into plugins, so the set is closed (rule 5). */
typedef uint32_t dispatch_auth_action;
#define DISPATCH_AUTH_LOGIN ((dispatch_auth_action)1)
#define DISPATCH_AUTH_REGISTER ((dispatch_auth_action)2)
#define DISPATCH_AUTH_CHANGE_PASSWORD ((dispatch_auth_action)3)
#define DISPATCH_AUTH_CALLBACK ((dispatch_auth_action)4) /* the browser came back from a redirect */
#define DISPATCH_AUTH_LOGOUT ((dispatch_auth_action)5)
#define DISPATCH_AUTH_TOKEN ((dispatch_auth_action)6)    /* a request carried a bearer token that the host did not issue */

typedef struct dispatch_auth_request {
  uint32_t struct_size;
  dispatch_auth_action action;
  dispatch_str organization; /* slug from the path */
  dispatch_str base_url;     /* scheme://host[:port] as the browser sees it */
  dispatch_str peer_address; /* after trusted proxies */
  dispatch_str fields_json;  /* LOGIN/REGISTER/CHANGE_PASSWORD: the submitted form; CALLBACK: query parameters;
                                TOKEN: {"token": …} */
  dispatch_str headers_json; /* the request headers that the manifest asked for, [[name, value], …] in order */
  dispatch_str state;        /* CALLBACK: what the provider gave with its redirect; bound to this browser, used once */
  dispatch_str subject;      /* CHANGE_PASSWORD, LOGOUT: who is logged in */
} dispatch_auth_request;

/* Answered by plugins; anything but IDENTITY, REDIRECT, FORM and CHALLENGE denies. */
typedef uint32_t dispatch_auth_kind;
#define DISPATCH_AUTH_DENY ((dispatch_auth_kind)0)
#define DISPATCH_AUTH_IDENTITY ((dispatch_auth_kind)1)
#define DISPATCH_AUTH_REDIRECT ((dispatch_auth_kind)2)
#define DISPATCH_AUTH_FORM ((dispatch_auth_kind)3)      /* show this form, submit it with the same action */
#define DISPATCH_AUTH_CHALLENGE ((dispatch_auth_kind)4) /* the same, after a first factor that was right */

typedef struct dispatch_auth_result {
  uint32_t struct_size;
  dispatch_auth_kind kind;
  dispatch_str issuer;  /* IDENTITY: (issuer, subject) is the identity; the host never matches by e-mail alone */
  dispatch_str subject;
  dispatch_str email;
  dispatch_str name;
  dispatch_str claims_json;    /* raw claims for the mapping preview; no tokens */
  uint32_t email_verified;     /* 1 only if the provider proved it */
  uint32_t authentication_age; /* seconds since the person proved it; 0 = just now */
  dispatch_str redirect_url;   /* REDIRECT */
  dispatch_str state;          /* REDIRECT, FORM, CHALLENGE: opaque, up to 4 KiB, kept by the host */
  dispatch_str form_json;      /* FORM, CHALLENGE: JSON Schema of the fields */
  dispatch_str message;        /* DENY: for the person; the reason for the log goes to dispatch_call.fail */
  dispatch_str field;          /* DENY: the field of the form that is to blame, or empty */
} dispatch_auth_result;

typedef struct dispatch_auth_1 {
  uint32_t struct_size;
  uint32_t reserved;

  /* [call-thread] What the login page needs, as JSON: {"title", "actions": ["login", "register", …],
   * "forms": {"login": JSON Schema, …}}; an action without a form begins by a redirect. */
  dispatch_status (*describe)(dispatch_instance* instance, const dispatch_call* call, dispatch_str* out);

  /* [call-thread] Every status but DISPATCH_OK denies, whatever `out` says. */
  dispatch_status (*authenticate)(dispatch_instance* instance, const dispatch_call* call,
                                  const dispatch_auth_request* request, dispatch_auth_result* out);
} dispatch_auth_1;

#ifdef __cplusplus
}
#endif
#endif

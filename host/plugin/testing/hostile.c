/* A plugin that tries what it must not: {"what": "…"}. It answers with what the system said ("denied" for
 * EPERM and EACCES), or ends its process. */
#define _GNU_SOURCE
#include <dispatch/abi.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

struct dispatch_instance {
  const dispatch_host* host;
  char config[4096];
};

static dispatch_str str(const char* text) {
  dispatch_str s = {text, strlen(text)};
  return s;
}

static volatile int forever = 1;

static int overflow(volatile char* above) {
  volatile char here[65536];
  memset((void*)here, 1, sizeof here);
  return (forever ? overflow(here) : 0) + here[17] + (above ? above[0] : 0);
}

static void* nothing(void* unused) {
  for (;;) pause();
  return unused;
}

static long open_file(const char* path, int flags) {
  int fd = open(path, flags, 0600);
  return fd < 0 ? -1 : 0;
}

static long connect_to(int family, int type) {
  int fd = socket(family, type, 0);
  if (fd < 0) return -1;
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(22), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  return connect(fd, (struct sockaddr*)&address, sizeof address);
}

static long run_program(void) {
  char* arguments[] = {"/bin/true", NULL};
  return execve("/bin/true", arguments, NULL);
}

static long threads(void) {
  long made = 0;
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  while (made < 100000 && pthread_create(&thread, &attributes, nothing, NULL) == 0) ++made;
  return made;
}

static dispatch_status attempt(dispatch_instance* self, const dispatch_call* call, const char* what,
                               dispatch_str* out) {
  char text[512];
  long result = -2;
  errno = 0;
  if (strcmp(what, "nothing") == 0) result = 0;
  if (strcmp(what, "open_shadow") == 0) result = open_file("/etc/shadow", O_RDONLY);
  if (strcmp(what, "open_passwd") == 0) result = open_file("/etc/passwd", O_RDONLY);
  if (strcmp(what, "write_file") == 0) result = open_file("/tmp/dispatch-hostile", O_WRONLY | O_CREAT);
  if (strcmp(what, "unlink") == 0) result = unlink("/tmp/dispatch-victim");
  if (strcmp(what, "mkdir") == 0) result = mkdirat(AT_FDCWD, "/tmp/dispatch-hostile-dir", 0700);
  if (strcmp(what, "connect") == 0) result = connect_to(AF_INET, SOCK_STREAM);
  if (strcmp(what, "connect_udp") == 0) result = connect_to(AF_INET, SOCK_DGRAM);
  if (strcmp(what, "unix_socket") == 0) result = connect_to(AF_UNIX, SOCK_STREAM);
  if (strcmp(what, "exec") == 0) result = run_program();
  if (strcmp(what, "fork") == 0) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    result = child < 0 ? -1 : 0;
  }
  if (strcmp(what, "vfork") == 0) result = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0 ? -1 : 0;
  if (strcmp(what, "ptrace_host") == 0) result = ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
  if (strcmp(what, "kill_host") == 0) result = kill(getppid(), SIGKILL);
  if (strcmp(what, "tgkill_host") == 0) result = syscall(SYS_tgkill, getppid(), getppid(), SIGKILL);
  if (strcmp(what, "read_host") == 0) {
    char byte;
    struct iovec here = {&byte, 1}, there = {(void*)(uintptr_t)0x400000, 1};
    result = process_vm_readv(getppid(), &here, 1, &there, 1, 0);
  }
  if (strcmp(what, "executable_memory") == 0)
    result =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
            ? -1
            : 0;
  if (strcmp(what, "dumpable") == 0) result = prctl(PR_SET_DUMPABLE, 1);
  if (strcmp(what, "silence_reports") == 0) {
    struct sigaction action = {.sa_handler = SIG_IGN};
    result = sigaction(SIGSYS, &action, NULL);
  }
  if (strcmp(what, "unshare") == 0) result = unshare(CLONE_NEWUSER);
  if (strcmp(what, "raise_limits") == 0) {
    result = syscall(SYS_prlimit64, 0, 7, "\x00\x10\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00",
                     NULL);
  }
  if (strcmp(what, "environment") == 0) {
    extern char** environ;
    result = environ == NULL || environ[0] == NULL ? 0 : 1;
  }
  if (strcmp(what, "uid") == 0) result = getuid();
  if (strcmp(what, "maps") == 0) result = open_file("/proc/self/maps", O_RDONLY);
  if (strcmp(what, "threads") == 0) result = threads();
  if (strcmp(what, "stdout") == 0) {
    printf("a line on standard output\n");
    fflush(stdout);
    fprintf(stderr, "and one on standard error\n");
    result = 0;
  }
  if (strcmp(what, "allocate") == 0) {
    size_t total = 0;
    while (total < (size_t)4 << 30) {
      char* piece = malloc(64 << 20);
      if (piece == NULL) break;
      memset(piece, 1, 64 << 20);
      total += 64 << 20;
    }
    result = (long)(total >> 20);
  }
  if (strcmp(what, "leak_descriptors") == 0) {
    result = 0;
    while (result < 100000 && dup(0) >= 0) ++result;
  }
  if (strcmp(what, "foreign_kv") == 0) {
    const dispatch_kv_1* kv = self->host->service(self->host, str(DISPATCH_KV_1));
    dispatch_str found = {NULL, 0};
    dispatch_status status = kv->get(self->host, call, str("../8/secret"), &found);
    result = status == DISPATCH_ERR_DENIED ? -1 : 0;
    errno = EPERM;
  }
  if (strcmp(what, "ungranted_service") == 0) {
    result = self->host->service(self->host, str(DISPATCH_HTTP_1)) == NULL ? -1 : 0;
    errno = EPERM;
  }
  if (strcmp(what, "repeat") == 0)
    for (int i = 0; i < 600; ++i) result = syscall(SYS_getpgid, 0);
  if (strcmp(what, "abort") == 0) abort();
  if (strcmp(what, "segfault") == 0) *(volatile int*)0 = 1;
  if (strcmp(what, "overflow") == 0) result = overflow(NULL);
  if (strcmp(what, "exit") == 0) exit(3);
  if (strcmp(what, "hang") == 0)
    for (;;) sched_yield();
  if (strcmp(what, "garbage") == 0) {
    /* Nonsense on every socket that it was given. */
    char bytes[200];
    memset(bytes, 0x7f, sizeof bytes);
    for (int fd = 3; fd < 16; ++fd)
      for (int i = 0; i < 20; ++i)
        if (write(fd, bytes, sizeof bytes) < 0) break;
    result = 0;
  }
  if (strcmp(what, "shrink_slot") == 0) {
    result = -1;
    for (int fd = 3; fd < 16; ++fd)
      if (ftruncate(fd, 0) == 0) result = 0;
  }
  snprintf(text, sizeof text, "{\"ok\":true,\"result\":%ld,\"error\":\"%s\"}", result,
           result != -1                                           ? ""
           : errno == EPERM || errno == EACCES || errno == EINVAL ? "denied"
                                                                  : strerror(errno));
  char* bytes = call->alloc(call, strlen(text), 1);
  if (bytes == NULL) return DISPATCH_ERR_LIMIT;
  memcpy(bytes, text, strlen(text));
  out->ptr = bytes;
  out->len = strlen(text);
  return DISPATCH_OK;
}

static dispatch_status invoke(dispatch_instance* self, const dispatch_call* call, dispatch_str method,
                              dispatch_str in, dispatch_str* out) {
  char what[64] = "";
  (void)method;
  for (uint64_t i = 0; i + 8 < in.len; ++i) {
    if (memcmp(in.ptr + i, "\"what\":\"", 8) != 0) continue;
    size_t n = 0;
    for (i += 8; i < in.len && in.ptr[i] != '"' && n + 1 < sizeof what; ++i) what[n++] = in.ptr[i];
    what[n] = '\0';
  }
  return attempt(self, call, what, out);
}

/* One is repeated by the host where its worker ended, the other is not. */
static const dispatch_method do_method = {
    sizeof(dispatch_method), DISPATCH_EFFECT_AT_MOST_ONCE, 1, 0, {"do", 2}};
static const dispatch_method look_method = {sizeof(dispatch_method), DISPATCH_EFFECT_READ, 1, 0, {"look", 4}};
static const dispatch_method* const methods[] = {&do_method, &look_method};
static const dispatch_integration_1 integration = {sizeof(dispatch_integration_1), 2, methods, invoke};

static dispatch_status create(const dispatch_host* host, const dispatch_call* call, dispatch_str config,
                              dispatch_instance** out) {
  dispatch_instance* made = calloc(1, sizeof *made);
  if (made == NULL) return call->fail(call, DISPATCH_ERR_LIMIT, str("no memory"), 0);
  made->host = host;
  if (config.len < sizeof made->config) memcpy(made->config, config.ptr, config.len);
  *out = made;
  return DISPATCH_OK;
}
static void destroy(dispatch_instance* instance) { free(instance); }

static const void* get_interface(dispatch_instance* instance, dispatch_str id) {
  (void)instance;
  return id.len == strlen(DISPATCH_INTEGRATION_1) && memcmp(id.ptr, DISPATCH_INTEGRATION_1, id.len) == 0
             ? &integration
             : NULL;
}

#ifdef HOSTILE_CONSTRUCTOR
/* Runs inside dlopen, before anybody has looked at what the library says. */
__attribute__((constructor)) static void early(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd >= 0) close(fd);
  fd = open("/etc/passwd", O_RDONLY);
  if (fd >= 0) abort();
}
#endif

static const dispatch_plugin_v1 table = {sizeof(dispatch_plugin_v1),
                                         0,
                                         {"hostile", 7},
                                         {"1.0.0", 5},
                                         {"c", 1},
                                         create,
                                         NULL,
                                         NULL,
                                         NULL,
                                         NULL,
                                         destroy,
                                         get_interface};

__attribute__((visibility("default"))) const dispatch_plugin_v1* dispatch_plugin_query_v1(void) {
  return &table;
}

#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Runs in the child of vfork, in the parent's memory, while the parent's thread waits: system calls only, no
// allocation, and nothing written but what is its own. Returns an errno.
static int become_program(const struct portside_spawn *request, pid_t parent) {
  if (request->death_signal) {
    if (prctl(PR_SET_PDEATHSIG, request->death_signal) < 0) return errno;
    // The parent may have ended before the line above: then nobody would ever send the signal.
    if (getppid() != parent) return ESRCH;
  }
  struct sigaction standard;
  memset(&standard, 0, sizeof standard);
  standard.sa_handler = SIG_DFL;
  // A handler must not run in memory that is the parent's, so signals stay blocked until all are reset.
  for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, NULL) < 0) return errno;
  // A session of its own: Ctrl-C at the terminal is the supervisor's to judge.
  setsid();

  // First out of the way, then into place: a target may be another one's source.
  int moved[PORTSIDE_DESCRIPTORS_MAX];
  for (int index = 0; index < request->descriptor_count; index++) {
    moved[index] = fcntl(request->descriptors[index], F_DUPFD_CLOEXEC, request->descriptor_count);
    if (moved[index] < 0) return errno;
  }
  for (int index = 0; index < request->descriptor_count; index++) {
    if (dup2(moved[index], index) < 0) return errno;
  }
  if (syscall(SYS_close_range, (unsigned)request->descriptor_count, ~0U, 0) < 0) return errno;
  execve(request->path, request->arguments, request->environment);
  return errno;
}

__attribute__((noinline)) pid_t portside_spawn(const struct portside_spawn *request) {
  if (request->descriptor_count < 0 || request->descriptor_count > PORTSIDE_DESCRIPTORS_MAX) return -EINVAL;
  sigset_t all, before;
  sigfillset(&all);
  int failed = pthread_sigmask(SIG_SETMASK, &all, &before);
  if (failed) return -failed;
  pid_t parent = getpid();
  volatile int failure = 0;
  pid_t child = vfork();
  if (child == 0) {
    failure = become_program(request, parent);
    _exit(127);
  }
  int vfork_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (child < 0) return -vfork_error;
  if (failure) {
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    return -failure;
  }
  return child;
}

int portside_open_process(pid_t process) {
  // Close-on-exec by itself.
  long descriptor = syscall(SYS_pidfd_open, process, 0);
  return descriptor < 0 ? -errno : (int)descriptor;
}

int portside_reap(int process_descriptor, int *exit_code, int *signal_number) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  int result;
  do {
    result = waitid(P_PIDFD, (id_t)process_descriptor, &info, WEXITED | WNOHANG);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return -errno;
  if (info.si_pid == 0) return 0;
  *exit_code = info.si_code == CLD_EXITED ? info.si_status : 0;
  *signal_number = info.si_code == CLD_EXITED ? 0 : info.si_status;
  return 1;
}

int portside_die_with_parent(pid_t parent, int death_signal) {
  if (prctl(PR_SET_PDEATHSIG, death_signal) < 0) return -errno;
  return getppid() == parent ? 0 : -ESRCH;
}

void portside_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

// A handler has no argument of ours, so this is the one global: where the bytes go.
static volatile sig_atomic_t signal_descriptor = -1;

static void write_signal(int number) {
  int saved = errno;
  unsigned char byte = (unsigned char)number;
  // A full pipe holds earlier signals that wake the reader just as well.
  ssize_t ignored = write(signal_descriptor, &byte, 1);
  (void)ignored;
  errno = saved;
}

int portside_watch_signals(const int *signals, int count, int descriptor) {
  signal_descriptor = descriptor;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = write_signal;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  for (int index = 0; index < count; index++) {
    if (sigaction(signals[index], &action, NULL) < 0) return -errno;
  }
  return 0;
}

void portside_unwatch_signals(const int *signals, int count) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  for (int index = 0; index < count; index++) sigaction(signals[index], &action, NULL);
  signal_descriptor = -1;
}

union control {
  struct cmsghdr header;
  char room[CMSG_SPACE(PORTSIDE_DESCRIPTORS_MAX * sizeof(int))];
};

ssize_t portside_send(int socket, const void *bytes, size_t length, const int *descriptors, size_t count, int flags) {
  if (count > PORTSIDE_DESCRIPTORS_MAX) return -EINVAL;
  union control control;
  memset(&control, 0, sizeof control);
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (count) {
    message.msg_control = control.room;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
  }
  ssize_t sent;
  do {
    sent = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

ssize_t portside_receive(int socket, void *bytes, size_t capacity, int *descriptors, size_t *count, int flags) {
  union control control;
  struct iovec part = {.iov_base = bytes, .iov_len = capacity};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
  *count = 0;
  ssize_t received;
  do {
    received = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return -errno;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t held = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    if (held > PORTSIDE_DESCRIPTORS_MAX - *count) held = PORTSIDE_DESCRIPTORS_MAX - *count;
    memcpy(descriptors + *count, CMSG_DATA(header), held * sizeof(int));
    *count += held;
  }
  if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
    for (size_t index = 0; index < *count; index++) close(descriptors[index]);
    *count = 0;
    return -EMSGSIZE;
  }
  return received;
}

int portside_peer(int socket, pid_t *process, uid_t *user) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -errno;
  *process = peer.pid;
  *user = peer.uid;
  return 0;
}

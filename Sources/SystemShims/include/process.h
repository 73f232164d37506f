/// Processes: spawning with inherited descriptors, descriptor passing, signals as bytes, confinement.
///
/// Every function returns a negative errno on failure, unless it says otherwise.
#ifndef PORTSIDE_PROCESS_H
#define PORTSIDE_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Most descriptors that one message carries (SCM_MAX_FD of the kernel), and that one child inherits.
#define PORTSIDE_DESCRIPTORS_MAX 253

/// A program to start.
struct portside_spawn {
  const char *path;
  /// Ends with NULL, as execve(2) wants it; `environment` as well.
  char *const *arguments;
  char *const *environment;
  /// descriptors[i] of this process becomes descriptor i of the child. It inherits no other.
  const int *descriptors;
  int descriptor_count;
  /// What the child is sent when the *thread* that spawned it ends (PR_SET_PDEATHSIG), or 0.
  int death_signal;
};

/// Starts a program in a session of its own, with default signal handling, without copying this process (vfork).
/// Returns the process id; a failure of exec itself is returned here as well.
pid_t portside_spawn(const struct portside_spawn *request);

/// A descriptor that becomes readable when the child ends (pidfd_open).
int portside_open_process(pid_t process);

/// Takes the result of an ended child: 1 with its exit code or the signal that ended it (the other one is 0),
/// 0 when it still runs.
int portside_reap(int process_descriptor, int *exit_code, int *signal_number);

/// Has this process sent `death_signal` when its parent's spawning thread ends; -ESRCH when the parent is gone already.
/// Again after a change of user: the kernel forgets it then.
int portside_die_with_parent(pid_t parent, int death_signal);

/// From here on these signals of this process arrive as bytes (the signal's number) at `descriptor`, which must be
/// non-blocking. One watcher a process.
int portside_watch_signals(const int *signals, int count, int descriptor);
/// Gives the signals their default handling again.
void portside_unwatch_signals(const int *signals, int count);

/// Sends one message with descriptors over a Unix socket. `flags` as in sendmsg(2); MSG_NOSIGNAL is added.
ssize_t portside_send(int socket, const void *bytes, size_t length, const int *descriptors, size_t count, int flags);

/// Receives one message, and its descriptors as close-on-exec. -EMSGSIZE when bytes or descriptors did not fit: those
/// that came are closed again.
ssize_t portside_receive(int socket, void *bytes, size_t capacity, int *descriptors, size_t *count, int flags);

/// Who connected a Unix socket (SO_PEERCRED).
int portside_peer(int socket, pid_t *process, uid_t *user);

/// Becomes this user and group, without other groups; keeps the permitted capabilities (PR_SET_KEEPCAPS).
int portside_become(uid_t user, gid_t group);

/// Takes all but `kept` (a bit per capability number) out of the bounding set. Without CAP_SETPCAP: -EPERM.
int portside_bound_capabilities(uint64_t kept);

/// Makes `kept`, as far as it is permitted, the permitted and effective set, and empties the inheritable and the
/// ambient one. Stores what is left in `held`.
int portside_keep_capabilities(uint64_t kept, uint64_t *held);

/// Names the calling thread, with 15 bytes at most; the main thread's name is what ps(1) shows.
void portside_name_thread(const char *name);

/// PR_SET_NO_NEW_PRIVS: no set-user-ID program gives privileges to this thread and what it starts.
int portside_no_new_privileges(void);

/// No core dumps, no ptrace and no /proc/PID/mem by others of the same user.
int portside_not_dumpable(void);

/// The kernel's Landlock ABI, 1 and up.
int portside_landlock_abi(void);
/// A rule set that forbids these actions, but for what is added to it.
int portside_landlock_create(uint64_t files, uint64_t network, uint64_t scoped);
/// Permits actions on what is beneath `path` when it is a folder, otherwise (`file_access`) on the file.
int portside_landlock_path(int rules, const char *path, uint64_t access, uint64_t file_access);
/// Permits actions on a TCP port.
int portside_landlock_port(int rules, uint16_t port, uint64_t access);
/// Puts the rules in force for the calling thread and those that it starts.
int portside_landlock_restrict(int rules);

/// Forbids what no worker needs (mount, ptrace, kernel modules, bpf, namespaces …) with EPERM, for all threads of the
/// process; without `may_spawn` also new processes and execve. Needs no_new_privs.
int portside_seccomp(int may_spawn);

#endif

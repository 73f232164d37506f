#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process.h"

int portside_become(uid_t user, gid_t group) {
  if (prctl(PR_SET_KEEPCAPS, 1) < 0) return -errno;
  if (setgroups(1, &group) < 0) return -errno;
  if (setresgid(group, group, group) < 0) return -errno;
  if (setresuid(user, user, user) < 0) return -errno;
  return prctl(PR_SET_KEEPCAPS, 0) < 0 ? -errno : 0;
}

int portside_bound_capabilities(uint64_t kept) {
  for (int number = 0; number < 64; number++) {
    if (kept >> number & 1) continue;
    // 0 or an error: dropped already, or beyond the last one that the kernel has.
    if (prctl(PR_CAPBSET_READ, number) <= 0) continue;
    if (prctl(PR_CAPBSET_DROP, number) < 0) return -errno;
  }
  return 0;
}

int portside_keep_capabilities(uint64_t kept, uint64_t *held) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2];
  memset(data, 0, sizeof data);
  // Not every kernel has ambient capabilities; the empty inheritable set below ends them anyway.
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (syscall(SYS_capget, &header, data) < 0) return -errno;
  for (int half = 0; half < 2; half++) {
    data[half].permitted &= (uint32_t)(kept >> (32 * half));
    data[half].effective = data[half].permitted;
    data[half].inheritable = 0;
  }
  if (syscall(SYS_capset, &header, data) < 0) return -errno;
  *held = (uint64_t)data[1].permitted << 32 | data[0].permitted;
  return 0;
}

int portside_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0; }

int portside_not_dumpable(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0; }

// The kernel's headers of the machine that builds may be older than the kernel that runs: the structure is ours.
struct rules {
  uint64_t files;
  uint64_t network;
  uint64_t scoped;
};

struct port_rule {
  uint64_t access;
  uint64_t port;
};

int portside_landlock_abi(void) {
  long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi < 0 ? -errno : (int)abi;
}

int portside_landlock_create(uint64_t files, uint64_t network, uint64_t scoped) {
  struct rules rules = {.files = files, .network = network, .scoped = scoped};
  // Fields that an older kernel lacks are zero then, which it accepts. The descriptor is close-on-exec.
  long descriptor = syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
  return descriptor < 0 ? -errno : (int)descriptor;
}

int portside_landlock_path(int rules, const char *path, uint64_t access, uint64_t file_access) {
  int place = open(path, O_PATH | O_CLOEXEC);
  if (place < 0) return -errno;
  struct stat status;
  int result = fstat(place, &status) < 0 ? -errno : 0;
  if (result == 0) {
    struct landlock_path_beneath_attr rule = {
        .allowed_access = S_ISDIR(status.st_mode) ? access : file_access, .parent_fd = place};
    if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0) result = -errno;
  }
  close(place);
  return result;
}

int portside_landlock_port(int rules, uint16_t port, uint64_t access) {
  struct port_rule rule = {.access = access, .port = port};
  // 2 is LANDLOCK_RULE_NET_PORT (ABI 4).
  return syscall(SYS_landlock_add_rule, rules, 2, &rule, 0) < 0 ? -errno : 0;
}

int portside_landlock_restrict(int rules) {
  return syscall(SYS_landlock_restrict_self, rules, 0) < 0 ? -errno : 0;
}

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the seccomp filter does not know this architecture's number"
#endif

// What no worker needs and what attacks on the kernel start with.
static const int denied[] = {
    // File systems.
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount,
    SYS_fspick, SYS_open_tree, SYS_swapon, SYS_swapoff, SYS_quotactl, SYS_open_by_handle_at, SYS_fanotify_init,
#ifdef SYS_mount_setattr
    SYS_mount_setattr,
#endif
    // Other processes.
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_pidfd_getfd, SYS_setns, SYS_unshare,
    // The kernel and the machine.
    SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_reboot, SYS_bpf,
    SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_keyctl,
    SYS_add_key, SYS_request_key, SYS_acct, SYS_syslog, SYS_personality, SYS_vhangup, SYS_sethostname,
    SYS_setdomainname, SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex,
#if defined(__x86_64__)
    SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat, SYS_sysfs,
#endif
};

static const int denied_without_spawn[] = {
    SYS_execve, SYS_execveat,
#if defined(__x86_64__)
    SYS_fork, SYS_vfork,
#endif
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LOAD(field) (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (field))
#define RETURN(value) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, (value))
#define IF(test, value, yes, no) (struct sock_filter) BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), (yes), (no))
#define REFUSE(error) RETURN(SECCOMP_RET_ERRNO | (error))

int portside_seccomp(int may_spawn) {
  struct sock_filter filter[2 * (COUNT(denied) + COUNT(denied_without_spawn)) + 20];
  size_t length = 0;
  // Another architecture's calls have other numbers: none of them may run past the list.
  filter[length++] = LOAD(offsetof(struct seccomp_data, arch));
  filter[length++] = IF(BPF_JEQ, NATIVE_ARCHITECTURE, 1, 0);
  filter[length++] = RETURN(SECCOMP_RET_KILL_PROCESS);
  filter[length++] = LOAD(offsetof(struct seccomp_data, nr));
#if defined(__x86_64__)
  // The x32 calls share the architecture's number.
  filter[length++] = IF(BPF_JGE, 0x40000000, 0, 1);
  filter[length++] = REFUSE(EPERM);
#endif
  for (size_t index = 0; index < COUNT(denied); index++) {
    filter[length++] = IF(BPF_JEQ, (unsigned)denied[index], 0, 1);
    filter[length++] = REFUSE(EPERM);
  }
  for (size_t index = 0; !may_spawn && index < COUNT(denied_without_spawn); index++) {
    filter[length++] = IF(BPF_JEQ, (unsigned)denied_without_spawn[index], 0, 1);
    filter[length++] = REFUSE(EPERM);
  }
  // A filter can't look into clone3's structure; at ENOSYS the C library takes clone, whose flags it can see.
  filter[length++] = IF(BPF_JEQ, SYS_clone3, 0, 1);
  filter[length++] = REFUSE(ENOSYS);
  filter[length++] = IF(BPF_JEQ, SYS_clone, 1, 0);
  filter[length++] = RETURN(SECCOMP_RET_ALLOW);
  // Both architectures are little-endian: the low half of the first argument, where the flags are, comes first.
  filter[length++] = LOAD(offsetof(struct seccomp_data, args));
  filter[length++] = IF(BPF_JSET,
                        CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                            CLONE_NEWNET,
                        0, 1);
  filter[length++] = REFUSE(EPERM);
  if (!may_spawn) {
    filter[length++] = IF(BPF_JSET, CLONE_THREAD, 1, 0);
    filter[length++] = REFUSE(EPERM);
  }
  filter[length++] = RETURN(SECCOMP_RET_ALLOW);

  struct sock_fprog program = {.len = (unsigned short)length, .filter = filter};
  long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  // A positive result is a thread that has another filter in force.
  return result < 0 ? -errno : result > 0 ? -EBUSY : 0;
}

#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <linux/openat2.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_how(int directory, const char *path, int flags, uint32_t mode, uint64_t resolve) {
  struct open_how how;
  memset(&how, 0, sizeof how);
  how.flags = (uint64_t)flags;
  how.mode = mode;
  how.resolve = resolve;
  long descriptor;
  do {
    descriptor = syscall(SYS_openat2, directory, path, &how, sizeof how);
  } while (descriptor < 0 && (errno == EINTR || errno == EAGAIN));
  return descriptor < 0 ? -errno : (int)descriptor;
}

int portside_open_beneath(int directory, const char *path, int flags, uint32_t mode) {
  return open_how(directory, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

int portside_open_beneath_no_links(int directory, const char *path, int flags, uint32_t mode) {
  return open_how(directory, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
}

int portside_open_from(int directory, const char *path, int flags, uint32_t mode) {
  return open_how(directory, path, flags, mode, 0);
}

static int result(long value) { return value < 0 ? -errno : 0; }

int portside_make_directory(int directory, const char *name, uint32_t mode) {
  return result(mkdirat(directory, name, mode));
}

int portside_remove_file(int directory, const char *name) { return result(unlinkat(directory, name, 0)); }

int portside_remove_directory(int directory, const char *name) {
  return result(unlinkat(directory, name, AT_REMOVEDIR));
}

int portside_rename(int directory, const char *name, int new_directory, const char *new_name, int replacing) {
  if (replacing) return result(renameat(directory, name, new_directory, new_name));
  int outcome = result(renameat2(directory, name, new_directory, new_name, RENAME_NOREPLACE));
  if (outcome != -EINVAL) return outcome;
  // A file system without RENAME_NOREPLACE.
  if (linkat(directory, name, new_directory, new_name, 0) < 0) return -errno;
  return result(unlinkat(directory, name, 0));
}

int portside_hard_link(int directory, const char *name, int new_directory, const char *new_name) {
  return result(linkat(directory, name, new_directory, new_name, 0));
}

int portside_symbolic_link(const char *target, int directory, const char *name) {
  return result(symlinkat(target, directory, name));
}

ssize_t portside_read_link(int directory, const char *name, char *target, size_t size) {
  ssize_t length = readlinkat(directory, name, target, size);
  return length < 0 ? -errno : length;
}

int portside_attributes(int directory, const char *name, struct stat *attributes) {
  return result(fstatat(directory, name, attributes, AT_SYMLINK_NOFOLLOW));
}

int portside_descriptor_attributes(int descriptor, struct stat *attributes) {
  return result(fstatat(descriptor, "", attributes, AT_EMPTY_PATH));
}

// An O_PATH descriptor takes no fchmod; its entry in /proc stands for the very file, whatever its name has become.
int portside_set_permissions(int descriptor, uint32_t mode) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  return result(chmod(path, mode));
}

int portside_set_owner(int descriptor, uint32_t user, uint32_t group) {
  return result(fchownat(descriptor, "", user, group, AT_EMPTY_PATH));
}

int portside_set_times(int descriptor, struct timespec accessed, struct timespec modified) {
  struct timespec times[2] = {accessed, modified};
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  int outcome = result(utimensat(AT_FDCWD, path, times, 0));
  if (outcome != -ELOOP) return outcome;
  // A link itself.
  return result(utimensat(descriptor, "", times, AT_EMPTY_PATH));
}

int portside_flag_path(void) { return O_PATH; }

int portside_punch_hole(int descriptor, int64_t offset, int64_t length) {
  return result(fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length));
}

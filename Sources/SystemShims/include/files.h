#ifndef PORTSIDE_FILES_H
#define PORTSIDE_FILES_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/// openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS: opens `path` below the directory `directory`, and fails with
/// EXDEV or ELOOP where a link, `..` or an absolute path would lead out. Returns the descriptor, or -errno.
int portside_open_beneath(int directory, const char *path, int flags, uint32_t mode);

/// The same, but follows no symbolic link at all (RESOLVE_NO_SYMLINKS).
int portside_open_beneath_no_links(int directory, const char *path, int flags, uint32_t mode);

/// The same without any such limit: links may lead anywhere.
int portside_open_from(int directory, const char *path, int flags, uint32_t mode);

/// Below, `name` is one name within `directory`, a descriptor that was itself opened beneath: no link is followed. Each
/// returns 0, or -errno.
int portside_make_directory(int directory, const char *name, uint32_t mode);
int portside_remove_file(int directory, const char *name);
int portside_remove_directory(int directory, const char *name);
/// Without `replacing` an existing new name is EEXIST (RENAME_NOREPLACE, or link and unlink where the system lacks it).
int portside_rename(int directory, const char *name, int new_directory, const char *new_name, int replacing);
int portside_hard_link(int directory, const char *name, int new_directory, const char *new_name);
int portside_symbolic_link(const char *target, int directory, const char *name);
/// Returns the length, or -errno.
ssize_t portside_read_link(int directory, const char *name, char *target, size_t size);
int portside_attributes(int directory, const char *name, struct stat *attributes);

/// Of what a descriptor stands for, also one that was opened with O_PATH. Each returns 0, or -errno.
int portside_descriptor_attributes(int descriptor, struct stat *attributes);
int portside_set_permissions(int descriptor, uint32_t mode);
int portside_set_owner(int descriptor, uint32_t user, uint32_t group);
int portside_set_times(int descriptor, struct timespec accessed, struct timespec modified);

/// Gives the room of a file's bytes back to the file system; they read as zeros then (fallocate(2), FALLOC_FL_PUNCH_HOLE).
int portside_punch_hole(int descriptor, int64_t offset, int64_t length);

/// O_PATH, O_NOFOLLOW and O_DIRECTORY, for Swift, which lacks the first.
int portside_flag_path(void);

#endif

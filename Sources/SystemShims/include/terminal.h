/// Programs for people who log in: pseudo-terminals, and spawning with a session and a controlling terminal of its own.
/// A threaded Swift process must not fork; the child here shares our memory until it executes (vfork) and touches nothing.
#ifndef PORTSIDE_TERMINAL_H
#define PORTSIDE_TERMINAL_H

#include <stdint.h>
#include <sys/types.h>

struct portside_program {
  /// The file to execute; no PATH is searched.
  const char *path;
  char *const *arguments;
  char *const *environment;
  /// Where it begins; NULL for where we are. When it can't be entered, the program begins in `/`.
  const char *directory;
  /// What become its descriptors 0, 1 and 2. No other is inherited.
  int input;
  int output;
  int error;
  /// Whether `input` is a terminal that shall control its session.
  int has_terminal;
  /// Whether it becomes this user and group, keeping our other groups; only root can have that.
  int changes_user;
  uid_t user;
  gid_t group;
};

/// Starts a program in a session of its own, with default signal handling. Returns its process id, or -errno.
pid_t portside_start_program(const struct portside_program *program);

/// Opens a pseudo-terminal. Returns 0, or -errno.
int portside_open_terminal(int *master, int *terminal);

/// Sets a terminal's size. Returns 0, or -errno.
int portside_set_terminal_size(int terminal, uint16_t columns, uint16_t rows, uint16_t width, uint16_t height);

/// Applies the encoded terminal modes of RFC 4254 §8; those that this system lacks are passed over. Returns 0, or -errno.
int portside_set_terminal_modes(int terminal, const uint8_t *opcodes, const uint32_t *values, int count);

#endif

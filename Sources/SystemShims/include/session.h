/// Sessions of the operating system's accounts: PAM, and the record of who is logged in. For the session helper, which runs
/// as root and has one thread.
///
/// PAM is found at run time (libpam.so.0): a system without it has sessions all the same, and the program needs nothing of it
/// to be built.
#ifndef PORTSIDE_SESSION_H
#define PORTSIDE_SESSION_H

#include <stddef.h>
#include <sys/types.h>

struct portside_pam;

/// Asks PAM whether the account may log in (account management), and opens a session for it. No password is asked for: who it
/// is has been decided before. What PAM's modules say stands in `words`, NUL-terminated.
///
/// Returns 0, -ENOSYS when there is no PAM, or -EACCES.
int portside_pam_open(const char *service, const char *user, const char *host, const char *terminal, char *words,
                      size_t capacity, struct portside_pam **session);
/// What PAM's modules have put into the environment: NAME=VALUE, ends with NULL, the caller's to keep for ever; or NULL.
char **portside_pam_environment(struct portside_pam *session);
void portside_pam_close(struct portside_pam *session);

/// Notes in utmp and wtmp that somebody has logged in at a terminal, or out. `line` is the terminal's name below /dev.
void portside_note_session(pid_t process, const char *line, const char *user, const char *host, int begins);

/// Gives this process the groups of an account and no others. Returns 0, or -errno.
int portside_take_groups(const char *user, gid_t group);

/// Gives a terminal to its user (mode 0620, group tty where there is one). Returns 0, or -errno.
int portside_give_terminal(int terminal, uid_t user, gid_t group);

#endif

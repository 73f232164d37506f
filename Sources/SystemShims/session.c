#define _GNU_SOURCE
#include "session.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utmpx.h>

// The part of PAM's interface that is needed, as security/pam_appl.h of Linux-PAM has it.
enum { SUCCESS = 0, BUFFER_ERROR = 5, CONVERSATION_ERROR = 19 };
enum { ITEM_TERMINAL = 3, ITEM_HOST = 4 };
enum { ESTABLISH_CREDENTIALS = 2, DELETE_CREDENTIALS = 4 };
enum { ERROR_MESSAGE = 3, TEXT_INFO = 4 };

struct pam_message {
  int style;
  const char *text;
};

struct pam_response {
  char *text;
  int code;
};

struct pam_conversation {
  int (*talk)(int count, const struct pam_message **messages, struct pam_response **responses, void *context);
  void *context;
};

typedef struct pam_handle pam_handle;

struct portside_pam {
  pam_handle *handle;
  struct pam_conversation conversation;
  char *words;
  size_t capacity;
  int (*close_session)(pam_handle *, int);
  int (*set_credentials)(pam_handle *, int);
  int (*end)(pam_handle *, int);
  char **(*environment)(pam_handle *);
};

// Modules may say something; they are told nothing.
static int talk(int count, const struct pam_message **messages, struct pam_response **responses, void *context) {
  struct portside_pam *session = context;
  if (count <= 0) return CONVERSATION_ERROR;
  struct pam_response *answers = calloc((size_t)count, sizeof *answers);
  if (answers == NULL) return BUFFER_ERROR;
  for (int index = 0; index < count; index++) {
    int style = messages[index]->style;
    if (style != ERROR_MESSAGE && style != TEXT_INFO) {
      free(answers);
      return CONVERSATION_ERROR;
    }
    if (session->words == NULL) continue;
    size_t used = strlen(session->words);
    snprintf(session->words + used, session->capacity - used, "%s\n", messages[index]->text);
  }
  *responses = answers;
  return SUCCESS;
}

int portside_pam_open(const char *service, const char *user, const char *host, const char *terminal, char *words,
                      size_t capacity, struct portside_pam **result) {
  words[0] = 0;
  void *library = dlopen("libpam.so.0", RTLD_NOW | RTLD_GLOBAL);
  if (library == NULL) return -ENOSYS;
  int (*start)(const char *, const char *, const struct pam_conversation *, pam_handle **) = dlsym(library, "pam_start");
  int (*set_item)(pam_handle *, int, const void *) = dlsym(library, "pam_set_item");
  int (*manage_account)(pam_handle *, int) = dlsym(library, "pam_acct_mgmt");
  int (*open_session)(pam_handle *, int) = dlsym(library, "pam_open_session");
  const char *(*explain)(pam_handle *, int) = dlsym(library, "pam_strerror");
  struct portside_pam *session = calloc(1, sizeof *session);
  if (session == NULL) return -ENOMEM;
  session->close_session = dlsym(library, "pam_close_session");
  session->set_credentials = dlsym(library, "pam_setcred");
  session->end = dlsym(library, "pam_end");
  session->environment = dlsym(library, "pam_getenvlist");
  if (!start || !set_item || !manage_account || !open_session || !explain || !session->close_session ||
      !session->set_credentials || !session->end || !session->environment) {
    free(session);
    return -ENOSYS;
  }
  session->words = words;
  session->capacity = capacity;
  session->conversation = (struct pam_conversation){.talk = talk, .context = session};
  int outcome = start(service, user, &session->conversation, &session->handle);
  if (outcome != SUCCESS) {
    free(session);
    return -EACCES;
  }
  set_item(session->handle, ITEM_HOST, host);
  set_item(session->handle, ITEM_TERMINAL, terminal);
  outcome = manage_account(session->handle, 0);
  if (outcome == SUCCESS) outcome = session->set_credentials(session->handle, ESTABLISH_CREDENTIALS);
  if (outcome == SUCCESS) {
    outcome = open_session(session->handle, 0);
    if (outcome != SUCCESS) session->set_credentials(session->handle, DELETE_CREDENTIALS);
  }
  // The caller's memory, for the time of this call.
  session->words = NULL;
  if (outcome == SUCCESS) {
    *result = session;
    return 0;
  }
  size_t used = strlen(words);
  snprintf(words + used, capacity - used, "%s", explain(session->handle, outcome));
  session->end(session->handle, outcome);
  free(session);
  return -EACCES;
}

char **portside_pam_environment(struct portside_pam *session) { return session->environment(session->handle); }

void portside_pam_close(struct portside_pam *session) {
  session->close_session(session->handle, 0);
  session->set_credentials(session->handle, DELETE_CREDENTIALS);
  session->end(session->handle, SUCCESS);
  free(session);
}

void portside_note_session(pid_t process, const char *line, const char *user, const char *host, int begins) {
  struct utmpx entry;
  memset(&entry, 0, sizeof entry);
  entry.ut_type = begins ? USER_PROCESS : DEAD_PROCESS;
  entry.ut_pid = process;
  strncpy(entry.ut_line, line, sizeof entry.ut_line - 1);
  // What names the entry: the last letters of the terminal's name, as everybody does it.
  size_t length = strlen(line);
  strncpy(entry.ut_id, line + (length > sizeof entry.ut_id ? length - sizeof entry.ut_id : 0), sizeof entry.ut_id);
  if (begins) {
    strncpy(entry.ut_user, user, sizeof entry.ut_user - 1);
    strncpy(entry.ut_host, host, sizeof entry.ut_host - 1);
  }
  struct timeval now;
  gettimeofday(&now, NULL);
  entry.ut_tv.tv_sec = (__typeof__(entry.ut_tv.tv_sec))now.tv_sec;
  entry.ut_tv.tv_usec = (__typeof__(entry.ut_tv.tv_usec))now.tv_usec;
  setutxent();
  pututxline(&entry);
  endutxent();
  updwtmpx("/var/log/wtmp", &entry);
}

int portside_take_groups(const char *user, gid_t group) { return initgroups(user, group) < 0 ? -errno : 0; }

int portside_give_terminal(int terminal, uid_t user, gid_t group) {
  struct group *tty = getgrnam("tty");
  if (fchown(terminal, user, tty != NULL ? tty->gr_gid : group) < 0) return -errno;
  return fchmod(terminal, tty != NULL ? 0620 : 0600) < 0 ? -errno : 0;
}

#define _GNU_SOURCE
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

// Runs in the child, in our memory: only system calls, and only its own stack.
static int become(const struct portside_program *program) {
  for (int number = 1; number < NSIG; number++) {
    if (number == SIGKILL || number == SIGSTOP) continue;
    signal(number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (setsid() < 0) return errno;
  if (program->has_terminal && ioctl(program->input, TIOCSCTTY, 0) < 0) return errno;
  // Our descriptors lie above 2, as ours are open: none of these overwrites another.
  if (dup2(program->input, 0) < 0 || dup2(program->output, 1) < 0 || dup2(program->error, 2) < 0) return errno;
  if (syscall(SYS_close_range, 3u, ~0u, 0u) < 0) return errno;
  // By the system calls themselves: the library's functions would change our own threads as well.
  if (program->changes_user && (syscall(SYS_setresgid, program->group, program->group, program->group) < 0 ||
                                syscall(SYS_setresuid, program->user, program->user, program->user) < 0))
    return errno;
  if (program->directory != NULL && chdir(program->directory) < 0 && chdir("/") < 0) return errno;
  execve(program->path, program->arguments, program->environment);
  return errno;
}

pid_t portside_start_program(const struct portside_program *program) {
  if (program->input < 3 || program->output < 3 || program->error < 3) return -EINVAL;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  volatile int failure = 0;
  pid_t process = vfork();
  if (process == 0) {
    failure = become(program);
    _exit(127);
  }
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (process < 0) return -error;
  if (failure != 0) {
    while (waitpid(process, NULL, 0) < 0 && errno == EINTR) {}
    return -failure;
  }
  return process;
}

int portside_open_terminal(int *master, int *terminal) {
  *master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (*master < 0) return -errno;
  int unlocked = 0;
  if (ioctl(*master, TIOCSPTLCK, &unlocked) < 0) goto failed;
  *terminal = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (*terminal < 0) goto failed;
  return 0;
failed:;
  int error = errno;
  close(*master);
  return -error;
}

int portside_set_terminal_size(int terminal, uint16_t columns, uint16_t rows, uint16_t width, uint16_t height) {
  struct winsize size = {.ws_row = rows, .ws_col = columns, .ws_xpixel = width, .ws_ypixel = height};
  return ioctl(terminal, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

enum kind { CHARACTER, INPUT, LOCAL, OUTPUT, CONTROL };

static const struct mode {
  uint8_t opcode;
  enum kind kind;
  tcflag_t flag;
} modes[] = {
    {1, CHARACTER, VINTR},   {2, CHARACTER, VQUIT},    {3, CHARACTER, VERASE},   {4, CHARACTER, VKILL},
    {5, CHARACTER, VEOF},    {6, CHARACTER, VEOL},     {7, CHARACTER, VEOL2},    {8, CHARACTER, VSTART},
    {9, CHARACTER, VSTOP},   {10, CHARACTER, VSUSP},   {12, CHARACTER, VREPRINT}, {13, CHARACTER, VWERASE},
    {14, CHARACTER, VLNEXT}, {18, CHARACTER, VDISCARD}, {30, INPUT, IGNPAR},      {31, INPUT, PARMRK},
    {32, INPUT, INPCK},      {33, INPUT, ISTRIP},      {34, INPUT, INLCR},       {35, INPUT, IGNCR},
    {36, INPUT, ICRNL},      {37, INPUT, IUCLC},       {38, INPUT, IXON},        {39, INPUT, IXANY},
    {40, INPUT, IXOFF},      {41, INPUT, IMAXBEL},     {42, INPUT, IUTF8},       {50, LOCAL, ISIG},
    {51, LOCAL, ICANON},     {52, LOCAL, XCASE},       {53, LOCAL, ECHO},        {54, LOCAL, ECHOE},
    {55, LOCAL, ECHOK},      {56, LOCAL, ECHONL},      {57, LOCAL, NOFLSH},      {58, LOCAL, TOSTOP},
    {59, LOCAL, IEXTEN},     {60, LOCAL, ECHOCTL},     {61, LOCAL, ECHOKE},      {62, LOCAL, PENDIN},
    {70, OUTPUT, OPOST},     {71, OUTPUT, OLCUC},      {72, OUTPUT, ONLCR},      {73, OUTPUT, OCRNL},
    {74, OUTPUT, ONOCR},     {75, OUTPUT, ONLRET},     {90, CONTROL, CS7},       {91, CONTROL, CS8},
    {92, CONTROL, PARENB},   {93, CONTROL, PARODD},
};

static void set_flag(tcflag_t *flags, tcflag_t flag, uint32_t value) {
  if (value) {
    *flags |= flag;
  } else {
    *flags &= ~flag;
  }
}

int portside_set_terminal_modes(int terminal, const uint8_t *opcodes, const uint32_t *values, int count) {
  struct termios settings;
  if (tcgetattr(terminal, &settings) < 0) return -errno;
  for (int index = 0; index < count; index++) {
    for (size_t row = 0; row < sizeof modes / sizeof modes[0]; row++) {
      if (modes[row].opcode != opcodes[index]) continue;
      switch (modes[row].kind) {
      case CHARACTER:
        settings.c_cc[modes[row].flag] = values[index] == 255 ? _POSIX_VDISABLE : (cc_t)values[index];
        break;
      case INPUT: set_flag(&settings.c_iflag, modes[row].flag, values[index]); break;
      case LOCAL: set_flag(&settings.c_lflag, modes[row].flag, values[index]); break;
      case OUTPUT: set_flag(&settings.c_oflag, modes[row].flag, values[index]); break;
      case CONTROL: set_flag(&settings.c_cflag, modes[row].flag, values[index]); break;
      }
    }
  }
  return tcsetattr(terminal, TCSANOW, &settings) < 0 ? -errno : 0;
}

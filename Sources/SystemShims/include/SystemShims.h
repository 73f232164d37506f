/// What Glibc's Swift module lacks: batched datagrams, descriptor passing, confinement, spawning. Nothing here parses
/// what a peer sent.
#ifndef PORTSIDE_SYSTEM_SHIMS_H
#define PORTSIDE_SYSTEM_SHIMS_H

#include "counters.h"
#include "datagram_queue.h"
#include "datagrams.h"
#include "files.h"
#include "process.h"
#include "readiness.h"
#include "session.h"
#include "terminal.h"

#endif

/// Batched datagrams: recvmmsg and sendmmsg over buffers that are laid out once and used for ever.
#ifndef PORTSIDE_DATAGRAMS_H
#define PORTSIDE_DATAGRAMS_H

// No <sys/socket.h>: Swift would take its names for this module's, and Glibc's importers would miss them.
#include <stdint.h>

/// One datagram of a batch: what came, and what shall go back to where it came from.
struct portside_datagram {
  uint8_t *request;
  uint32_t request_length;
  /// Octets of `reply` to send; 0 sends nothing.
  uint32_t reply_length;
  uint8_t *reply;
  /// A struct sockaddr_storage.
  const void *peer;
};

/// A batch: `count` datagrams and the headers that the system calls want. Opaque but for the array.
struct portside_datagram_batch;

/// Room for `count` datagrams with requests of up to `request_size` and replies of up to `reply_size` octets. NULL without
/// memory.
struct portside_datagram_batch *portside_datagrams_create(int count, uint32_t request_size, uint32_t reply_size);
void portside_datagrams_destroy(struct portside_datagram_batch *batch);
struct portside_datagram *portside_datagrams_items(struct portside_datagram_batch *batch);

/// Opens a UDP socket with SO_REUSEPORT, bound to the address (a struct sockaddr). Returns the descriptor, or -errno.
int portside_datagrams_open(const void *address, uint32_t length);

/// Makes a bound UDP socket ready for the loop: blocking with a receive timeout of `timeout_milliseconds`; path MTU discovery
/// off and its results not believed (IP_PMTUDISC_OMIT), so that forged ICMP can't make replies fragment; and, when it is bound to
/// the wildcard address, the destination of each request told (IP_PKTINFO), so that the reply leaves from there. Returns 0, or
/// -errno.
int portside_datagrams_prepare(struct portside_datagram_batch *batch, int socket, int timeout_milliseconds);

/// Waits for datagrams and takes all that are there, up to the batch's size. Returns how many, 0 after the timeout, or -errno.
/// A datagram larger than its room has `request_length` 0. All `reply_length` are 0.
int portside_datagrams_receive(struct portside_datagram_batch *batch, int socket);

/// Where a datagram came from, and to which of our addresses: what a reply needs that leaves after its batch.
struct portside_datagram_origin {
  /// A struct sockaddr_storage.
  uint8_t peer[128];
  uint32_t peer_length;
  /// Packet information for sendmsg; empty unless the socket is bound to the wildcard address.
  uint8_t control[64] __attribute__((aligned(8)));
  uint32_t control_length;
};

/// Copies the origin of a datagram of the batch at hand.
void portside_datagrams_origin(struct portside_datagram_batch *batch, int index, struct portside_datagram_origin *origin);

/// Sends one datagram to where another came from. Returns 0, or -errno.
int portside_datagrams_reply(int socket, const struct portside_datagram_origin *origin, const void *bytes, uint32_t length);

/// Sends the replies of the first `count` datagrams. Returns how many were sent; one that can't be sent is left out.
int portside_datagrams_send(struct portside_datagram_batch *batch, int socket, int count);

#endif

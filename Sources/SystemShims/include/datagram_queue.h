/// Datagrams to and from many peers over one socket: received in batches, sent in batches, each with its own destination,
/// source address and interface.
#ifndef PORTSIDE_DATAGRAM_QUEUE_H
#define PORTSIDE_DATAGRAM_QUEUE_H

// No <sys/socket.h>: Swift would take its names for this module's, and Glibc's importers would miss them.
#include <stdint.h>

/// The way of a datagram: the peer, our own address, and the interface's index.
struct portside_route {
  /// The peer's socket address, as in struct sockaddr_storage.
  uint8_t peer[128] __attribute__((aligned(8)));
  /// Our address: where a received datagram went to, and where one to send comes from; AF_UNSPEC leaves it to the kernel.
  uint16_t local_family;
  /// 1 when the received datagram went to a broadcast or multicast address.
  uint16_t is_multicast;
  uint8_t local[16];
  /// 0 leaves it to the kernel.
  uint32_t interface;
};

/// A datagram that came. Its bytes are valid until the next receive.
struct portside_arrival {
  const uint8_t *bytes;
  uint32_t length;
  struct portside_route route;
};

struct portside_datagram_queue;

/// Room to receive `receive_count` datagrams of up to `receive_size` octets at a time, and to send `send_count` of them. NULL
/// without memory.
struct portside_datagram_queue *portside_queue_create(int receive_count, uint32_t receive_size, int send_count);
void portside_queue_destroy(struct portside_datagram_queue *queue);

/// Opens a UDP socket, close-on-exec, with SO_REUSEADDR where `reuse` is set, bound to the address (and, with `device`, to that
/// interface). Returns the descriptor, or -errno.
int portside_udp_open(const void *address, uint32_t length, int reuse, const char *device);

/// Makes a bound socket ready: blocking, destinations told (IP_PKTINFO), broadcast allowed, path MTU discovery off, a receive
/// buffer of up to `buffer` octets. Returns 0, or -errno.
int portside_queue_prepare(int socket, int buffer);

/// Sets the longest that `portside_queue_receive` waits. Returns 0, or -errno.
int portside_queue_set_timeout(int socket, int milliseconds);

/// Waits for datagrams and takes all that are there, up to the queue's room. Returns how many, 0 after the timeout, or -errno.
/// One that is larger than its room is dropped: its length is 0.
int portside_queue_receive(struct portside_datagram_queue *queue, int socket);
const struct portside_arrival *portside_queue_arrival(const struct portside_datagram_queue *queue, int index);

/// Puts a datagram into the queue to send: a copy of `header` (up to 8 octets), and `payload`, which must stay in place until the
/// flush. Returns 0 when there is no room: flush first.
int portside_queue_add(struct portside_datagram_queue *queue, const struct portside_route *route, const void *header,
                       uint32_t header_length, const void *payload, uint32_t payload_length);

/// Free places in the queue to send.
int portside_queue_room(const struct portside_datagram_queue *queue);

/// Sends what was added. Neighbours of one size to one peer leave as one large datagram that the kernel or the card cuts
/// (UDP_SEGMENT), if `segments` is set and the kernel can. Returns how many calls to the kernel it took; a datagram that can't
/// be sent is left out.
int portside_queue_flush(struct portside_datagram_queue *queue, int socket, int segments);

/// Opens a packet socket on an interface for frames that we build whole (`protocol` as in ETH_P_IP, 0 to receive nothing).
/// Returns the descriptor, or -errno.
int portside_packet_open(uint32_t interface, uint16_t protocol);

/// Sends a network packet (without link header) to a link address on a packet socket. Returns 0, or -errno.
int portside_packet_send(int socket, uint32_t interface, uint16_t protocol, const uint8_t *address, uint8_t address_length,
                         const void *packet, uint32_t length);

/// Gives the link address of an interface (6 octets). Returns 0, or -errno.
int portside_interface_link_address(uint32_t interface, uint8_t *address);

#endif

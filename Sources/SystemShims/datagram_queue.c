#define _GNU_SOURCE
#include "datagram_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/udp.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CONTROL_ROOM (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)))
// The kernel's bounds for one segmented datagram.
#define MAXIMUM_SEGMENTS 64
#define MAXIMUM_SEGMENTED_OCTETS 65000

_Static_assert(sizeof(struct sockaddr_storage) == 128, "room for a socket address");

union control {
  char bytes[CONTROL_ROOM];
  struct cmsghdr alignment;
};

struct outgoing {
  struct portside_route route;
  uint8_t header[8];
  uint32_t header_length;
  uint32_t length;
};

struct portside_datagram_queue {
  int receive_count;
  uint32_t receive_size;
  uint8_t *memory;
  struct portside_arrival *arrivals;
  struct iovec *receive_vectors;
  struct mmsghdr *received;
  union control *receive_controls;

  int send_count;
  int pending;
  struct outgoing *outgoing;
  struct iovec *send_vectors;
  struct mmsghdr *sent;
  union control *send_controls;
  // For each message, how many datagrams it carries.
  int *carried;
};

struct portside_datagram_queue *portside_queue_create(int receive_count, uint32_t receive_size, int send_count) {
  if (receive_count <= 0 || send_count <= 0) return NULL;
  struct portside_datagram_queue *queue = calloc(1, sizeof *queue);
  if (queue == NULL) return NULL;
  size_t in = (size_t)receive_count, out = (size_t)send_count;
  queue->receive_count = receive_count;
  queue->receive_size = receive_size;
  queue->memory = malloc(in * receive_size);
  queue->arrivals = calloc(in, sizeof *queue->arrivals);
  queue->receive_vectors = calloc(in, sizeof *queue->receive_vectors);
  queue->received = calloc(in, sizeof *queue->received);
  queue->receive_controls = calloc(in, sizeof *queue->receive_controls);
  queue->send_count = send_count;
  queue->outgoing = calloc(out, sizeof *queue->outgoing);
  queue->send_vectors = calloc(2 * out, sizeof *queue->send_vectors);
  queue->sent = calloc(out, sizeof *queue->sent);
  queue->send_controls = calloc(out, sizeof *queue->send_controls);
  queue->carried = calloc(out, sizeof *queue->carried);
  if (!queue->memory || !queue->arrivals || !queue->receive_vectors || !queue->received || !queue->receive_controls ||
      !queue->outgoing || !queue->send_vectors || !queue->sent || !queue->send_controls || !queue->carried) {
    portside_queue_destroy(queue);
    return NULL;
  }
  for (size_t i = 0; i < in; i++) {
    queue->arrivals[i].bytes = queue->memory + i * receive_size;
    queue->receive_vectors[i].iov_base = queue->memory + i * receive_size;
    queue->receive_vectors[i].iov_len = receive_size;
    struct msghdr *header = &queue->received[i].msg_hdr;
    header->msg_name = queue->arrivals[i].route.peer;
    header->msg_iov = &queue->receive_vectors[i];
    header->msg_iovlen = 1;
    header->msg_control = &queue->receive_controls[i];
    header->msg_namelen = sizeof(struct sockaddr_storage);
    header->msg_controllen = sizeof(union control);
  }
  return queue;
}

void portside_queue_destroy(struct portside_datagram_queue *queue) {
  if (queue == NULL) return;
  free(queue->memory);
  free(queue->arrivals);
  free(queue->receive_vectors);
  free(queue->received);
  free(queue->receive_controls);
  free(queue->outgoing);
  free(queue->send_vectors);
  free(queue->sent);
  free(queue->send_controls);
  free(queue->carried);
  free(queue);
}

static int family_of(const uint8_t *address) {
  sa_family_t family;
  memcpy(&family, address, sizeof family);
  return family;
}

int portside_udp_open(const void *address, uint32_t length, int reuse, const char *device) {
  int on = 1;
  int family = family_of(address);
  int descriptor = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
  if (descriptor < 0) return -errno;
  if ((reuse && setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) ||
      (family == AF_INET6 && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0) ||
      (device != NULL &&
       setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1) < 0) ||
      bind(descriptor, address, length) < 0) {
    int error = errno;
    close(descriptor);
    return -error;
  }
  return descriptor;
}

int portside_queue_prepare(int socket, int buffer) {
  struct sockaddr_storage local;
  socklen_t length = sizeof local;
  int on = 1;
  if (getsockname(socket, (struct sockaddr *)&local, &length) < 0) return -errno;
  int flags = fcntl(socket, F_GETFL);
  if (flags < 0 || fcntl(socket, F_SETFL, flags & ~O_NONBLOCK) < 0) return -errno;
  // As large as the system allows; less is no failure.
  setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  if (local.ss_family == AF_INET) {
    int omit = IP_PMTUDISC_OMIT;
    if (setsockopt(socket, IPPROTO_IP, IP_MTU_DISCOVER, &omit, sizeof omit) < 0 ||
        setsockopt(socket, SOL_SOCKET, SO_BROADCAST, &on, sizeof on) < 0 ||
        setsockopt(socket, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) < 0)
      return -errno;
  } else if (local.ss_family == AF_INET6) {
    int omit = IPV6_PMTUDISC_OMIT;
    if (setsockopt(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &omit, sizeof omit) < 0 ||
        setsockopt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) < 0)
      return -errno;
  } else {
    return -EAFNOSUPPORT;
  }
  return 0;
}

int portside_queue_set_timeout(int socket, int milliseconds) {
  struct timeval timeout = {milliseconds / 1000, milliseconds % 1000 * 1000};
  return setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0 ? -errno : 0;
}

static void read_route(struct msghdr *header, struct portside_route *route) {
  route->local_family = AF_UNSPEC;
  route->is_multicast = 0;
  route->interface = 0;
  for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL; control = CMSG_NXTHDR(header, control)) {
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy(&info, CMSG_DATA(control), sizeof info);
      route->local_family = AF_INET;
      route->is_multicast = info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr;
      route->interface = (uint32_t)info.ipi_ifindex;
      memcpy(route->local, &info.ipi_spec_dst, sizeof info.ipi_spec_dst);
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo info;
      memcpy(&info, CMSG_DATA(control), sizeof info);
      route->local_family = AF_INET6;
      route->is_multicast = IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
      route->interface = info.ipi6_ifindex;
      memcpy(route->local, &info.ipi6_addr, sizeof info.ipi6_addr);
    }
  }
}

int portside_queue_receive(struct portside_datagram_queue *queue, int socket) {
  int count = recvmmsg(socket, queue->received, (unsigned)queue->receive_count, MSG_WAITFORONE, NULL);
  if (count < 0) {
    // A peer that has gone is told by ICMP through the next receive; that concerns no other peer.
    bool is_passing = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNREFUSED;
    return is_passing ? 0 : -errno;
  }
  for (int i = 0; i < count; i++) {
    struct msghdr *header = &queue->received[i].msg_hdr;
    queue->arrivals[i].length = header->msg_flags & MSG_TRUNC ? 0 : queue->received[i].msg_len;
    read_route(header, &queue->arrivals[i].route);
    // The kernel has shortened these to what it wrote; the next receive needs the whole room.
    header->msg_namelen = sizeof(struct sockaddr_storage);
    header->msg_controllen = sizeof(union control);
  }
  return count;
}

const struct portside_arrival *portside_queue_arrival(const struct portside_datagram_queue *queue, int index) {
  return index >= 0 && index < queue->receive_count ? &queue->arrivals[index] : NULL;
}

int portside_queue_room(const struct portside_datagram_queue *queue) { return queue->send_count - queue->pending; }

int portside_queue_add(struct portside_datagram_queue *queue, const struct portside_route *route, const void *header,
                       uint32_t header_length, const void *payload, uint32_t payload_length) {
  if (queue->pending >= queue->send_count || header_length > sizeof queue->outgoing->header) return 0;
  struct outgoing *item = &queue->outgoing[queue->pending];
  item->route = *route;
  if (header_length > 0) memcpy(item->header, header, header_length);
  item->header_length = header_length;
  item->length = header_length + payload_length;
  struct iovec *vectors = &queue->send_vectors[2 * queue->pending];
  vectors[0].iov_base = item->header;
  vectors[0].iov_len = header_length;
  vectors[1].iov_base = (void *)(uintptr_t)payload;
  vectors[1].iov_len = payload_length;
  queue->pending++;
  return 1;
}

static struct cmsghdr *next_control(struct msghdr *header, size_t *used, int level, int type, size_t length) {
  struct cmsghdr *control = (struct cmsghdr *)((char *)header->msg_control + *used);
  control->cmsg_level = level;
  control->cmsg_type = type;
  control->cmsg_len = CMSG_LEN(length);
  *used += CMSG_SPACE(length);
  return control;
}

// Fills the message for the datagrams `first ..< first + count` to one peer.
static void make_message(struct portside_datagram_queue *queue, int message, int first, int count) {
  struct outgoing *item = &queue->outgoing[first];
  struct msghdr *header = &queue->sent[message].msg_hdr;
  memset(header, 0, sizeof *header);
  memset(&queue->send_controls[message], 0, sizeof(union control));
  header->msg_name = item->route.peer;
  header->msg_namelen =
      family_of(item->route.peer) == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  header->msg_iov = &queue->send_vectors[2 * first];
  header->msg_iovlen = (size_t)count * 2;
  header->msg_control = &queue->send_controls[message];
  size_t used = 0;
  if (item->route.local_family == AF_INET || (item->route.interface && family_of(item->route.peer) == AF_INET)) {
    struct in_pktinfo info = {0};
    info.ipi_ifindex = (int)item->route.interface;
    if (item->route.local_family == AF_INET) memcpy(&info.ipi_spec_dst, item->route.local, 4);
    memcpy(CMSG_DATA(next_control(header, &used, IPPROTO_IP, IP_PKTINFO, sizeof info)), &info, sizeof info);
  } else if (item->route.local_family == AF_INET6) {
    struct in6_pktinfo info = {0};
    info.ipi6_ifindex = item->route.interface;
    memcpy(&info.ipi6_addr, item->route.local, 16);
    memcpy(CMSG_DATA(next_control(header, &used, IPPROTO_IPV6, IPV6_PKTINFO, sizeof info)), &info, sizeof info);
  }
  if (count > 1) {
    uint16_t size = (uint16_t)item->length;
    memcpy(CMSG_DATA(next_control(header, &used, IPPROTO_UDP, UDP_SEGMENT, sizeof size)), &size, sizeof size);
  }
  header->msg_controllen = used;
  if (used == 0) header->msg_control = NULL;
  queue->carried[message] = count;
}

// How many datagrams from `first` on may leave as one: same peer, same size but for the last.
static int segment_run(const struct portside_datagram_queue *queue, int first) {
  const struct outgoing *head = &queue->outgoing[first];
  uint32_t total = head->length;
  int count = 1;
  while (first + count < queue->pending && count < MAXIMUM_SEGMENTS) {
    const struct outgoing *item = &queue->outgoing[first + count];
    if (item->length > head->length || item->length == 0 || total + item->length > MAXIMUM_SEGMENTED_OCTETS ||
        memcmp(&item->route, &head->route, sizeof item->route) != 0)
      break;
    total += item->length;
    count++;
    if (item->length < head->length) break;
  }
  return count;
}

static int send_messages(struct portside_datagram_queue *queue, int socket, int messages, int *failed) {
  int place = 0, calls = 0;
  *failed = -1;
  while (place < messages) {
    int result = sendmmsg(socket, queue->sent + place, (unsigned)(messages - place), 0);
    calls++;
    if (result > 0) {
      place += result;
    } else if (errno == EINTR || errno == ECONNREFUSED) {
      // What an earlier datagram met is told here; this one has not left yet.
      continue;
    } else if (queue->carried[place] > 1) {
      *failed = place;
      return calls;
    } else {
      place++;
    }
  }
  return calls;
}

int portside_queue_flush(struct portside_datagram_queue *queue, int socket, int segments) {
  int calls = 0;
  int first = 0;
  while (first < queue->pending) {
    int messages = 0, covered = first;
    while (covered < queue->pending) {
      int count = segments ? segment_run(queue, covered) : 1;
      make_message(queue, messages++, covered, count);
      covered += count;
    }
    int failed;
    calls += send_messages(queue, socket, messages, &failed);
    if (failed < 0) break;
    // The way to this peer takes no segments: from here on one by one.
    for (int i = 0; i < failed; i++) first += queue->carried[i];
    segments = 0;
  }
  queue->pending = 0;
  return calls;
}

int portside_packet_open(uint32_t interface, uint16_t protocol) {
  int descriptor = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return -errno;
  struct sockaddr_ll address = {0};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(protocol);
  address.sll_ifindex = (int)interface;
  if (bind(descriptor, (struct sockaddr *)&address, sizeof address) < 0) {
    int error = errno;
    close(descriptor);
    return -error;
  }
  return descriptor;
}

int portside_packet_send(int socket, uint32_t interface, uint16_t protocol, const uint8_t *address, uint8_t address_length,
                         const void *packet, uint32_t length) {
  struct sockaddr_ll peer = {0};
  if (address_length > sizeof peer.sll_addr) return -EINVAL;
  peer.sll_family = AF_PACKET;
  peer.sll_protocol = htons(protocol);
  peer.sll_ifindex = (int)interface;
  peer.sll_halen = address_length;
  memcpy(peer.sll_addr, address, address_length);
  ssize_t sent = sendto(socket, packet, length, 0, (struct sockaddr *)&peer, sizeof peer);
  return sent < 0 ? -errno : 0;
}

int portside_interface_link_address(uint32_t interface, uint8_t *address) {
  struct ifreq request;
  memset(&request, 0, sizeof request);
  if (if_indextoname(interface, request.ifr_name) == NULL) return -errno;
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -errno;
  int result = ioctl(descriptor, SIOCGIFHWADDR, &request) < 0 ? -errno : 0;
  close(descriptor);
  if (result == 0) memcpy(address, request.ifr_hwaddr.sa_data, 6);
  return result;
}

#define _GNU_SOURCE
#include "datagrams.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

// Room for one in6_pktinfo or in_pktinfo.
union control {
  char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
  struct cmsghdr alignment;
};

struct portside_datagram_batch {
  int count;
  uint32_t request_size;
  bool wants_packet_info;
  uint8_t *memory;
  struct portside_datagram *items;
  struct sockaddr_storage *peers;
  struct iovec *vectors;
  struct mmsghdr *received;
  struct mmsghdr *sent;
  union control *controls;
};

struct portside_datagram_batch *portside_datagrams_create(int count, uint32_t request_size, uint32_t reply_size) {
  struct portside_datagram_batch *batch = calloc(1, sizeof *batch);
  if (batch == NULL || count <= 0) {
    free(batch);
    return NULL;
  }
  size_t n = (size_t)count;
  batch->count = count;
  batch->request_size = request_size;
  batch->memory = malloc(n * ((size_t)request_size + reply_size));
  batch->items = calloc(n, sizeof *batch->items);
  batch->peers = calloc(n, sizeof *batch->peers);
  batch->vectors = calloc(2 * n, sizeof *batch->vectors);
  batch->received = calloc(n, sizeof *batch->received);
  batch->sent = calloc(n, sizeof *batch->sent);
  batch->controls = calloc(n, sizeof *batch->controls);
  if (!batch->memory || !batch->items || !batch->peers || !batch->vectors || !batch->received || !batch->sent ||
      !batch->controls) {
    portside_datagrams_destroy(batch);
    return NULL;
  }
  for (size_t i = 0; i < n; i++) {
    struct portside_datagram *item = &batch->items[i];
    item->request = batch->memory + i * ((size_t)request_size + reply_size);
    item->reply = item->request + request_size;
    item->peer = &batch->peers[i];
    batch->vectors[i].iov_base = item->request;
    batch->vectors[i].iov_len = request_size;
    struct msghdr *header = &batch->received[i].msg_hdr;
    header->msg_name = &batch->peers[i];
    header->msg_namelen = sizeof batch->peers[i];
    header->msg_iov = &batch->vectors[i];
    header->msg_iovlen = 1;
  }
  return batch;
}

void portside_datagrams_destroy(struct portside_datagram_batch *batch) {
  if (batch == NULL) return;
  free(batch->memory);
  free(batch->items);
  free(batch->peers);
  free(batch->vectors);
  free(batch->received);
  free(batch->sent);
  free(batch->controls);
  free(batch);
}

struct portside_datagram *portside_datagrams_items(struct portside_datagram_batch *batch) { return batch->items; }

int portside_datagrams_open(const void *socket_address, uint32_t length) {
  const struct sockaddr *address = socket_address;
  int on = 1;
  // Among sockets with SO_REUSEPORT the kernel may pick a port that another such socket has: a free one needs a socket without.
  bool picks_port = address->sa_family == AF_INET ? ((const struct sockaddr_in *)address)->sin_port == 0
                                                  : ((const struct sockaddr_in6 *)address)->sin6_port == 0;
  int descriptor = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
  if (descriptor < 0) return -errno;
  if ((!picks_port && setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0) ||
      (address->sa_family == AF_INET6 && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0) ||
      bind(descriptor, address, length) < 0 ||
      (picks_port && setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0)) {
    int error = errno;
    close(descriptor);
    return -error;
  }
  return descriptor;
}

int portside_datagrams_prepare(struct portside_datagram_batch *batch, int socket, int timeout_milliseconds) {
  struct sockaddr_storage local;
  socklen_t length = sizeof local;
  int on = 1;
  if (getsockname(socket, (struct sockaddr *)&local, &length) < 0) return -errno;
  int flags = fcntl(socket, F_GETFL);
  if (flags < 0 || fcntl(socket, F_SETFL, flags & ~O_NONBLOCK) < 0) return -errno;
  struct timeval timeout = {timeout_milliseconds / 1000, timeout_milliseconds % 1000 * 1000};
  if (setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0) return -errno;
  if (local.ss_family == AF_INET) {
    int omit = IP_PMTUDISC_OMIT;
    if (setsockopt(socket, IPPROTO_IP, IP_MTU_DISCOVER, &omit, sizeof omit) < 0) return -errno;
    batch->wants_packet_info = ((struct sockaddr_in *)&local)->sin_addr.s_addr == htonl(INADDR_ANY);
    if (batch->wants_packet_info && setsockopt(socket, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) < 0) return -errno;
  } else if (local.ss_family == AF_INET6) {
    int omit = IPV6_PMTUDISC_OMIT;
    if (setsockopt(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &omit, sizeof omit) < 0) return -errno;
    batch->wants_packet_info = IN6_IS_ADDR_UNSPECIFIED(&((struct sockaddr_in6 *)&local)->sin6_addr);
    if (batch->wants_packet_info && setsockopt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) < 0)
      return -errno;
  } else {
    return -EAFNOSUPPORT;
  }
  for (int i = 0; i < batch->count; i++) {
    batch->received[i].msg_hdr.msg_control = batch->wants_packet_info ? &batch->controls[i] : NULL;
    batch->received[i].msg_hdr.msg_controllen = batch->wants_packet_info ? sizeof batch->controls[i] : 0;
  }
  return 0;
}

int portside_datagrams_receive(struct portside_datagram_batch *batch, int socket) {
  int count = recvmmsg(socket, batch->received, (unsigned)batch->count, MSG_WAITFORONE, NULL);
  if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -errno;
  for (int i = 0; i < count; i++) {
    bool is_cut = batch->received[i].msg_hdr.msg_flags & MSG_TRUNC;
    batch->items[i].request_length = is_cut ? 0 : batch->received[i].msg_len;
    batch->items[i].reply_length = 0;
  }
  return count;
}

// The destination of the request becomes the source of the reply. The interface is left to routing, except for link-local
// addresses, which mean nothing without it.
static void turn_packet_info(struct msghdr *header) {
  for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL; control = CMSG_NXTHDR(header, control)) {
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy(&info, CMSG_DATA(control), sizeof info);
      info.ipi_ifindex = 0;
      memcpy(CMSG_DATA(control), &info, sizeof info);
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo info;
      memcpy(&info, CMSG_DATA(control), sizeof info);
      if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
      memcpy(CMSG_DATA(control), &info, sizeof info);
    }
  }
}

int portside_datagrams_send(struct portside_datagram_batch *batch, int socket, int count) {
  int ready = 0;
  for (int i = 0; i < count; i++) {
    struct portside_datagram *item = &batch->items[i];
    struct msghdr *received = &batch->received[i].msg_hdr;
    if (item->reply_length > 0) {
      struct iovec *vector = &batch->vectors[batch->count + ready];
      vector->iov_base = item->reply;
      vector->iov_len = item->reply_length;
      struct msghdr *header = &batch->sent[ready].msg_hdr;
      header->msg_name = received->msg_name;
      header->msg_namelen = received->msg_namelen;
      header->msg_iov = vector;
      header->msg_iovlen = 1;
      header->msg_control = NULL;
      header->msg_controllen = 0;
      if (batch->wants_packet_info && received->msg_controllen > 0) {
        header->msg_control = received->msg_control;
        header->msg_controllen = received->msg_controllen;
        turn_packet_info(header);
      }
      ready++;
    }
    // The kernel has shortened these to what it wrote; the next receive needs the whole room.
    received->msg_namelen = sizeof batch->peers[i];
    received->msg_controllen = batch->wants_packet_info ? sizeof batch->controls[i] : 0;
  }
  int sent = 0;
  int place = 0;
  while (place < ready) {
    int result = sendmmsg(socket, batch->sent + place, (unsigned)(ready - place), 0);
    if (result > 0) {
      place += result;
      sent += result;
    } else if (errno != EINTR) {
      place++;
    }
  }
  return sent;
}

void portside_datagrams_origin(struct portside_datagram_batch *batch, int index, struct portside_datagram_origin *origin) {
  const struct msghdr *received = &batch->received[index].msg_hdr;
  memset(origin, 0, sizeof *origin);
  origin->peer_length = received->msg_namelen <= sizeof origin->peer ? received->msg_namelen : 0;
  memcpy(origin->peer, &batch->peers[index], origin->peer_length);
  if (batch->wants_packet_info && received->msg_controllen > 0 && received->msg_controllen <= sizeof origin->control) {
    origin->control_length = (uint32_t)received->msg_controllen;
    memcpy(origin->control, received->msg_control, received->msg_controllen);
    struct msghdr header = {.msg_control = origin->control, .msg_controllen = origin->control_length};
    turn_packet_info(&header);
  }
}

int portside_datagrams_reply(int socket, const struct portside_datagram_origin *origin, const void *bytes, uint32_t length) {
  struct iovec vector = {.iov_base = (void *)bytes, .iov_len = length};
  struct msghdr header = {
      .msg_name = (void *)origin->peer,
      .msg_namelen = origin->peer_length,
      .msg_iov = &vector,
      .msg_iovlen = 1,
      .msg_control = origin->control_length > 0 ? (void *)origin->control : NULL,
      .msg_controllen = origin->control_length,
  };
  return sendmsg(socket, &header, MSG_DONTWAIT) < 0 ? -errno : 0;
}

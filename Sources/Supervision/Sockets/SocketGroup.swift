import Glibc

/// The bound sockets of one `SocketPlan`. They live as long as anybody refers to them: across workers' deaths, and
/// across reloads that keep the address.
struct SocketGroup: Sendable {
  var plan: SocketPlan
  /// As bound: with the real port.
  var place: SocketPlace
  var descriptors: [Descriptor]
  var path: UnixPath?

  /// Whether the sockets can serve another plan as they are: what is set for good when a socket is bound agrees.
  func serves(_ other: SocketPlan) -> Bool {
    plan.place == other.place && plan.isV6Only == other.isV6Only && plan.isFreeBind == other.isFreeBind
      && plan.count == other.count && plan.takesBroadcasts == other.takesBroadcasts
  }

  /// Puts into force what can change while bound.
  func settle() throws(SupervisionError) {
    for descriptor in descriptors { try SocketBinder.listen(descriptor, plan) }
    try path?.setAccess(plan)
  }
}

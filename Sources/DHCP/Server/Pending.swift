import DHCPCore
import Datagrams
import Services
import WireKit

/// A decision on its way to the client.
struct Pending: Sendable {
  /// What must be on disk before the reply leaves: one lease in DHCPv4, one for each association in DHCPv6.
  var changes: [Decision.Change]
  var reply: [UInt8]?
  var delivery: Decision.Delivery
  /// The socket that the message came by, the interface and our address there.
  var socket: CInt
  var interface: UInt32
  var local: IPAddress
  var reason: StaticString
  /// What its message is counted as, and when it came.
  var operation: DHCPOperation
  var since: MonotonicTime
}

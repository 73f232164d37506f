import DNSCore
import WireKit

/// Finds out what stands in other people's zones (RFC 1034 §5.3), for clients that may ask.
public protocol RecursiveResolver: Sendable {
  /// Whether this client may ask. Called for every query that leads outside: cheap.
  func serves(_ client: IPAddress) -> Bool

  /// What it said last, to be repeated without asking it.
  var replies: ReplyCache { get }

  /// The time that `replies` goes by.
  var now: MonotonicTime { get }

  /// The reply to a query that leads out of our zones, ready for the transport; `nil` for silence: too much to do.
  func reply(to query: [UInt8], over transport: DNSTransport) async -> [UInt8]?
}

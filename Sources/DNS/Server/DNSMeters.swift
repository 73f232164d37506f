import DNSCore
import Services
import Transport
import WireKit

/// What DNS's metrics tell of: queries that our zones answer, and those that others must be asked for.
struct DNSMeters: Sendable {
  static let operations = ["query", "recursive"]
  static let recursive = 1

  private let dns: Meter
  private let dot: Meter
  private let doh: Meter

  init(_ meters: Meters) {
    dns = meters.meter(.dns, Self.operations)
    dot = meters.meter(.dot, Self.operations)
    doh = meters.meter(.doh, Self.operations)
  }

  /// The answers to one read of a stream.
  func note(_ tally: ResponderTally, nanoseconds: Int64, _ connection: Connection) {
    let meter =
      switch connection.service {
      case .dot: dot
      case .doh: doh
      default: dns
      }
    meter.shard(Int(bitPattern: ObjectIdentifier(connection.eventLoop)))
      .note(0, .ok, nanoseconds: nanoseconds, times: UInt64(tally.queries))
  }
}

extension DNSStreamHandler {
  public static var operations: [String] { DNSMeters.operations }

  public func operation(of query: [UInt8]) -> Int? { DNSMeters.recursive }

  public func outcome(of reply: [UInt8]?) -> OperationOutcome { reply == nil ? .failed : .ok }
}

import Services
import TFTPCore
import WireKit

/// What every loop of a server shares.
struct LoopContext: Sendable {
  let clock: any Clock
  let events: any EventSink
  let maximumTransfers: Int
  let maximumTransfersPerSource: Int
  let sendsInSegments: Bool
  /// Bytes of the packets, and transfers as connections; how they ended is told by events.
  let meter: Meter

  func report(
    _ severity: Event.Severity, _ message: StaticString, peer: Endpoint? = nil, kind: Event.Kind = .log,
    fields: [Event.Field] = []
  ) {
    events.emit(
      Event(
        time: clock.wallTime(), severity: severity, kind: kind, message: message, service: .tftp, peer: peer,
        fields: fields))
  }

  /// Says how a transfer ended. A write is for the audit trail: somebody changed what we keep.
  func finished(_ transfer: ServedTransfer, failure: TransferFailure?) {
    let isRead = transfer.request.direction == .read
    var fields: [Event.Field] = [
      .init("file", .string(transfer.request.fileName)), .init("bytes", .bytes(Int64(clamping: transfer.bytes))),
      .init("repetitions", .integer(Int64(transfer.repetitions))),
    ]
    if let version = transfer.version { fields.append(.init("version", .string(version))) }
    if let failure { fields.append(.init("reason", .string(failure.description))) }
    let nanoseconds = UInt64(clamping: (clock.now() - transfer.started).wholeNanoseconds)
    report(
      .debug, "transfer", peer: transfer.peer,
      kind: .operation(
        name: isRead ? "read" : "write", result: failure == nil ? "ok" : "failed", nanoseconds: nanoseconds))
    switch (failure, isRead) {
    case (nil, true): report(.info, "file sent", peer: transfer.peer, fields: fields)
    case (nil, false): report(.notice, "file received", peer: transfer.peer, kind: .audit, fields: fields)
    case (let failure?, _) where failure.origin == .peer && failure.code == .optionsRefused:
      // EDK2 asks for the size with a request that it never means to finish.
      report(.debug, "the client only asked for the options", peer: transfer.peer, fields: fields)
    case (_?, true): report(.notice, "file not sent", peer: transfer.peer, fields: fields)
    case (_?, false): report(.notice, "file not received", peer: transfer.peer, kind: .audit, fields: fields)
    }
  }
}

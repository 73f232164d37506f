import DHCPCore
import Services
import WireKit

/// The server's voice.
struct ServerReport: Sendable {
  let clock: any Clock
  let events: any EventSink
  let minimumSeverity: Event.Severity
  let meter: Meter

  init(clock: any Clock, events: any EventSink, meters: Meters, minimumSeverity: Event.Severity) {
    self.clock = clock
    self.events = events
    self.minimumSeverity = minimumSeverity
    meter = meters.meter(.dhcp, DHCPOperation.names)
  }

  /// Counts a message that has been dealt with: its reply has left, or there is none.
  func note(_ item: Pending, _ outcome: OperationOutcome = .ok) {
    let shard = meter.shard(Int(item.socket))
    shard.note(bytesOut: outcome == .ok ? item.reply?.count ?? 0 : 0)
    shard.note(item.operation.rawValue, outcome, nanoseconds: (clock.now() - item.since).wholeNanoseconds)
  }

  func log(_ severity: Event.Severity, _ message: StaticString, _ fields: [Event.Field], peer: Endpoint? = nil) {
    events.emit(
      Event(time: clock.wallTime(), severity: severity, message: message, service: .dhcp, peer: peer, fields: fields))
  }

  /// A message in words, for those who watch.
  func tell(_ direction: Event.Direction, _ message: Message, peer: Endpoint?) {
    guard events.isWatched(.dhcp) else { return }
    events.emit(
      Event(
        time: clock.wallTime(), severity: .debug,
        kind: .conversation(direction, wire: "xid \(String(message.transaction, radix: 16))", meaning: message.summary),
        message: "message", service: .dhcp, peer: peer))
  }

  func tell(_ direction: Event.Direction, _ message: V6Message, peer: Endpoint?) {
    guard events.isWatched(.dhcp) else { return }
    events.emit(
      Event(
        time: clock.wallTime(), severity: .debug,
        kind: .conversation(direction, wire: "xid \(String(message.transaction, radix: 16))", meaning: message.summary),
        message: "message", service: .dhcp, peer: peer))
  }

  /// What became of a DHCPv6 request.
  func decided(_ message: V6Message, _ decision: V6Decision, peer: Endpoint) {
    let severity: Event.Severity = decision.changes.isEmpty ? .debug : .info
    guard severity >= minimumSeverity || events.isWatched(.dhcp) else { return }
    var fields: [Event.Field] = [
      .init("type", .string("\(message.kind)")),
      .init("client", .string(Hexadecimal.text(message.options[.clientIdentifier] ?? []))),
    ]
    for change in decision.changes { fields.append(.init("address", .address(change.lease.address))) }
    if let relay = message.relays.last { fields.append(.init("relay", .address(relay.link))) }
    events.emit(
      Event(
        time: clock.wallTime(), severity: severity, message: decision.reason,
        service: .dhcp, peer: peer, fields: fields))
  }

  /// What became of a request.
  func decided(_ message: Message, _ decision: Decision, peer: Endpoint) {
    let severity: Event.Severity = decision.change == nil ? .debug : .info
    // Who follows a machine's boot wants every step of it.
    let boots = decision.reply?.options[.bootFileName] != nil
    guard severity >= minimumSeverity || boots || events.isWatched(.dhcp) else { return }
    var fields: [Event.Field] = [
      .init("type", .string(message.type.map { "\($0)" } ?? "bootp")),
      .init("hardware", .string(Hexadecimal.text(message.hardwareAddress))),
    ]
    if let reply = decision.reply, !reply.yourAddress.isUnspecified {
      fields.append(.init("address", .address(reply.yourAddress)))
    }
    if let name = decision.change?.lease.hostName { fields.append(.init("name", .string(name))) }
    if let reply = decision.reply, let file = reply.options[.bootFileName], !file.isEmpty {
      fields.append(.init("boot", .string(Hexadecimal.printable(file))))
      if let architecture = BootEntry.architecture(of: message) {
        fields.append(.init("architecture", .integer(Int64(architecture))))
      }
    }
    if !message.relayAddress.isUnspecified { fields.append(.init("relay", .address(message.relayAddress))) }
    events.emit(
      Event(
        time: clock.wallTime(), severity: severity, message: decision.reason,
        service: .dhcp,
        peer: peer, fields: fields))
  }
}

import WireKit

/// Packets of the share: activation, then input and what controls the output.
extension ServerSession {
  mutating func receive(share packet: SharePDU, now: MonotonicTime, into actions: inout Actions) throws(WireError) {
    switch packet {
    case .confirmActive(let shareID, let body):
      guard shareID == output.shareID else { throw WireError(.malformed, "share id") }
      guard stage == .activation else { return tell("Confirm Active", "out of turn, passed over", into: &actions) }
      output.capabilities = try ClientCapabilities(confirmActive: body)
      tell(
        "Confirm Active", output.capabilities.takesFastPathOutput ? "fast-path output" : "slow-path output",
        into: &actions)
      activate(into: &actions)
    case .data(let type, let body): try receive(data: type, body, now: now, into: &actions)
    case .other(let type): tell("Control packet", "type \(type)", into: &actions)
    }
  }

  /// Synchronize and Cooperate go out at once, without waiting for the client's.
  private mutating func activate(into actions: inout Actions) {
    stage = .active
    let (share, user) = (output.shareID, userChannel)
    actions.write { bytes in
      bytes.appendShareData(type: ShareDataType.synchronize, shareID: share) { body in
        body.appendLittleEndian(UInt16(1))
        body.appendLittleEndian(user)
      }
      bytes.appendShareData(type: ShareDataType.control, shareID: share) { $0 += [4, 0, 0, 0, 0, 0, 0, 0] }
    }
    tell("Synchronize, Control: Cooperate", received: false, into: &actions)
  }

  private mutating func receive(
    data type: UInt8, _ body: RawSpan, now: MonotonicTime, into actions: inout Actions
  ) throws(WireError) {
    guard stage == .active else { return tell("Data packet", "type \(type), before activation", into: &actions) }
    switch type {
    case ShareDataType.synchronize: tell("Synchronize", into: &actions)
    case ShareDataType.control: try control(body, into: &actions)
    case ShareDataType.fontList: sendFontMap(now: now, into: &actions)
    case ShareDataType.input:
      var events: [InputEvent] = []
      try InputCodec.slowPath(body) { events.append($0) }
      for event in events { take(event, now: now, into: &actions) }
    case ShareDataType.refreshRectangle:
      tell("Refresh Rectangle", into: &actions)
      display.forget()
    case ShareDataType.suppressOutput:
      let allows = body.byte(at: 0) ?? 1
      tell("Suppress Output", allows == 0 ? "no updates wanted" : "updates wanted", into: &actions)
      // mstsc pulses it while it connects: it counts from the first frame on.
      isSuppressed = allows == 0 && hasShownFrame
      if allows != 0 { display.forget() }
    case ShareDataType.shutdownRequest:
      tell("Shutdown Request", into: &actions)
      let share = output.shareID
      // Denied, the client asks its user, who may disconnect all the same.
      actions.write { $0.appendShareData(type: ShareDataType.shutdownDenied, shareID: share) { _ in } }
    default: tell("Data packet", "type \(type), passed over", into: &actions)
    }
  }

  private mutating func control(_ body: RawSpan, into actions: inout Actions) throws(WireError) {
    var reader = WireReader(body)
    let action: UInt16 = try reader.readLittleEndian("control action")
    tell("Control", action == 1 ? "request control" : action == 4 ? "cooperate" : "action \(action)", into: &actions)
    guard action == 1 else { return }
    let (share, user) = (output.shareID, userChannel)
    actions.write { bytes in
      bytes.appendShareData(type: ShareDataType.control, shareID: share) { body in
        body.appendLittleEndian(UInt16(2))
        body.appendLittleEndian(user)
        body.appendLittleEndian(UInt32(ServerChannels.server))
      }
    }
    tell("Control: Granted", received: false, into: &actions)
  }

  private mutating func sendFontMap(now: MonotonicTime, into actions: inout Actions) {
    tell("Font List", into: &actions)
    let share = output.shareID
    var bytes: [UInt8] = []
    bytes.appendShareData(type: ShareDataType.fontMap, shareID: share) { $0 += [0, 0, 0, 0, 3, 0, 4, 0] }
    output.appendPointer(isHidden: false, into: &bytes)
    actions.write(bytes)
    tell("Font Map", received: false, into: &actions)
    hasFontMap = true
    display.forget()
    actions.setTimer(Self.handshakeTimer, at: nil)
    if account == nil { actions.setTimer(Self.logInTimer, at: now + limits.logInTime) }
    beginChannels(now: now, into: &actions)
    startIfReady(into: &actions)
    resizeIfPossible(now: now, into: &actions)
  }
}

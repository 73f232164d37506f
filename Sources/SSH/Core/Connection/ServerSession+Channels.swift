import WireKit

/// Channels: opening, data, windows, closing (RFC 4254 §5).
extension ServerSession {
  mutating func channelMessage(_ number: UInt8, _ payload: RawSpan, into actions: inout Actions) throws {
    if number == MessageNumber.channelOpen.number {
      try channelOpen(payload, into: &actions)
      return
    }
    var reader = WireReader(payload)
    try reader.skip(1, "message number")
    let channel = ChannelNumber(try reader.readUInt32("recipient channel"))
    if number == 91 || number == 92 {
      try channelAnswered(channel, confirmed: number == 91, &reader, into: &actions)
      return
    }
    guard channels[channel] != nil else { throw SSHError(.protocolError, "a message for no channel") }
    switch MessageNumber(number) {
    case .channelData: try received(try reader.readString("data"), channel, isError: false)
    case .channelExtendedData:
      _ = try reader.readUInt32("data type")
      try received(try reader.readString("data"), channel, isError: true)
    case .channelWindowAdjust: try adjustWindow(channel, by: try reader.readUInt32("bytes to add"))
    case .channelEOF:
      channels[channel]?.hasReceivedEOF = true
      touched.insert(channel)
    case .channelClose: try receivedClose(channel, into: &actions)
    case .channelRequest: try channelRequest(channel, &reader, into: &actions)
    default: break
    }
  }

  // MARK: Opening

  private mutating func channelOpen(_ payload: RawSpan, into actions: inout Actions) throws {
    let open = try ChannelOpen(payload)
    // A largest packet of nothing would never let anything out (others loop on it).
    guard open.maximumPacket > 0, channels.count + offered.count < limits.maximumChannels, !isDraining,
      let number = freeNumber()
    else {
      try refuse(open, .resourceShortage, into: &actions)
      return
    }
    switch open.kind {
    case .session:
      guard grant?.allowsSessions == true else {
        try refuse(open, .administrativelyProhibited, into: &actions)
        return
      }
      actions.event(.channelOpened(number, kind: "session"))
      try confirm(number, open, .session(Channel.SessionState()), into: &actions)
    case .directTCP(let target):
      guard grant?.allowsConnecting(to: target.host, target.port) == true else {
        try refuse(open, .administrativelyProhibited, into: &actions)
        return
      }
      reserve(number)
      _ = ask(.connect(number, target), .connect(number, open), into: &actions)
    case .forwardedTCP, .other: try refuse(open, .unknownChannelType, into: &actions)
    }
  }

  private func freeNumber() -> ChannelNumber? {
    (0...UInt32(limits.maximumChannels)).lazy.map { ChannelNumber($0) }
      .first { channels[$0] == nil && offered[$0] == nil }
  }

  /// Keeps a number until the connection stands.
  private mutating func reserve(_ number: ChannelNumber) {
    offered[number] = TCPTarget(host: "", port: 0, originatorHost: "", originatorPort: 0)
  }

  private mutating func confirm(
    _ number: ChannelNumber, _ open: ChannelOpen, _ kind: Channel.Kind, into actions: inout Actions
  ) throws {
    var channel = Channel(
      kind: kind, remote: open.sender, sendWindow: open.window, sendMaximum: open.maximumPacket,
      receiveWindow: limits.channelWindow)
    if case .tcp = kind { channel.isRunning = true }
    channels[number] = channel
    let (window, maximum) = (limits.channelWindow, limits.channelPacket)
    try send(&actions) {
      $0.append(MessageNumber.channelOpenConfirmation)
      $0.appendInteger(open.sender)
      $0.appendInteger(number.number)
      $0.appendInteger(window)
      $0.appendInteger(maximum)
    }
  }

  private mutating func refuse(
    _ open: ChannelOpen, _ reason: ChannelOpenFailure, into actions: inout Actions
  ) throws {
    try send(&actions) {
      $0.append(MessageNumber.channelOpenFailure)
      $0.appendInteger(open.sender)
      $0.appendInteger(reason.rawValue)
      $0.appendString("refused")
      $0.appendString("")
    }
  }

  // MARK: Data from the peer

  private mutating func received(_ data: RawSpan, _ number: ChannelNumber, isError: Bool) throws {
    // In place: a copy of the channel would make a copy of what waits in it.
    let largest = limits.channelPacket
    try channels[number]?.receive(data, isError: isError, largest: largest)
    touched.insert(number)
  }

  /// Hands over what came, one request at a time, and then the end.
  mutating func passInput(_ number: ChannelNumber, into actions: inout Actions) {
    guard let channel = channels[number], channel.inputUnderWay == nil, channel.isRunning else { return }
    if !channel.input.isEmpty {
      var input: [UInt8] = []
      if let taken = channels[number]?.takeInput() { input = taken }
      _ = ask(.input(number, input), .input(number), into: &actions)
    } else if channel.hasReceivedEOF, !channel.hasPassedEOF {
      channels[number]?.hasPassedEOF = true
      _ = ask(.inputEnd(number), .inputEnd(number), into: &actions)
    }
  }

  /// Grants the peer what was taken, once it is worth a message.
  private mutating func grantWindow(_ number: ChannelNumber, into actions: inout Actions) throws {
    guard let channel = channels[number], !channel.hasReceivedEOF, !channel.hasSentClose,
      channel.consumed >= limits.channelWindow / 4
    else { return }
    let grant = channel.consumed
    channels[number]?.consumed = 0
    channels[number]?.receiveWindow += grant
    try send(&actions) {
      $0.append(MessageNumber.channelWindowAdjust)
      $0.appendInteger(channel.remote)
      $0.appendInteger(grant)
    }
  }

  // MARK: Output to the peer

  private mutating func adjustWindow(_ number: ChannelNumber, by count: UInt32) throws {
    guard let channel = channels[number] else { return }
    let (sum, overflow) = channel.sendWindow.addingReportingOverflow(count)
    guard !overflow else { throw SSHError(.protocolError, "a window above 2^32-1") }
    channels[number]?.sendWindow = sum
  }

  /// Sends what waits, as far as window and keys allow, and asks for more where there is room.
  mutating func moveOutput(_ number: ChannelNumber, into actions: inout Actions) throws {
    try flush(number, into: &actions)
    guard let channel = channels[number], channel.isRunning, channel.outputTicket == nil, channel.waitingOutput == 0,
      channel.exit == nil, !channel.hasSentClose, channel.sendWindow > 0, transport.canSend,
      unsent < limits.outputHighWater
    else { return }
    let maximum = min(Int(channel.sendWindow), 256 * 1024)
    let ticket = ask(.output(number, maximum: maximum), .output(number), into: &actions)
    channels[number]?.outputTicket = ticket
  }

  private mutating func flush(_ number: ChannelNumber, into actions: inout Actions) throws {
    // The bytes are taken out while they are written, so that nothing copies them.
    guard var channel = channels[number], channel.waitingOutput > 0 || channel.exit != nil else { return }
    var waiting: [UInt8] = []
    swap(&waiting, &channel.output)
    channels[number]?.output = []
    defer {
      swap(&waiting, &channel.output)
      if channel.outputOffset == channel.output.count {
        channel.output = []
        channel.outputOffset = 0
      }
      channels[number] = channel
    }
    let end = waiting.count
    while channel.outputOffset < end, channel.sendWindow > 0, transport.canSend, !channel.hasSentClose {
      let count = min(
        end - channel.outputOffset, Int(channel.sendWindow), Int(channel.sendMaximum), limits.largestDataMessage)
      let range = channel.outputOffset..<channel.outputOffset + count
      let (remote, isError) = (channel.remote, channel.outputIsError)
      let bytes = waiting.span.bytes.extracting(range)
      try send(&actions) {
        $0.append(isError ? MessageNumber.channelExtendedData : MessageNumber.channelData)
        $0.appendInteger(remote)
        if isError { $0.appendInteger(UInt32(1)) }
        $0.appendString(bytes)
      }
      channel.outputOffset += count
      channel.sendWindow -= UInt32(count)
    }
    if channel.outputOffset == end, let exit = channel.exit, !channel.hasSentClose {
      try close(&channel, exit, into: &actions)
    }
  }

  /// Exit status, end of data, close.
  private mutating func close(_ channel: inout Channel, _ exit: ExitStatus, into actions: inout Actions) throws {
    channel.hasSentClose = true
    let remote = channel.remote
    switch exit {
    case .code(let code):
      try send(&actions) {
        $0.append(MessageNumber.channelRequest)
        $0.appendInteger(remote)
        $0.appendString("exit-status")
        $0.appendBool(false)
        $0.appendInteger(code)
      }
    case .signal(let name, let coreDumped):
      try send(&actions) {
        $0.append(MessageNumber.channelRequest)
        $0.appendInteger(remote)
        $0.appendString("exit-signal")
        $0.appendBool(false)
        $0.appendString(name)
        $0.appendBool(coreDumped)
        $0.appendString("")
        $0.appendString("")
      }
    case .none: break
    }
    for number in [MessageNumber.channelEOF, .channelClose] {
      try send(&actions) {
        $0.append(number)
        $0.appendInteger(remote)
      }
    }
  }

  // MARK: The end of a channel

  private mutating func receivedClose(_ number: ChannelNumber, into actions: inout Actions) throws {
    guard let channel = channels.removeValue(forKey: number) else { return }
    touched.remove(number)
    if !channel.hasSentClose {
      try send(&actions) {
        $0.append(MessageNumber.channelClose)
        $0.appendInteger(channel.remote)
      }
    }
    for (ticket, purpose) in purposes where purpose.concerns(number) {
      purposes[ticket] = nil
      actions.cancel(ticket)
    }
    actions.event(.channelClosed(number))
    _ = ask(.closed(number), .nothing, into: &actions)
  }

  // MARK: Answers of the outside

  mutating func resumeChannel(_ purpose: Purpose, _ reply: ServerReply, into actions: inout Actions) throws {
    switch (purpose, reply) {
    case (.input(let number), .done):
      guard let taken = channels[number]?.inputUnderWay else { return }
      channels[number]?.inputUnderWay = nil
      channels[number]?.consumed += taken
      try grantWindow(number, into: &actions)
      touched.insert(number)
    case (.output(let number), .output(let output)):
      channels[number]?.take(output)
    case (.connect(let number, let open), .connected(let failure)):
      offered[number] = nil
      if let failure {
        try refuse(open, failure, into: &actions)
      } else {
        actions.event(.channelOpened(number, kind: "direct-tcpip"))
        try confirm(number, open, .tcp, into: &actions)
      }
    case (.accept, .accepted(let outside, let target)): try accepted(outside, target, into: &actions)
    case (.inputEnd, .done), (.nothing, _): break
    default: throw SSHError(.byApplication, "an answer of the wrong kind")
    }
  }
}

extension Channel {
  fileprivate mutating func receive(_ data: RawSpan, isError: Bool, largest: UInt32) throws {
    let count = UInt32(truncatingIfNeeded: data.byteCount)
    guard count <= receiveWindow, count <= largest, !hasReceivedEOF else {
      throw SSHError(.protocolError, "channel data beyond its window or its end")
    }
    receiveWindow -= count
    // What nobody reads (errors of a client, data behind our close) is granted again at once.
    if isError || hasSentClose { consumed += count } else { input.append(data) }
  }

  /// Takes the input out, to be handed over.
  fileprivate mutating func takeInput() -> [UInt8] {
    var taken: [UInt8] = []
    swap(&taken, &input)
    inputUnderWay = UInt32(truncatingIfNeeded: taken.count)
    return taken
  }

  fileprivate mutating func take(_ result: ProgramOutput) {
    outputTicket = nil
    switch result {
    case .bytes(let bytes): (output, outputIsError) = (bytes, false)
    case .errorBytes(let bytes): (output, outputIsError) = (bytes, true)
    case .ended(let status): exit = status
    }
  }
}

extension ServerSession.Purpose {
  fileprivate func concerns(_ number: ChannelNumber) -> Bool {
    switch self {
    case .input(let other), .inputEnd(let other), .output(let other), .connect(let other, _): other == number
    case .accept, .nothing: false
    }
  }
}

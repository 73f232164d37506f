import WireKit

/// Session channels, the client's side.
extension ClientSession {
  mutating func perform(_ command: ClientCommand, into actions: inout Actions) throws {
    switch command {
    case .run(let program):
      let number = ChannelNumber(nextChannel)
      nextChannel &+= 1
      channels[number] = ClientChannel(program: program, receiveWindow: limits.channelWindow)
      let (window, maximum) = (limits.channelWindow, limits.channelPacket)
      try send(&actions) {
        $0.append(MessageNumber.channelOpen)
        $0.appendString("session")
        $0.appendInteger(number.number)
        $0.appendInteger(window)
        $0.appendInteger(maximum)
      }
    case .send(let number, let bytes): channels[number]?.waiting += bytes
    case .sendEOF(let number): channels[number]?.wantsEOF = true
    case .close(let number): try close(number, into: &actions)
    case .rekey: try emit(&actions) { transport, output in try transport.startExchange(into: &output) }
    case .disconnect: disconnect(SSHError(.byApplication, "the client ends"), into: &actions)
    }
  }

  mutating func channelMessage(
    _ message: UInt8, _ reader: inout WireReader, into actions: inout Actions
  ) throws {
    if message == MessageNumber.channelOpen.number {
      try refuseOpen(&reader, into: &actions)
      return
    }
    let number = ChannelNumber(try reader.readUInt32("recipient channel"))
    guard channels[number] != nil else { throw SSHError(.protocolError, "a message for no channel") }
    switch MessageNumber(message) {
    case .channelOpenConfirmation: try opened(number, &reader, into: &actions)
    case .channelOpenFailure:
      channels[number] = nil
      actions.event(.channelRefused(number))
    case .channelWindowAdjust:
      let count = try reader.readUInt32("bytes to add")
      let (sum, overflow) = (channels[number]?.sendWindow ?? 0).addingReportingOverflow(count)
      guard !overflow else { throw SSHError(.protocolError, "a window above 2^32-1") }
      channels[number]?.sendWindow = sum
    case .channelData:
      let data = try reader.readStringBytes("data")
      try took(data.count, number, into: &actions)
      actions.event(.data(number, data))
    case .channelExtendedData:
      _ = try reader.readUInt32("data type")
      let data = try reader.readStringBytes("data")
      try took(data.count, number, into: &actions)
      actions.event(.errorData(number, data))
    case .channelEOF: actions.event(.eof(number))
    case .channelClose:
      try close(number, into: &actions)
      channels[number] = nil
      actions.event(.channelClosed(number))
    case .channelRequest: try request(number, &reader, into: &actions)
    case .channelSuccess: actions.event(.started(number, true))
    case .channelFailure: actions.event(.started(number, false))
    default: break
    }
  }

  private mutating func opened(
    _ number: ChannelNumber, _ reader: inout WireReader, into actions: inout Actions
  ) throws {
    let remote = try reader.readUInt32("sender channel")
    channels[number]?.sendWindow = try reader.readUInt32("initial window size")
    let maximum = try reader.readUInt32("maximum packet size")
    guard let channel = channels[number], channel.remote == nil, maximum > 0 else {
      throw SSHError(.protocolError, "a channel that can't be used")
    }
    channels[number]?.sendMaximum = maximum
    channels[number]?.remote = remote
    actions.event(.channelOpened(number))
    try send(&actions) {
      $0.append(MessageNumber.channelRequest)
      $0.appendInteger(remote)
      switch channel.program {
      case .shell:
        $0.appendString("shell")
        $0.appendBool(true)
      case .exec(let command):
        $0.appendString("exec")
        $0.appendBool(true)
        $0.appendString(command)
      case .subsystem(let name):
        $0.appendString("subsystem")
        $0.appendBool(true)
        $0.appendString(name)
      }
    }
  }

  /// Notes data that came, and grants the window again.
  private mutating func took(_ count: Int, _ number: ChannelNumber, into actions: inout Actions) throws {
    guard var channel = channels[number], let remote = channel.remote, count <= channel.receiveWindow else {
      throw SSHError(.protocolError, "channel data beyond its window")
    }
    channel.receiveWindow -= UInt32(count)
    if channel.receiveWindow < limits.channelWindow / 2 {
      let grant = limits.channelWindow - channel.receiveWindow
      channel.receiveWindow += grant
      try send(&actions) {
        $0.append(MessageNumber.channelWindowAdjust)
        $0.appendInteger(remote)
        $0.appendInteger(grant)
      }
    }
    channels[number] = channel
  }

  mutating func flush(_ number: ChannelNumber, into actions: inout Actions) throws {
    guard var channel = channels[number], let remote = channel.remote, !channel.hasSentClose else { return }
    var waiting: [UInt8] = []
    swap(&waiting, &channel.waiting)
    channels[number]?.waiting = []
    var offset = 0
    while offset < waiting.count, channel.sendWindow > 0, transport.canSend {
      let count = min(waiting.count - offset, Int(channel.sendWindow), Int(channel.sendMaximum))
      let bytes = waiting.span.bytes.extracting(offset..<offset + count)
      try send(&actions) {
        $0.append(MessageNumber.channelData)
        $0.appendInteger(remote)
        $0.appendString(bytes)
      }
      offset += count
      channel.sendWindow -= UInt32(count)
    }
    waiting.removeFirst(offset)
    channel.waiting = waiting
    if channel.waiting.isEmpty, channel.wantsEOF, !channel.hasSentEOF {
      channel.hasSentEOF = true
      try send(&actions) {
        $0.append(MessageNumber.channelEOF)
        $0.appendInteger(remote)
      }
    }
    channels[number] = channel
  }

  private mutating func close(_ number: ChannelNumber, into actions: inout Actions) throws {
    guard let channel = channels[number], let remote = channel.remote, !channel.hasSentClose else { return }
    channels[number]?.hasSentClose = true
    try send(&actions) {
      $0.append(MessageNumber.channelClose)
      $0.appendInteger(remote)
    }
  }

  private mutating func request(
    _ number: ChannelNumber, _ reader: inout WireReader, into actions: inout Actions
  ) throws {
    let name = try reader.readText("request type")
    let wantsReply = try reader.readBool("want reply")
    switch name {
    case "exit-status": actions.event(.exited(number, .code(try reader.readUInt32("exit_status"))))
    case "exit-signal":
      let signal = try reader.readText("signal name")
      actions.event(.exited(number, .signal(signal, coreDumped: try reader.readBool("core dumped"))))
    default:
      guard wantsReply, let remote = channels[number]?.remote else { return }
      try send(&actions) {
        $0.append(MessageNumber.channelFailure)
        $0.appendInteger(remote)
      }
    }
  }

  private mutating func refuseOpen(_ reader: inout WireReader, into actions: inout Actions) throws {
    _ = try reader.readString("channel type")
    let sender = try reader.readUInt32("sender channel")
    try send(&actions) {
      $0.append(MessageNumber.channelOpenFailure)
      $0.appendInteger(sender)
      $0.appendInteger(ChannelOpenFailure.administrativelyProhibited.rawValue)
      $0.appendString("refused")
      $0.appendString("")
    }
  }
}

import WireKit

/// Requests on session channels (RFC 4254 §6) and forwarded connections (§7).
extension ServerSession {
  mutating func channelRequest(
    _ number: ChannelNumber, _ reader: inout WireReader, into actions: inout Actions
  ) throws {
    let name = try reader.readText("request type")
    let wantsReply = try reader.readBool("want reply")
    guard let channel = channels[number], case .session(var state) = channel.kind else {
      try answer(number, wantsReply, false, into: &actions)
      return
    }
    var isGranted = false
    switch name {
    case "pty-req" where grant?.allowsTerminals == true && !state.hasStarted && state.terminal == nil:
      state.terminal = try PseudoTerminal(&reader)
      isGranted = true
    case "env" where !state.hasStarted: isGranted = try setVariable(&state, &reader)
    case "auth-agent-req@openssh.com" where grant?.allowsAgent == true && !state.hasStarted:
      state.reachesAgent = true
      isGranted = true
    case "x11-req" where grant?.allowsDisplay == true && !state.hasStarted:
      state.display = try DisplayRequest(&reader)
      isGranted = true
    case "shell" where !state.hasStarted, "exec" where !state.hasStarted, "subsystem" where !state.hasStarted:
      state.hasStarted = true
      channels[number]?.kind = .session(state)
      try start(number, name, state, wantsReply, &reader, into: &actions)
      return
    case "window-change" where state.terminal != nil:
      let size = try TerminalSize(&reader)
      state.terminal?.size = size
      if channel.isRunning { _ = ask(.resize(number, size), .nothing, into: &actions) }
      isGranted = true
    case "signal" where channel.isRunning:
      let signal = try reader.readText("signal name")
      _ = ask(.signal(number, signal), .nothing, into: &actions)
      isGranted = true
    case "break" where channel.isRunning:
      _ = ask(.signal(number, "BREAK"), .nothing, into: &actions)
      isGranted = true
    default: break
    }
    channels[number]?.kind = .session(state)
    try answer(number, wantsReply, isGranted, into: &actions)
  }

  private func setVariable(
    _ state: inout Channel.SessionState, _ reader: inout WireReader
  ) throws(WireError) -> Bool {
    let name = try reader.readText("variable name")
    let value = try reader.readStringBytes("variable value")
    guard configuration.accepts(variable: name), name.utf8.count <= limits.maximumEnvironmentBytes,
      value.count <= limits.maximumEnvironmentBytes, !value.contains(0),
      state.environment.count < limits.maximumEnvironment
    else { return false }
    state.environment.removeAll { $0.name == name }
    state.environment.append(EnvironmentVariable(name: name, value: value))
    return true
  }

  private mutating func start(
    _ number: ChannelNumber, _ name: String, _ state: Channel.SessionState, _ wantsReply: Bool,
    _ reader: inout WireReader, into actions: inout Actions
  ) throws {
    var program: SessionStart.Program
    switch name {
    case "exec": program = .exec(try reader.readStringBytes("command"))
    case "subsystem": program = .subsystem(try reader.readText("subsystem name"))
    default: program = .shell
    }
    var environment = state.environment
    if let forced = grant?.forcedCommand {
      let original: [UInt8]
      switch program {
      case .exec(let command): original = command
      case .subsystem(let name): original = Array(name.utf8)
      case .shell: original = []
      }
      environment.append(EnvironmentVariable(name: "SSH_ORIGINAL_COMMAND", value: original))
      program = .exec(Array(forced.utf8))
    }
    let start = SessionStart(
      program: program, terminal: state.terminal, environment: environment, reachesAgent: state.reachesAgent,
      display: state.display)
    if state.reachesAgent || state.display != nil { acceptNext(into: &actions) }
    askAndWait(.start(number, start), .start(number, wantsReply: wantsReply), into: &actions)
  }

  mutating func started(
    _ number: ChannelNumber, _ hasStarted: Bool, _ wantsReply: Bool, into actions: inout Actions
  ) throws {
    if hasStarted {
      channels[number]?.isRunning = true
      touched.insert(number)
    } else if case .session(var state) = channels[number]?.kind {
      // Something else may be asked for on the same channel (RFC 4254 §6.5: one of them can succeed).
      state.hasStarted = false
      channels[number]?.kind = .session(state)
    }
    try answer(number, wantsReply, hasStarted, into: &actions)
  }

  private mutating func answer(
    _ number: ChannelNumber, _ wantsReply: Bool, _ isGranted: Bool, into actions: inout Actions
  ) throws {
    guard wantsReply, let channel = channels[number], !channel.hasSentClose else { return }
    try send(&actions) {
      $0.append(isGranted ? MessageNumber.channelSuccess : .channelFailure)
      $0.appendInteger(channel.remote)
    }
  }

  // MARK: Forwarded connections

  mutating func listening(
    _ port: UInt16?, _ wantsPort: Bool, _ wantsReply: Bool, into actions: inout Actions
  ) throws {
    if port != nil { acceptNext(into: &actions) }
    guard wantsReply else { return }
    try send(&actions) {
      $0.append(port == nil ? MessageNumber.requestFailure : .requestSuccess)
      if let port, wantsPort { $0.appendInteger(UInt32(port)) }
    }
  }

  /// From the first listener on, connections are asked for.
  private mutating func acceptNext(into actions: inout Actions) {
    guard !isAccepting else { return }
    isAccepting = true
    _ = ask(.accept, .accept, into: &actions)
  }

  /// A connection has come to a listener: it is offered to the peer, and the next one is asked for.
  mutating func accepted(
    _ number: ChannelNumber, _ connection: ForwardedConnection, into actions: inout Actions
  ) throws {
    _ = ask(.accept, .accept, into: &actions)
    guard channels[number] == nil, offered[number] == nil, offered.count < limits.maximumChannels else {
      _ = ask(.closed(number), .nothing, into: &actions)
      return
    }
    offered[number] = .connection(connection)
    let (window, maximum) = (limits.channelWindow, limits.channelPacket)
    try send(&actions) {
      $0.append(MessageNumber.channelOpen)
      connection.append(type: &$0)
      $0.appendInteger(number.number)
      $0.appendInteger(window)
      $0.appendInteger(maximum)
      connection.append(details: &$0)
    }
  }

  /// The peer takes or refuses a channel that we have offered.
  mutating func channelAnswered(
    _ number: ChannelNumber, confirmed: Bool, _ reader: inout WireReader, into actions: inout Actions
  ) throws {
    guard case .connection(let connection) = offered[number] else {
      throw SSHError(.protocolError, "an answer to no channel open")
    }
    offered[number] = nil
    guard confirmed else {
      _ = ask(.closed(number), .nothing, into: &actions)
      return
    }
    let remote = try reader.readUInt32("sender channel")
    let window = try reader.readUInt32("initial window size")
    let maximum = try reader.readUInt32("maximum packet size")
    guard maximum > 0 else { throw SSHError(.protocolError, "a largest packet of nothing") }
    var channel = Channel(
      kind: .tcp, remote: remote, sendWindow: window, sendMaximum: maximum, receiveWindow: limits.channelWindow)
    channel.isRunning = true
    channels[number] = channel
    let kind =
      switch connection {
      case .tcp: "forwarded-tcpip"
      case .local: "forwarded-streamlocal"
      case .agent: "auth-agent"
      case .display: "x11"
      }
    actions.event(.channelOpened(number, kind: kind))
  }
}

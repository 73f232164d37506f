import WireKit

/// From the connection request to the licence.
extension ServerSession {
  /// Chooses the security protocol: NLA where both have it, else TLS; never the legacy layer.
  mutating func negotiate(_ request: ConnectionRequest, into actions: inout Actions) {
    requested = request.protocols ?? .legacy
    tell(
      "X.224 Connection Request",
      "offers \(request.protocols == nil ? "no negotiation" : "0x" + String(requested.rawValue, radix: 16))",
      into: &actions)
    let common = requested.intersection(configuration.protocols)
    let best: SecurityProtocols? =
      common.contains(.hybridEx)
      ? .hybridEx : common.contains(.hybrid) ? .hybrid : common.contains(.ssl) ? .ssl : nil
    guard let best else {
      let failure: NegotiationFailure = configuration.protocols.contains(.ssl) ? .sslRequired : .hybridRequired
      actions.write { ConnectionConfirm.failed(failure).encode(into: &$0) }
      return end("no security protocol in common", into: &actions)
    }
    selected = best
    actions.event(.negotiated(best))
    tell("X.224 Connection Confirm", "chooses \(best.name)", received: false, into: &actions)
    actions.write { ConnectionConfirm.selected(best, flags: 1).encode(into: &$0) }
    stage = .handshake
    actions.startTLS()
  }

  /// Takes the MCS Connect Initial.
  mutating func connect(_ packet: RawSpan, into actions: inout Actions) throws(WireError) {
    client = try ClientData(packet, limits: limits)
    // MS_T120 is MCS's own; a client that asks for a channel of that name is after CVE-2019-0708.
    guard !client.channels.contains(where: { $0.name.uppercased() == "MS_T120" }) else {
      return end("the client asks for the channel MS_T120", into: &actions)
    }
    if let claimed = client.selectedProtocol, claimed != selected {
      return end("the client believes that \(claimed.name) was negotiated", into: &actions)
    }
    tell(
      "MCS Connect Initial",
      "\(client.clientName), build \(client.clientBuild), \(client.desktopWidth)x\(client.desktopHeight), "
        + "\(client.colorDepth) bits, channels \(client.channels.map(\.name).joined(separator: " "))", into: &actions)
    actions.event(.clientNamed(client.clientName, build: client.clientBuild))
    staticChannels = client.channels.indices.map { ServerChannels.firstStatic + UInt16($0) }
    var next = ServerChannels.firstStatic + UInt16(staticChannels.count)
    if client.wantsMessageChannel {
      messageChannel = next
      next += 1
    }
    userChannel = next
    for (channel, number) in zip(client.channels, staticChannels) {
      switch channel.name.lowercased() {
      case "cliprdr":
        clipboardChannel = StaticChannel(number: number, limit: 2 * limits.maximumClipboard + 64)
      case "drdynvc": dynamicChannel = StaticChannel(number: number, limit: 2 * StaticChannel.chunk)
      default: break
      }
    }
    keyboard = Keyboard(layout: .named(client.keyboardLayout))
    setDesktop(width: client.desktopWidth, height: client.desktopHeight)
    let answer = ServerData(requestedProtocols: requested, channels: staticChannels, messageChannel: messageChannel)
    actions.write { answer.encode(into: &$0) }
    tell("MCS Connect Response", received: false, into: &actions)
    stage = .joining
  }

  mutating func setDesktop(width wantedWidth: Int, height wantedHeight: Int) {
    width = min(max(wantedWidth, limits.minimumWidth), limits.maximumWidth)
    height = min(max(wantedHeight, limits.minimumHeight), limits.maximumHeight)
    output.format = PixelFormat(bitsPerPixel: client.colorDepth)
    display = CellDisplay(width: width, height: height, format: output.format)
    if terminal.columns == 2 {
      terminal = Terminal(columns: display.columns, rows: display.rows, scrollback: limits.scrollback)
    } else {
      terminal.resize(columns: display.columns, rows: display.rows)
    }
  }

  /// Takes a packet of the MCS domain.
  mutating func receive(domain packet: RawSpan, now: MonotonicTime, into actions: inout Actions) throws(WireError) {
    switch try DomainPDU(packet) {
    case .erectDomain: tell("MCS Erect Domain", into: &actions)
    case .attachUser:
      tell("MCS Attach User", into: &actions)
      actions.write { $0.appendAttachUserConfirm(user: userChannel) }
    case .channelJoin(let user, let channel): join(user, channel, into: &actions)
    case .data(let channel, let data):
      guard channel == ServerChannels.io else {
        return try receive(channel: channel, data, now: now, into: &actions)
      }
      try receive(io: data, now: now, into: &actions)
    case .disconnect(let reason):
      tell("MCS Disconnect Provider Ultimatum", "reason \(reason)", into: &actions)
      end("the client has disconnected", into: &actions)
    }
  }

  private mutating func join(_ user: UInt16, _ channel: UInt16, into actions: inout Actions) {
    joins += 1
    guard joins <= limits.maximumJoins else { return end("too many channel joins", into: &actions) }
    let known = [userChannel, ServerChannels.io] + staticChannels + (messageChannel.map { [$0] } ?? [])
    tell("MCS Channel Join", "channel \(channel)", into: &actions)
    guard user == userChannel, known.contains(channel) else {
      actions.write { $0.appendChannelJoinRefusal(user: userChannel, channel: channel) }
      return
    }
    actions.write { $0.appendChannelJoinConfirm(user: userChannel, channel: channel) }
  }

  /// Data of the I/O channel.
  private mutating func receive(io data: RawSpan, now: MonotonicTime, into actions: inout Actions) throws(WireError) {
    if stage == .joining {
      takeInfo(try ClientInfo(data), now: now, into: &actions)
      return
    }
    var reader = WireReader(data)
    while reader.remaining >= 4, stage != .ended {
      try receive(share: SharePDU(&reader), now: now, into: &actions)
    }
  }

  private mutating func takeInfo(_ info: ClientInfo, now: MonotonicTime, into actions: inout Actions) {
    tell("Client Info", info.userName.isEmpty ? "no user" : "user \(info.userName)", into: &actions)
    actions.write { $0.appendValidClient() }
    tell("Licence: valid client", received: false, into: &actions)
    demandActivation(into: &actions)
    guard account == nil else { return }
    let name = Self.qualified(info.userName, info.domain)
    logInScreen = LogInScreen(hostname: configuration.hostname, name: name)
    if info.wantsLogIn, !name.isEmpty, !info.password.isEmpty {
      logInScreen?.submit()
      askForLogIn(name: name, password: info.password, code: nil, into: &actions)
    }
    drawLogIn()
  }

  /// A Windows domain counts when it is a mail domain too; what stands there is mostly the name of the client's machine.
  static func qualified(_ user: String, _ domain: String) -> String {
    user.isEmpty || user.contains("@") || !domain.contains(".") ? user : "\(user)@\(domain)"
  }

  mutating func demandActivation(into actions: inout Actions) {
    let demand = DemandActive(
      shareID: output.shareID, width: width, height: height, bitsPerPixel: output.format.rawValue)
    actions.write { demand.encode(into: &$0) }
    tell("Demand Active", "\(width)x\(height), \(output.format.rawValue) bits", received: false, into: &actions)
    stage = .activation
    hasFontMap = false
  }
}

/// The options in front of a key in `authorized_keys` (sshd(8)), as far as they bind a session.
///
/// `from` and `expiry-time` are judged before, by whom the key is asked about. What asks for more than the account has, such
/// as `environment`, is passed over as sshd does by default; an option that nobody knows makes the key useless, for it may be
/// a restriction.
public struct KeyRestrictions: Sendable, Hashable {
  public var allowsTerminals = true
  public var allowsForwarding = true
  public var allowsAgent = true
  public var allowsDisplay = true
  public var command: String?
  /// Where `direct-tcpip` may lead; `nil` for anywhere.
  public var permitOpen: [ForwardingPlace]?
  /// Where `tcpip-forward` may listen; `nil` for anywhere.
  public var permitListen: [ForwardingPlace]?

  /// Options that change nothing here: what they permit or forbid is not there.
  private static let idle: Set<String> = [
    "from", "expiry-time", "environment", "user-rc", "no-user-rc", "tunnel",
    "principals",
    // A touch is demanded of every token.
    "no-touch-required",
  ]

  /// `nil` for options that are not of the form `name,name="value",…`, or not known.
  public init?(_ text: String) {
    guard let options = Self.parse(text) else { return nil }
    for option in options {
      switch (option.name, option.value) {
      case ("restrict", nil):
        (allowsTerminals, allowsForwarding, allowsAgent, allowsDisplay) = (false, false, false, false)
      case ("pty", nil): allowsTerminals = true
      case ("no-pty", nil): allowsTerminals = false
      case ("port-forwarding", nil): allowsForwarding = true
      case ("no-port-forwarding", nil): allowsForwarding = false
      case ("agent-forwarding", nil): allowsAgent = true
      case ("no-agent-forwarding", nil): allowsAgent = false
      case ("x11-forwarding", nil): allowsDisplay = true
      case ("no-x11-forwarding", nil): allowsDisplay = false
      case ("command", let value?): command = value
      case ("permitopen", let value?):
        guard let place = ForwardingPlace(value, needsHost: true) else { return nil }
        permitOpen = (permitOpen ?? []) + [place]
      case ("permitlisten", let value?):
        guard let place = ForwardingPlace(value, needsHost: false) else { return nil }
        permitListen = (permitListen ?? []) + [place]
      case (let name, _) where Self.idle.contains(name): break
      default: return nil
      }
    }
  }

  private static func parse(_ text: String) -> [(name: String, value: String?)]? {
    var options: [(name: String, value: String?)] = []
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let name = rest.prefix {
        (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
      }
      guard !name.isEmpty else { return nil }
      rest = rest.dropFirst(name.count)
      var value: String?
      if rest.starts(with: [0x3D, 0x22]) {
        rest = rest.dropFirst(2)
        guard let quoted = takeQuoted(&rest) else { return nil }
        value = quoted
      }
      options.append((String(decoding: name, as: UTF8.self).lowercased(), value))
      guard let separator = rest.popFirst() else { break }
      guard separator == 0x2C, !rest.isEmpty else { return nil }
    }
    return options
  }

  /// Up to the closing mark; `\"` stands for the mark itself.
  private static func takeQuoted(_ rest: inout ArraySlice<UInt8>) -> String? {
    var value: [UInt8] = []
    while let byte = rest.popFirst() {
      if byte == 0x22 { return String(decoding: value, as: UTF8.self) }
      if byte == 0x5C, rest.first == 0x22 {
        rest = rest.dropFirst()
        value.append(0x22)
      } else {
        value.append(byte)
      }
    }
    return nil
  }
}

/// A host and a port of `permitopen` and `permitlisten`, either of which may be any.
public struct ForwardingPlace: Sendable, Hashable {
  public var host: String?
  public var port: UInt16?

  /// `host:port`, `[host]:port`, with `*` for any; a port alone where the host is not needed.
  public init?(_ text: String, needsHost: Bool) {
    var (host, port) = ("", text[...])
    if let colon = text.lastIndex(of: ":") {
      host = String(text[..<colon])
      port = text[text.index(after: colon)...]
      if host.hasPrefix("["), host.hasSuffix("]"), host.count > 2 { host = String(host.dropFirst().dropLast()) }
      if host.isEmpty { return nil }
    } else if needsHost {
      return nil
    }
    self.host = host.isEmpty || host == "*" ? nil : host.lowercased()
    if port == "*" { return }
    guard let number = UInt16(port) else { return nil }
    self.port = number
  }

  func matches(_ host: String, _ port: UInt16) -> Bool {
    (self.host == nil || self.host == host.lowercased()) && (self.port == nil || self.port == port)
  }
}

extension Grant {
  /// What is left of a grant under the options of the key that was used.
  public mutating func restrict(by key: KeyRestrictions) {
    allowsTerminals = allowsTerminals && key.allowsTerminals
    allowsConnecting = allowsConnecting && key.allowsForwarding
    allowsListening = allowsListening && key.allowsForwarding
    allowsAgent = allowsAgent && key.allowsAgent
    allowsDisplay = allowsDisplay && key.allowsDisplay
    // Where `permitopen` names the only places, a socket of any name would be a way around them.
    allowsLocalSockets =
      allowsLocalSockets && key.allowsForwarding && key.permitOpen == nil && key.permitListen == nil
    if let command = key.command { forcedCommand = command }
    permitOpen = key.permitOpen
    permitListen = key.permitListen
  }

  func allowsConnecting(to host: String, _ port: UInt16) -> Bool {
    allowsConnecting && permitOpen.map { $0.contains { $0.matches(host, port) } } ?? true
  }

  func allowsListening(on host: String, _ port: UInt16) -> Bool {
    allowsListening && permitListen.map { $0.contains { $0.matches(host, port) } } ?? true
  }
}

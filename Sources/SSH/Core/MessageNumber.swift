/// The message numbers (RFC 4250 §4.1, RFC 8308, OpenSSH's PROTOCOL).
public struct MessageNumber: Hashable, Sendable {
  public let number: UInt8
  public init(_ number: UInt8) { self.number = number }

  static let disconnect = MessageNumber(1)
  static let ignore = MessageNumber(2)
  static let unimplemented = MessageNumber(3)
  static let debug = MessageNumber(4)
  static let serviceRequest = MessageNumber(5)
  static let serviceAccept = MessageNumber(6)
  static let extensionInfo = MessageNumber(7)
  static let keyExchangeInit = MessageNumber(20)
  static let newKeys = MessageNumber(21)
  static let ecdhInit = MessageNumber(30)
  static let ecdhReply = MessageNumber(31)
  static let authenticationRequest = MessageNumber(50)
  static let authenticationFailure = MessageNumber(51)
  static let authenticationSuccess = MessageNumber(52)
  static let banner = MessageNumber(53)
  /// 60 means something else in each method (RFC 4252 §6).
  static let publicKeyAccepted = MessageNumber(60)
  static let informationRequest = MessageNumber(60)
  static let informationResponse = MessageNumber(61)
  static let globalRequest = MessageNumber(80)
  static let requestSuccess = MessageNumber(81)
  static let requestFailure = MessageNumber(82)
  static let channelOpen = MessageNumber(90)
  static let channelOpenConfirmation = MessageNumber(91)
  static let channelOpenFailure = MessageNumber(92)
  static let channelWindowAdjust = MessageNumber(93)
  static let channelData = MessageNumber(94)
  static let channelExtendedData = MessageNumber(95)
  static let channelEOF = MessageNumber(96)
  static let channelClose = MessageNumber(97)
  static let channelRequest = MessageNumber(98)
  static let channelSuccess = MessageNumber(99)
  static let channelFailure = MessageNumber(100)
  static let ping = MessageNumber(192)
  static let pong = MessageNumber(193)
}

/// Where a connection stands, as far as it decides which messages are legal.
struct Phase: OptionSet, Sendable {
  let rawValue: UInt8
  /// Until the first NEWKEYS.
  static let firstExchange = Phase(rawValue: 1)
  /// From the peer's KEXINIT to its NEWKEYS, later on.
  static let exchange = Phase(rawValue: 2)
  /// Keys are in use, nobody has logged in.
  static let authentication = Phase(rawValue: 4)
  /// Logged in.
  static let connection = Phase(rawValue: 8)

  static let always: Phase = [.firstExchange, .exchange, .authentication, .connection]
}

/// Which end of the connection this is.
public enum Role: Sendable {
  case client, server
}

/// One row of what is legal when: a range of message numbers, the phases in which it may come, and from whom.
struct MessageRule: Sendable {
  let numbers: ClosedRange<UInt8>
  let phases: Phase
  /// Who may send it; `nil` for both.
  let sender: Role?
}

extension MessageRule {
  /// RFC 4250 §4.1.1: transport 1–49, authentication 50–79, connection 80–127, local extensions 192–255.
  static let table: [MessageRule] = [
    MessageRule(numbers: 1...4, phases: .always, sender: nil),
    MessageRule(numbers: 5...5, phases: [.authentication, .connection], sender: .client),
    MessageRule(numbers: 6...6, phases: [.authentication, .connection], sender: .server),
    MessageRule(numbers: 7...7, phases: [.authentication, .connection], sender: nil),
    MessageRule(numbers: 20...20, phases: .always, sender: nil),
    MessageRule(numbers: 21...21, phases: [.firstExchange, .exchange], sender: nil),
    MessageRule(numbers: 30...30, phases: [.firstExchange, .exchange], sender: .client),
    MessageRule(numbers: 31...31, phases: [.firstExchange, .exchange], sender: .server),
    MessageRule(numbers: 50...50, phases: [.authentication, .connection], sender: .client),
    MessageRule(numbers: 51...53, phases: .authentication, sender: .server),
    MessageRule(numbers: 60...60, phases: .authentication, sender: .server),
    MessageRule(numbers: 61...61, phases: .authentication, sender: .client),
    MessageRule(numbers: 80...82, phases: .connection, sender: nil),
    MessageRule(numbers: 90...100, phases: .connection, sender: nil),
    MessageRule(numbers: 192...193, phases: [.authentication, .connection], sender: nil),
  ]

  enum Verdict { case legal, illegal, unknown }

  /// What the table says. A number that no row knows is answered by UNIMPLEMENTED (RFC 4253 §11.4), but only where
  /// such an answer is legal.
  static func judge(_ number: UInt8, in phase: Phase, from sender: Role) -> Verdict {
    guard let rule = table.first(where: { $0.numbers.contains(number) }) else {
      return phase.contains(.authentication) || phase.contains(.connection) ? .unknown : .illegal
    }
    guard rule.phases.contains(phase), rule.sender == nil || rule.sender == sender else { return .illegal }
    return .legal
  }
}

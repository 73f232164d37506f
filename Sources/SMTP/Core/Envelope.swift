/// What a message travels in: everything about it that is not in it (RFC 5321 §2.3.1).
public struct Envelope: Sendable, Hashable {
  public var sender: ReversePath
  public var parameters: MailParameters
  public var recipients: [Recipient]

  public init(sender: ReversePath, parameters: MailParameters = MailParameters(), recipients: [Recipient] = []) {
    self.sender = sender
    self.parameters = parameters
    self.recipients = recipients
  }

  /// One recipient, with what its sender wants to hear of its delivery.
  public struct Recipient: Sendable, Hashable {
    public var address: MailAddress
    public var parameters: RecipientParameters

    public init(_ address: MailAddress, _ parameters: RecipientParameters = RecipientParameters()) {
      self.address = address
      self.parameters = parameters
    }
  }
}

/// The parameters of MAIL that are understood here.
public struct MailParameters: Sendable, Hashable {
  /// What a message's content is made of (RFC 6152).
  public enum Body: String, Sendable, Hashable, Codable {
    case sevenBit = "7BIT"
    case eightBitMIME = "8BITMIME"
  }

  /// What a failure notice returns (RFC 3461 §4.3).
  public enum Return: String, Sendable, Hashable, Codable {
    case full = "FULL"
    case headers = "HDRS"
  }

  /// The declared size in bytes (RFC 1870 §6).
  public var size: Int64?
  public var body: Body?
  /// RFC 6531 §3.4.
  public var isUTF8 = false
  public var returns: Return?
  /// Decoded (RFC 3461 §4.4).
  public var envelopeID: String?
  /// Who submitted it first, as the peer says (RFC 4954 §5); decoded. Nobody here trusts it.
  public var submitter: String?
  /// Only over TLS with a server that has proved who it is, all the way (RFC 8689).
  public var requiresTLS = false
  /// By when (RFC 2852).
  public var deliverBy: DeliverBy?
  /// -9 to 9, the higher the sooner (RFC 6710).
  public var priority: Int?
  /// Hold it for so many seconds (RFC 4865, FUTURERELEASE).
  public var holdSeconds: Int64?

  public init() {}
}

/// When a message must have been delivered, and what else happens then (RFC 2852 §4): `BY=120;R`.
public struct DeliverBy: Sendable, Hashable, Codable {
  public enum Mode: String, Sendable, Hashable, Codable {
    /// It goes back.
    case returned = "R"
    /// Its sender is told, and delivery goes on.
    case notify = "N"
  }

  /// From now on; may have passed already in the mode `notify`.
  public var seconds: Int64
  public var mode: Mode
  /// Whether each server on the way is to tell the sender.
  public var traces: Bool

  public init(seconds: Int64, mode: Mode, traces: Bool = false) {
    self.seconds = seconds
    self.mode = mode
    self.traces = traces
  }

  /// From the parameter's value.
  init?(_ value: String) {
    let parts = value.split(separator: ";", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].utf8.count <= 10, let seconds = Int64(parts[0]), abs(seconds) <= 999_999_999,
      parts[0].first != "+"
    else { return nil }
    let word = parts[1].uppercased()
    guard let mode = Mode(rawValue: String(word.prefix(1))), word.count == 1 || word.dropFirst() == "T",
      mode == .notify || seconds > 0
    else { return nil }
    self.init(seconds: seconds, mode: mode, traces: word.count == 2)
  }

  /// As the parameter's value.
  public var text: String { "\(seconds);\(mode.rawValue)\(traces ? "T" : "")" }
}

/// The parameters of RCPT (RFC 3461 §4.1, §4.2).
public struct RecipientParameters: Sendable, Hashable {
  /// When the sender wants a notice. `never` stands alone.
  public struct Notify: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let success = Notify(rawValue: 1)
    public static let failure = Notify(rawValue: 2)
    public static let delay = Notify(rawValue: 4)
    public static let never = Notify(rawValue: 8)

    /// The words of the parameter; empty for none.
    public var words: String {
      if contains(.never) { return "NEVER" }
      return [(Notify.success, "SUCCESS"), (.failure, "FAILURE"), (.delay, "DELAY")]
        .filter { contains($0.0) }.map(\.1).joined(separator: ",")
    }
  }

  /// `nil`: not said, which means failure, and delay where that is usual.
  public var notify: Notify?
  /// `rfc822;ann@lab.test`, with its address decoded.
  public var original: String?

  public init() {}
}

/// xtext (RFC 3461 §4): printable ASCII with `+XX` for the rest.
public enum XText {
  /// `nil` for what is none, and for control characters.
  public static func decode(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "+"):
        guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
          value >= 0x20, value != 0x7F
        else { return nil }
        bytes.append(value)
        rest = rest.dropFirst(2)
      case 0x21...0x7E where byte != UInt8(ascii: "="), 0x80...: bytes.append(byte)
      default: return nil
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  public static func encode(_ text: String) -> String {
    text.utf8.reduce(into: "") { output, byte in
      if (0x21...0x7E).contains(byte), byte != UInt8(ascii: "+"), byte != UInt8(ascii: "=") {
        output.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        output += "+" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
  }
}

import WireKit

/// A message as a milter sees it: where it comes from, its envelope, its header. The body is asked for piece by piece.
public struct MilterMessage: Sendable {
  /// Our own name.
  public var hostname: String
  /// The client's name by DNS, or its address in brackets.
  public var clientName: String
  public var client: Endpoint
  public var helloName: String
  /// `nil` for plain text.
  public var tlsVersion: String?
  /// Who has logged in.
  public var account: String?
  /// What the message is called here.
  public var id: String
  /// Without its angle brackets; empty for the null path.
  public var sender: String
  public var recipients: [String]
  /// Names as they stand, and values with the space behind the colon taken off.
  public var fields: [(name: String, value: [UInt8])]

  public init(
    hostname: String, clientName: String, client: Endpoint, helloName: String, tlsVersion: String? = nil,
    account: String? = nil, id: String, sender: String, recipients: [String], fields: [(name: String, value: [UInt8])]
  ) {
    self.hostname = hostname
    self.clientName = clientName
    self.client = client
    self.helloName = helloName
    self.tlsVersion = tlsVersion
    self.account = account
    self.id = id
    self.sender = sender
    self.recipients = recipients
    self.fields = fields
  }
}

/// What a milter says of a message.
public struct MilterVerdict: Sendable, Equatable {
  public enum Decision: Sendable, Equatable {
    /// It may pass; no further milter is asked where `isFinal`.
    case accept
    case reject
    case temporary
    /// To be taken, and thrown away.
    case discard
    /// An answer in its own words: `550 5.7.1 …`.
    case reply(code: Int, text: String)
    /// It said nothing of use.
    case failed(String)
  }

  /// One change of the message.
  public enum Change: Sendable, Equatable {
    /// A field behind the others.
    case addField(name: String, value: [UInt8])
    /// A field before the one at this place, counted from 0.
    case insertField(at: Int, name: String, value: [UInt8])
    /// The field of this name that comes as the so many-th, counted from 1; without a value it goes.
    case changeField(name: String, number: Int, value: [UInt8]?)
    case addRecipient(String)
    case removeRecipient(String)
    case sender(String)
  }

  public var decision: Decision
  public var changes: [Change] = []
  /// A new body in the place of the old one.
  public var body: [UInt8]?
  /// Why it should be looked at by a person first.
  public var quarantine: String?

  public init(_ decision: Decision) { self.decision = decision }
}

/// A milter session asks for the body piece by piece.
public enum MilterRequest: Sendable, Hashable {
  case piece
}

/// A piece of the body, of at most 64 kB.
public enum MilterPiece: Sendable {
  case bytes([UInt8])
  case end
  case failed
}

public enum MilterEvent: Sendable {
  /// Comes once.
  case finished(MilterVerdict)
}

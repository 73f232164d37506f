/// A row of the table of capabilities (RFC 9051 §6.1.1): what is advertised when, and what ENABLE switches on.
public struct Capability: Hashable, Sendable {
  public let name: String
  public let states: SessionStates
  public let isEnableable: Bool

  init(_ name: String, _ states: SessionStates = .loggedIn, isEnableable: Bool = false) {
    self.name = name
    self.states = states
    self.isEnableable = isEnableable
  }

  /// In the order in which they are told. STARTTLS, LOGINDISABLED, AUTH= and the limits depend on the connection and are added by
  /// the session.
  public static let table: [Capability] = [
    Capability("IMAP4rev1", .any), Capability("IMAP4rev2", .any, isEnableable: true),
    Capability("SASL-IR", .any), Capability("LITERAL+", .any), Capability("ID", .any), Capability("ENABLE", .any),
    Capability("IDLE"), Capability("NAMESPACE"), Capability("UIDPLUS"), Capability("UNSELECT"), Capability("CHILDREN"),
    Capability("LIST-EXTENDED"), Capability("LIST-STATUS"), Capability("LIST-MYRIGHTS"), Capability("LIST-METADATA"),
    Capability("SPECIAL-USE"), Capability("CREATE-SPECIAL-USE"), Capability("STATUS=SIZE"), Capability("ESEARCH"),
    Capability("SEARCHRES"), Capability("WITHIN"), Capability("MOVE"), Capability("BINARY"), Capability("MULTIAPPEND"),
    Capability("CATENATE"), Capability("REPLACE"), Capability("CONDSTORE", isEnableable: true),
    Capability("QRESYNC", isEnableable: true), Capability("SORT"), Capability("SORT=DISPLAY"), Capability("ESORT"),
    Capability("THREAD=ORDEREDSUBJECT"), Capability("THREAD=REFERENCES"), Capability("THREAD=REFS"),
    Capability("QUOTA"), Capability("QUOTA=RES-STORAGE"), Capability("QUOTA=RES-MESSAGE"), Capability("ACL"),
    Capability("RIGHTS=kxte"), Capability("METADATA"), Capability("METADATA-SERVER"), Capability("OBJECTID"),
    Capability("SAVEDATE"), Capability("PREVIEW"), Capability("PARTIAL"), Capability("UTF8=ACCEPT", isEnableable: true),
    Capability("UIDONLY", isEnableable: true), Capability("INPROGRESS"), Capability("NOTIFY"),
    Capability("CONTEXT=SEARCH"),
    Capability("CONTEXT=SORT"), Capability("FILTERS"), Capability("SEARCH=FUZZY"), Capability("MULTISEARCH"),
    Capability("UIDBATCHES"), Capability("URLAUTH"), Capability("URL-PARTIAL"),
    Capability("COMPRESS=DEFLATE"),
  ]
}

/// What a client has switched on, by ENABLE or by using it.
public struct EnabledExtensions: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  public static let rev2 = EnabledExtensions(rawValue: 1)
  public static let utf8 = EnabledExtensions(rawValue: 2)
  /// Modification sequences in every FETCH that tells flags (RFC 7162 §3.1).
  public static let condstore = EnabledExtensions(rawValue: 4)
  /// VANISHED in the place of EXPUNGE (RFC 7162 §3.2).
  public static let qresync = EnabledExtensions(rawValue: 8)

  /// UIDs alone: no sequence number goes either way (RFC 9586).
  public static let uidOnly = EnabledExtensions(rawValue: 16)

  /// Whether mailbox names travel as UTF-8.
  public var hasUTF8Names: Bool { !isDisjoint(with: [.rev2, .utf8]) }

  /// What ENABLE of this name switches on.
  public init?(enabling name: String) {
    switch name {
    case "IMAP4REV2": self = [.rev2]
    case "UTF8=ACCEPT": self = [.utf8]
    case "CONDSTORE": self = [.condstore]
    case "UIDONLY": self = [.uidOnly]
    case "QRESYNC": self = [.qresync, .condstore]
    default: return nil
    }
  }
}

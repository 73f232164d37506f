/// One element of an address list in the form that ENVELOPE has (RFC 9051 §7.5.2): a mailbox, or the beginning or end
/// of a group.
public struct Address: Sendable, Hashable {
  /// The display name without quotes; its encoded words are still encoded.
  public var name: String?
  /// The source route of old mail (RFC 5322 §4.4), `@a,@b`.
  public var route: String?
  /// The local part without quotes; of a group's beginning its name; `nil` at a group's end.
  public var mailbox: String?
  /// The domain; `nil` at a group's beginning and end. Empty where the field has none.
  public var host: String?

  public init(name: String? = nil, route: String? = nil, mailbox: String?, host: String?) {
    self.name = name
    self.route = route
    self.mailbox = mailbox
    self.host = host
  }

  public var isGroupStart: Bool { mailbox != nil && host == nil }
  public var isGroupEnd: Bool { mailbox == nil && host == nil }

  /// `local@domain`, for a mailbox; a local part that needs quotes has them.
  public var addrSpec: String? {
    guard let mailbox, let host else { return nil }
    let local = Self.isDotAtom(mailbox) ? mailbox : Self.quoted(mailbox)
    return host.isEmpty ? local : "\(local)@\(host)"
  }

  /// The display name with its encoded words decoded.
  public var displayName: String? { name.map(EncodedWord.decode) }

  /// Reads an address list (RFC 5322 §3.4), leniently.
  public static func list(_ value: [UInt8], limits: MessageLimits = MessageLimits()) -> [Address] {
    var parser = AddressParser(value, limits: limits)
    return parser.parse()
  }

  public static func list(_ value: String) -> [Address] { list(Array(value.utf8)) }

  static func isDotAtom(_ text: String) -> Bool {
    !text.isEmpty && !text.hasPrefix(".") && !text.hasSuffix(".") && !text.contains("..")
      && text.utf8.allSatisfy { byte in
        switch byte {
        case 0x61...0x7A, 0x41...0x5A, 0x30...0x39, 0x80...0xFF: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x2F, 0x3D, 0x3F, 0x5E, 0x5F, 0x60, 0x7B...0x7E: true
        default: false
        }
      }
  }

  static func quoted(_ text: String) -> String {
    var result = "\""
    for character in text {
      if character == "\"" || character == "\\" { result.append("\\") }
      result.append(character)
    }
    return result + "\""
  }
}

/// Reads address lists.
struct AddressParser {
  private var scanner: Scanner
  private let limit: Int
  private var result: [Address] = []
  private var isInGroup = false
  /// The words before what decides their meaning: a phrase or a local part, and whether a space stood before each.
  private var words: [(bytes: [UInt8], spaced: Bool, isDot: Bool)] = []
  private var comment: [UInt8]?

  init(_ value: [UInt8], limits: MessageLimits) {
    scanner = Scanner(value, limits: limits)
    limit = limits.addresses
  }

  mutating func parse() -> [Address] {
    while result.count < limit, let token = scanner.next() {
      switch token {
      case .atom(let bytes), .quoted(let bytes), .domainLiteral(let bytes): word(bytes)
      case .comment(let bytes): comment = bytes
      case .special(0x2E): words.append(([0x2E], scanner.sawSpace, true))
      case .special(0x3C): angle()
      case .special(0x40): bare()
      case .special(0x3A): beginGroup()
      case .special(0x3B): endGroup()
      case .special(0x2C): separate()
      case .special: break
      }
    }
    separate()
    if isInGroup { endGroup() }
    return result
  }

  private mutating func word(_ bytes: [UInt8]) { words.append((bytes, scanner.sawSpace, false)) }

  /// The words as a phrase.
  private func phrase() -> String {
    var bytes: [UInt8] = []
    for (index, word) in words.enumerated() {
      if index > 0, word.spaced { bytes.append(0x20) }
      bytes += word.bytes
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The words as a local part.
  private func local() -> String { String(decoding: words.flatMap(\.bytes), as: UTF8.self) }

  private mutating func clear() {
    words.removeAll()
    comment = nil
  }

  /// An address without `<`, or a mere phrase, has ended.
  private mutating func separate() {
    if !words.isEmpty {
      result.append(Address(name: commentText(), mailbox: phrase(), host: ""))
    }
    clear()
  }

  private func commentText() -> String? {
    comment.flatMap { $0.isEmpty ? nil : String(decoding: $0, as: UTF8.self) }
  }

  /// `local@domain (Name)`
  private mutating func bare() {
    let mailbox = local()
    words.removeAll()
    var domain: [UInt8] = []
    var ending: UInt8?
    while let token = scanner.next() {
      switch token {
      case .atom(let bytes), .domainLiteral(let bytes), .quoted(let bytes): domain += bytes
      case .comment(let bytes): comment = bytes
      case .special(0x2E): domain.append(0x2E)
      case .special(let byte) where byte == 0x2C || byte == 0x3B: ending = byte
      case .special: continue
      }
      if ending != nil { break }
    }
    result.append(Address(name: commentText(), mailbox: mailbox, host: String(decoding: domain, as: UTF8.self)))
    clear()
    if ending == 0x3B { endGroup() }
  }

  /// `Name <@route:local@domain>`
  private mutating func angle() {
    let name = words.isEmpty ? nil : phrase()
    words.removeAll()
    var route: [UInt8] = []
    var domain: [UInt8]?
    var local: [UInt8] = []
    inner: while let token = scanner.next() {
      switch token {
      case .atom(let bytes), .domainLiteral(let bytes), .quoted(let bytes):
        if domain != nil { domain?.append(contentsOf: bytes) } else { local += bytes }
      case .comment: continue
      case .special(0x3E): break inner
      case .special(0x2E): if domain != nil { domain?.append(0x2E) } else { local.append(0x2E) }
      case .special(0x40): domain = []
      case .special(0x2C): routePart(&route, &domain)
      case .special(0x3A):
        routePart(&route, &domain)
        local.removeAll()
      case .special: continue
      }
    }
    let address = Address(
      name: name ?? commentText(), route: route.isEmpty ? nil : String(decoding: route, as: UTF8.self),
      mailbox: String(decoding: local, as: UTF8.self), host: String(decoding: domain ?? [], as: UTF8.self))
    // `<>` is the null reverse path, and nobody.
    if address.mailbox != "" || address.host != "" || name != nil { result.append(address) }
    clear()
  }

  private func routePart(_ route: inout [UInt8], _ domain: inout [UInt8]?) {
    guard let part = domain else { return }
    if !route.isEmpty { route.append(0x2C) }
    route.append(0x40)
    route += part
    domain = nil
  }

  private mutating func beginGroup() {
    if isInGroup { endGroup() }
    result.append(Address(mailbox: phrase(), host: nil))
    isInGroup = true
    clear()
  }

  private mutating func endGroup() {
    separate()
    guard isInGroup else { return }
    result.append(Address(mailbox: nil, host: nil))
    isInGroup = false
  }
}

/// `* LIST (\HasNoChildren \Sent) "/" Sent` (RFC 9051 §7.3.1).
public struct ListResponse: Hashable, Sendable {
  public var name: MailboxName
  public var attributes: [String]
  public var isLSUB: Bool
  /// `("CHILDINFO" ("SUBSCRIBED"))`: what matches below it does so by this.
  public var childInfo: [String]
  /// `("OLDNAME" ("before"))`: how a mailbox was called, in IMAP4rev2.
  public var oldName: MailboxName?

  public init(_ name: MailboxName, _ attributes: [String], isLSUB: Bool = false, childInfo: [String] = []) {
    self.name = name
    self.attributes = attributes
    self.isLSUB = isLSUB
    self.childInfo = childInfo
  }

  public func write(to output: inout [UInt8], isUTF8: Bool) {
    output.append(contentsOf: (isLSUB ? "* LSUB (" : "* LIST (").utf8)
    output.append(contentsOf: attributes.joined(separator: " ").utf8)
    output.append(contentsOf: ") \"/\" ".utf8)
    output.append(mailbox: name, isUTF8: isUTF8)
    if !childInfo.isEmpty {
      let list = childInfo.map { "\"\($0)\"" }.joined(separator: " ")
      output.append(contentsOf: " (CHILDINFO (\(list)))".utf8)
    }
    if let oldName {
      output.append(contentsOf: " (OLDNAME (".utf8)
      output.append(mailbox: oldName, isUTF8: isUTF8)
      output.append(contentsOf: "))".utf8)
    }
    output.appendLineEnd()
  }
}

/// A pattern of LIST: `*` stands for anything, `%` for anything without a separator (RFC 9051 §6.3.9).
public struct ListPattern: Hashable, Sendable {
  private enum Element: Hashable { case byte(UInt8), anything, level }
  private let elements: [Element]

  /// From a reference and a pattern that are names with wildcards, in UTF-8. INBOX counts in any case.
  public init(_ text: String) {
    var elements: [Element] = []
    for byte in MailboxName(text).description.utf8 {
      switch byte {
      case UInt8(ascii: "*"): if elements.last != .anything { elements.append(.anything) }
      case UInt8(ascii: "%"): if elements.last != .level { elements.append(.level) }
      default: elements.append(.byte(byte))
      }
    }
    self.elements = elements
  }

  /// Whether a name matches. Time grows with the product of both lengths and no faster.
  public func matches(_ name: String) -> Bool {
    let last = reach(name)
    return last[elements.count]
  }

  /// Which prefixes of the pattern match the whole name.
  private func reach(_ name: String) -> [Bool] {
    var reached = [Bool](repeating: false, count: elements.count + 1)
    reached[0] = true
    skipWildcards(&reached)
    for byte in name.utf8 {
      var next = [Bool](repeating: false, count: elements.count + 1)
      for index in elements.indices where reached[index] {
        switch elements[index] {
        case .byte(let wanted): if wanted == byte { next[index + 1] = true }
        case .anything: next[index] = true
        case .level: if byte != MailboxName.separator { next[index] = true }
        }
      }
      // A wildcard that has been passed as empty stays open.
      skipWildcards(&next)
      reached = next
    }
    return reached
  }

  private func skipWildcards(_ reached: inout [Bool]) {
    for index in elements.indices where reached[index] {
      if case .byte = elements[index] { continue }
      reached[index + 1] = true
    }
  }
}

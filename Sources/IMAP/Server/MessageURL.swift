import IMAPCore
import MessageCore

/// A URL of a message, or a part of one, on this server: `/Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2` (RFC 5092, relative).
struct MessageURL {
  /// `nil` for the selected mailbox.
  var mailbox: MailboxName?
  var uidValidity: UInt32?
  var uid: UInt32
  var section: Section?

  struct Section {
    var part: [Int]
    var specifier: String

    /// Where it stands in a message.
    func range(in root: MIMEPart) -> Range<Int>? {
      guard let found = root.part(at: part) else { return nil }
      let whole = part.isEmpty ? found : found.isMessage ? found.children.first : nil
      switch specifier {
      case "": return part.isEmpty ? found.header.lowerBound..<found.body.upperBound : found.body
      case "MIME": return part.isEmpty ? nil : found.header
      case "HEADER": return whole?.header
      case "TEXT": return whole?.body
      default: return nil
      }
    }
  }

  init?(_ url: [UInt8]) {
    guard url.count <= 2000, let text = Self.unescaped(url) else { return nil }
    var rest = text[...]
    guard let uidStart = rest.range(of: "/;UID=", insensitive: true) ?? rest.range(of: ";UID=", insensitive: true)
    else {
      return nil
    }
    let front = rest[..<uidStart.lowerBound]
    rest = rest[uidStart.upperBound...]
    let digits = rest.prefix { $0.isASCII && $0.isNumber }
    guard let uid = UInt32(digits), uid > 0 else { return nil }
    self.uid = uid
    rest = rest[digits.endIndex...]
    if let sectionStart = rest.range(of: "/;SECTION=", insensitive: true) {
      guard sectionStart.lowerBound == rest.startIndex else { return nil }
      guard let section = Self.section(rest[sectionStart.upperBound...]) else { return nil }
      self.section = section
    } else if !rest.isEmpty {
      return nil
    }
    guard !front.isEmpty, front != "/" else { return }
    var path = front.hasPrefix("/") ? front.dropFirst() : front
    if let validity = path.range(of: ";UIDVALIDITY=", insensitive: true) {
      guard let number = UInt32(path[validity.upperBound...]) else { return nil }
      uidValidity = number
      path = path[..<validity.lowerBound]
    }
    guard !path.isEmpty else { return nil }
    mailbox = MailboxName(String(path))
  }

  private static func section(_ text: Substring) -> Section? {
    var part: [Int] = []
    let words = text.split(separator: ".", omittingEmptySubsequences: false)
    guard words.count <= 100 else { return nil }
    for (index, word) in words.enumerated() {
      if let number = Int(word), number > 0 {
        part.append(number)
      } else {
        guard index == words.count - 1 else { return nil }
        return Section(part: part, specifier: word.uppercased())
      }
    }
    return Section(part: part, specifier: "")
  }

  private static func unescaped(_ url: [UInt8]) -> String? {
    var bytes: [UInt8] = []
    var index = 0
    while index < url.count {
      if url[index] == UInt8(ascii: "%") {
        guard index + 2 < url.count,
          let value = UInt8(String(decoding: url[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
        else { return nil }
        bytes.append(value)
        index += 3
      } else {
        bytes.append(url[index])
        index += 1
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

extension Substring {
  /// The first place of an ASCII text in whatever case.
  fileprivate func range(of needle: String, insensitive: Bool) -> Range<Index>? {
    let wanted = needle.lowercased()
    var start = startIndex
    while start < endIndex {
      let rest = self[start...]
      let head = rest.prefix(wanted.count)
      if head.count == wanted.count, head.lowercased() == wanted { return head.startIndex..<head.endIndex }
      start = index(after: start)
    }
    return nil
  }
}

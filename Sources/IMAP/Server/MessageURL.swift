import Foundation
import IMAPCore
import MessageCore

/// A URL of a message, or a part of one (RFC 5092, RFC 4467, RFC 5550 §3.1): relative to this server, or whole.
///
/// ```
/// /Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2
/// imap://ann%40lab.test@mail.lab.test/INBOX/;UID=20/;PARTIAL=0.100;EXPIRE=2026-12-01T00:00:00Z;URLAUTH=user+bob:internal:01ab…
/// ```
struct MessageURL {
  /// Whose mailboxes it is about; `nil` for a relative one.
  var user: String?
  /// `nil` for the selected mailbox.
  var mailbox: MailboxName?
  var uidValidity: UInt32?
  var uid: UInt32 = 0
  var section: Section?
  var partial: Partial?
  /// Seconds since 1970.
  var expires: Int64?
  /// Who may use it: `user+bob`, `authuser`, `anonymous`.
  var access: String?
  /// Everything before what proves that its author allows it.
  var rump: [UInt8] = []
  var mechanism: String?
  var token: String?

  struct Partial {
    var offset: Int64
    var count: Int64?

    func range(in whole: Range<Int64>) -> Range<Int64> {
      let start = min(whole.upperBound, whole.lowerBound + offset)
      guard let count else { return start..<whole.upperBound }
      return start..<min(whole.upperBound, start + min(count, Int64(UInt32.max)))
    }
  }

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
    guard url.count <= 4000, url.allSatisfy({ $0 > 0x20 && $0 < 0x7F || $0 >= 0x80 }) else { return nil }
    guard var text = String(validating: url, as: UTF8.self) else { return nil }
    if let start = text[...].range(of: ";URLAUTH=", insensitive: true) {
      guard splitAuthorization(text, start) else { return nil }
      text = String(text[..<start.lowerBound])
    }
    if let start = text[...].range(of: ";EXPIRE=", insensitive: true) {
      guard access != nil, let time = Self.time(text[start.upperBound...]) else { return nil }
      expires = time
      text = String(text[..<start.lowerBound])
    }
    var rest = text[...]
    if rest.lowercased().hasPrefix("imap://") {
      rest = rest.dropFirst(7)
      guard let slash = rest.firstIndex(of: "/") else { return nil }
      let authority = rest[..<slash]
      guard let at = authority.lastIndex(of: "@") else { return nil }
      let name = authority[..<at].split(separator: ";", omittingEmptySubsequences: false).first ?? ""
      guard let user = Self.unescaped(name), !user.isEmpty else { return nil }
      self.user = user.lowercased()
      rest = rest[slash...]
    }
    guard access == nil || user != nil else { return nil }
    guard readPath(rest) else { return nil }
  }

  /// `;URLAUTH=user+bob:internal:01ab…`
  private mutating func splitAuthorization(_ text: String, _ start: Range<Substring.Index>) -> Bool {
    let words = text[start.upperBound...].split(separator: ":", omittingEmptySubsequences: false)
    guard let first = words.first, !first.isEmpty, words.count == 1 || words.count == 3 else { return false }
    access = String(first)
    rump = Array(text[..<start.upperBound].utf8) + Array(first.utf8)
    if words.count == 3 { (mechanism, token) = (words[1].uppercased(), String(words[2])) }
    return true
  }

  private static func time(_ text: Substring) -> Int64? {
    guard text.utf8.count <= 40, let date = try? Date(String(text), strategy: .iso8601) else { return nil }
    return Int64(date.timeIntervalSince1970)
  }

  private mutating func readPath(_ path: Substring) -> Bool {
    var rest = path
    guard let uidStart = rest.range(of: "/;UID=", insensitive: true) ?? rest.range(of: ";UID=", insensitive: true)
    else { return false }
    let front = rest[..<uidStart.lowerBound]
    rest = rest[uidStart.upperBound...]
    let digits = rest.prefix { $0.isASCII && $0.isNumber }
    guard let uid = UInt32(digits), uid > 0 else { return false }
    self.uid = uid
    rest = rest[digits.endIndex...]
    if let start = rest.range(of: "/;PARTIAL=", insensitive: true) {
      let words = rest[start.upperBound...].split(separator: ".", omittingEmptySubsequences: false)
      guard words.count <= 2, let offset = words.first.flatMap({ UInt32($0) }) else { return false }
      let count = words.count == 2 ? UInt32(words[1]) : nil
      guard words.count == 1 || (count ?? 0) > 0 else { return false }
      partial = Partial(offset: Int64(offset), count: count.map { Int64($0) })
      rest = rest[..<start.lowerBound]
    }
    if let start = rest.range(of: "/;SECTION=", insensitive: true) {
      guard start.lowerBound == rest.startIndex, let text = Self.unescaped(rest[start.upperBound...]),
        let section = Self.section(text[...])
      else { return false }
      self.section = section
    } else if !rest.isEmpty {
      return false
    }
    return readMailbox(front)
  }

  private mutating func readMailbox(_ front: Substring) -> Bool {
    guard !front.isEmpty, front != "/" else { return user == nil }
    var path = front.hasPrefix("/") ? front.dropFirst() : front
    if let validity = path.range(of: ";UIDVALIDITY=", insensitive: true) {
      guard let number = UInt32(path[validity.upperBound...]) else { return false }
      uidValidity = number
      path = path[..<validity.lowerBound]
    }
    guard !path.isEmpty, let name = Self.unescaped(path) else { return false }
    mailbox = MailboxName(name)
    return true
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

  static func unescaped(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
        return nil
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

extension Substring {
  /// The first place of an ASCII text in whatever case.
  fileprivate func range(of needle: String, insensitive: Bool) -> Range<Index>? {
    let wanted = Array(needle.lowercased().utf8)
    let bytes = Array(utf8)
    guard bytes.count >= wanted.count else { return nil }
    for start in 0...(bytes.count - wanted.count) {
      let isHere = wanted.indices.allSatisfy { offset in
        let byte = bytes[start + offset]
        return ((0x41...0x5A).contains(byte) ? byte + 0x20 : byte) == wanted[offset]
      }
      if isHere {
        let low = utf8.index(startIndex, offsetBy: start)
        return low..<utf8.index(low, offsetBy: wanted.count)
      }
    }
    return nil
  }
}

import Crypto
import SMTPCore
import Services

/// Senders of mail that is passed on, rewritten so that SPF holds at the next server and notices find their way back (the
/// Sender Rewriting Scheme): `SRS0=hash=time=domain=local@here`.
public struct SenderRewriting: Sendable {
  /// Days in which a notice may come back.
  private static let validity = 21
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")

  private let key: SymmetricKey

  /// `nil` for a key of fewer than 16 bytes.
  public init?(key: [UInt8]) {
    guard key.count >= 16 else { return nil }
    self.key = SymmetricKey(data: key)
  }

  /// The sender to go on with; `nil` where the result would be longer than an address may be.
  func rewrite(_ sender: MailAddress, at domain: String, now: WallTime) -> MailAddress? {
    let time = Self.text(of: Self.day(now))
    let upper = sender.local.uppercased()
    if upper.hasPrefix("SRS0=") || upper.hasPrefix("SRS1=") {
      // Rewritten before: the first one's own form is kept, and the way leads by it (SRS1).
      let isSecond = upper.hasPrefix("SRS1=")
      let parts = sender.local.split(separator: "=", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
      if isSecond, parts.count == 4 {
        let rest = "\(parts[2])=\(parts[3])"
        return MailAddress(local: "SRS1=\(hash(rest))=\(rest)", domain: domain)
      }
      let rest = "\(sender.domain)=\(sender.local.dropFirst(4))"
      return MailAddress(local: "SRS1=\(hash(rest))=\(rest)", domain: domain)
    }
    let rest = "\(time)=\(sender.domain)=\(sender.local)"
    return MailAddress(local: "SRS0=\(hash(rest))=\(rest)", domain: domain)
  }

  /// Whose an address of this form is; `nil` when it is none, forged, or too old.
  func restore(_ address: MailAddress, now: WallTime) -> MailAddress? {
    let parts = address.local.split(separator: "=", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, hash(parts[2]).lowercased() == parts[1].lowercased() else { return nil }
    switch parts[0].uppercased() {
    case "SRS0":
      let fields = parts[2].split(separator: "=", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 3, let day = Self.day(of: fields[0]) else { return nil }
      let age = (Self.day(now) - day + 1024) % 1024
      return age <= Self.validity ? MailAddress(local: fields[2], domain: fields[1]) : nil
    case "SRS1":
      let fields = parts[2].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 2 else { return nil }
      return MailAddress(local: "SRS0\(fields[1].hasPrefix("=") ? "" : "=")\(fields[1])", domain: fields[0])
    default: return nil
    }
  }

  /// Twenty bits would do against guessing at mail's speed; these are forty. Without regard to case: some servers have none.
  private func hash(_ text: String) -> String {
    let code = HMAC<SHA256>.authenticationCode(for: Array(text.lowercased().utf8), using: key)
    return String(code.prefix(8).map { Self.alphabet[Int($0 & 31)] })
  }

  private static func day(_ time: WallTime) -> Int { Int((time.seconds / 86_400) % 1024) }
  private static func text(of day: Int) -> String { String([alphabet[day >> 5 & 31], alphabet[day & 31]]) }
  private static func day(of text: String) -> Int? {
    let digits = text.uppercased().compactMap { alphabet.firstIndex(of: $0) }
    return digits.count == 2 && text.count == 2 ? digits[0] << 5 | digits[1] : nil
  }
}

/// The address of a person's mailbox, as in `it@acme.example`.
public struct MailAddress: Hashable, Sendable {
  public let description: String
}

extension MailAddress: ConfigurationText {
  public static var typeName: String { "mail address" }
  public static var form: String { "a mail address such as \"it@acme.example\"" }

  /// A local part of RFC 5321's Dot-string, and a domain.
  public init(configuration text: String) throws(TextError) {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, let domain = HostName(String(parts[1])), (1...64).contains(parts[0].utf8.count),
      parts[0].split(separator: ".", omittingEmptySubsequences: false).allSatisfy(Self.isAtom)
    else { throw Self.mismatch(text) }
    description = "\(parts[0])@\(domain)"
  }

  private static func isAtom(_ text: Substring) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { ASCIIText.isLetterOrDigit($0) || "!#$%&'*+-/=?^_`{|}~".utf8.contains($0) }
  }
}

extension MailAddress: Comparable {
  public static func < (left: MailAddress, right: MailAddress) -> Bool { left.description < right.description }
}

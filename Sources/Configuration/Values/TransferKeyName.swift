/// The name of a key of the store that signs zone transfers (RFC 8945): `tsig:ns2`.
public struct TransferKeyName: Hashable, Sendable {
  public let name: ZoneName
  public var description: String { "tsig:\(name)" }

  /// For a schema's model alone.
  static let none = TransferKeyName(name: ZoneName(labels: "invalid"))
}

extension TransferKeyName: ConfigurationText {
  public static var typeName: String { "key name" }
  public static var form: String { "the name of a key such as \"tsig:ns2\"" }

  /// What is no such name may be the key itself, so the error never quotes it.
  public init(configuration text: String) throws(TextError) {
    guard text.hasPrefix("tsig:"), let name = ZoneName(String(text.dropFirst(5))) else {
      throw Self.hidden(hint: "the key itself is kept in the store")
    }
    self.name = name
  }
}

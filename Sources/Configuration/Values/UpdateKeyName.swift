/// What signs dynamic updates: a shared key (`tsig:ddns`, RFC 8945), or that of a KEY record (`sig0:host.acme.example`,
/// RFC 2931).
public enum UpdateKeyName: Hashable, Sendable {
  case shared(TransferKeyName)
  case published(ZoneName)

  public var description: String {
    switch self {
    case .shared(let key): key.description
    case .published(let name): "sig0:\(name)"
    }
  }

  /// The shared key; `nil` for a published one.
  public var shared: TransferKeyName? { if case .shared(let key) = self { key } else { nil } }

  /// For a schema's model alone.
  static let none = UpdateKeyName.shared(.none)
}

extension UpdateKeyName: ConfigurationText {
  public static var typeName: String { "key name" }
  public static var form: String { "the name of a key such as \"tsig:ddns\" or \"sig0:host.acme.example\"" }

  /// What is no such name may be the key itself, so the error never quotes it.
  public init(configuration text: String) throws(TextError) {
    if text.hasPrefix("sig0:"), let name = ZoneName(String(text.dropFirst(5))) {
      self = .published(name)
    } else {
      self = .shared(try TransferKeyName(configuration: text))
    }
  }
}

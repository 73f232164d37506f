/// The port that one listener of a service takes: a number, 0 for any free one, or none at all.
public enum ListenPort: Hashable, Sendable {
  case number(UInt16)
  case off
}

extension ListenPort: ConfigurationText {
  public static var typeName: String { "port" }
  public static var form: String { "a port from 0 to 65535, or \"off\"" }

  public init(configuration text: String) throws(TextError) {
    if text == "off" {
      self = .off
    } else if let number = ASCIIText.number(text, as: UInt16.self) {
      self = .number(number)
    } else {
      throw Self.mismatch(text)
    }
  }

  public var description: String {
    switch self {
    case .number(let number): "\(number)"
    case .off: "off"
    }
  }
}

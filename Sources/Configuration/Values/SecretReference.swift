/// Where a secret is to be had. The configuration never holds a secret itself, only one of these.
public enum SecretReference: Hashable, Sendable {
  /// `credential:NAME`: the file NAME in the folder `$CREDENTIALS_DIRECTORY` (systemd's LoadCredential).
  case credential(String)
  /// `file:/path`: a file of mode 0600 or 0400 that belongs to the server's user or to root.
  case file(AbsolutePath)
  /// `env:NAME`: an environment variable.
  case environment(String)
}

extension SecretReference: ConfigurationText {
  public static var typeName: String { "secret reference" }
  public static var form: String {
    "a reference to a secret such as \"credential:portside.kek\", \"file:/etc/portside/key\" or \"env:NAME\""
  }

  /// What is no reference may be the secret itself, so the error never quotes it.
  public init(configuration text: String) throws(TextError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts.count == 2 ? String(parts[1]) : ""
    switch parts.first {
    case "credential" where Self.isName(name): self = .credential(name)
    case "file":
      guard let path = try? AbsolutePath(configuration: name) else { throw Self.refusal }
      self = .file(path)
    case "env" where Self.isVariable(name): self = .environment(name)
    default: throw Self.refusal
    }
  }

  public var description: String {
    switch self {
    case .credential(let name): "credential:\(name)"
    case .file(let path): "file:\(path)"
    case .environment(let name): "env:\(name)"
    }
  }

  static let refusal = hidden(hint: "a secret never stands in the configuration itself")

  /// A credential's name is a file's name: no slash, and neither `.` nor `..`.
  private static func isName(_ name: String) -> Bool {
    (1...255).contains(name.utf8.count) && name != "." && name != ".."
      && name.utf8.allSatisfy {
        ASCIIText.isLetterOrDigit($0) || $0 == 0x2E || $0 == 0x2D || $0 == 0x5F || $0 == 0x40
      }
  }

  private static func isVariable(_ name: String) -> Bool {
    guard let first = name.utf8.first, !ASCIIText.isDigit(first), name.utf8.count <= 255 else { return false }
    return name.utf8.allSatisfy { ASCIIText.isLetterOrDigit($0) || $0 == 0x5F }
  }
}

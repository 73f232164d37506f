/// The path of a file or folder from the root: `/srv/www`. No empty part, no `.` and no `..`.
public struct AbsolutePath: Hashable, Sendable {
  public let description: String

  /// For paths written in the program's own text.
  init(constant: StaticString) { description = constant.description }

  /// The path of `name` in this folder; `nil` when the name is no single part.
  public func appending(_ name: String) -> AbsolutePath? {
    guard ASCIIText.isPathPart(name) else { return nil }
    return try? AbsolutePath(configuration: (description == "/" ? "" : description) + "/" + name)
  }
}

extension AbsolutePath: ConfigurationText {
  public static var typeName: String { "path" }
  public static var form: String { "an absolute path such as \"/srv/www\"" }

  /// A final slash is dropped, unless it is all there is.
  public init(configuration text: String) throws(TextError) {
    guard text.utf8.first == UInt8(ascii: "/"), text.utf8.count <= 4095 else { throw Self.mismatch(text) }
    var parts = ASCIIText.split(text, on: UInt8(ascii: "/")).dropFirst()
    if parts.last == "" { parts = parts.dropLast() }
    guard !parts.contains("..") else { throw Self.mismatch(text, hint: "\"..\" is not allowed") }
    guard !parts.contains(where: { $0.utf8.count > 255 }) else {
      throw Self.mismatch(text, hint: "a part of a path has at most 255 bytes")
    }
    guard parts.allSatisfy(ASCIIText.isPathPart) else { throw Self.mismatch(text) }
    description = "/" + parts.joined(separator: "/")
  }
}

/// An absolute path in which `{…}` stands for something that differs from case to case: `/srv/home/{account}`.
public struct PathTemplate<Placeholder: PathPlaceholder>: Hashable, Sendable {
  /// The path as configured, placeholders included.
  public let description: String

  /// The path with the placeholder filled in; `nil` when `value` can't be one part of a path.
  public func filled(with value: String) -> AbsolutePath? {
    guard ASCIIText.isPathPart(value) else { return nil }
    return try? AbsolutePath(
      configuration: description.split(separator: "{\(Placeholder.name)}", omittingEmptySubsequences: false).joined(
        separator: value))
  }
}

extension PathTemplate: ConfigurationText {
  public static var typeName: String { "path with {\(Placeholder.name)}" }
  public static var form: String { "an absolute path with {\(Placeholder.name)} such as \"\(Placeholder.example)\"" }

  public init(configuration text: String) throws(TextError) {
    let plain = text.split(separator: "{\(Placeholder.name)}", omittingEmptySubsequences: false).joined(separator: "x")
    if plain.contains("{") || plain.contains("}") {
      throw Self.mismatch(text, hint: "the only placeholder here is {\(Placeholder.name)}")
    }
    guard let checked = try? AbsolutePath(configuration: plain) else { throw Self.mismatch(text) }
    description = text.hasSuffix("/") && checked.description != "/" ? String(text.dropLast()) : text
  }
}

/// What a `PathTemplate` has a gap for.
public protocol PathPlaceholder: Sendable {
  static var name: String { get }
  static var example: String { get }
}

/// `{account}`: the name of the account that logged in.
public enum AccountPlaceholder: PathPlaceholder {
  public static var name: String { "account" }
  public static var example: String { "/srv/home/{account}" }
}

/// `{device}`: the name of the network device, from its lease or reservation.
public enum DevicePlaceholder: PathPlaceholder {
  public static var name: String { "device" }
  public static var example: String { "/srv/backups/{device}" }
}

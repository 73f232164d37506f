import Services
import WireKit

/// One verb of the administration: the words, what they mean, who may use it, and the request that it becomes.
///
/// The command line and the console read the same table.
public struct AdminVerb: Sendable {
  /// An option of a verb.
  public struct Option: Sendable {
    public var name: String
    /// What its value is, for the usage line; `nil` for a flag.
    public var value: String?

    static func valued(_ name: String, _ value: String) -> Option { Option(name: name, value: value) }
    static func flag(_ name: String) -> Option { Option(name: name) }
  }

  /// `["account", "add"]`.
  public let words: [String]
  /// What follows them: `NAME`.
  public let values: String
  public let options: [Option]
  /// A sentence for the help.
  public let summary: String
  /// What an account must be permitted to use it on the console.
  public let permission: String
  let build: @Sendable (inout AdminArguments) throws(AdminFailure) -> AdminRequest

  init(
    _ words: String, _ values: String = "", options: [Option] = [], permission: String, _ summary: String,
    build: @escaping @Sendable (inout AdminArguments) throws(AdminFailure) -> AdminRequest
  ) {
    self.words = words.split(separator: " ").map(String.init)
    self.values = values
    self.options = options
    self.permission = permission
    self.summary = summary
    self.build = build
  }

  /// `account add NAME [--role ROLE] …`.
  public var usage: String {
    let options = options.map { option in "[--\(option.name)\(option.value.map { " \($0)" } ?? "")]" }
    return (words + (values.isEmpty ? [] : [values]) + options).joined(separator: " ")
  }

  /// The verb at the front of the words, the longest that fits, and the words behind it.
  public static func find(_ words: [String]) -> (verb: AdminVerb, rest: [String])? {
    all.filter { words.starts(with: $0.words) }.max { $0.words.count < $1.words.count }
      .map { ($0, Array(words.dropFirst($0.words.count))) }
  }

  /// The request that a line of words means. A `.usage` failure says what is wrong and how the verb is used.
  public static func parse(_ words: [String], now: WallTime) throws(AdminFailure) -> AdminRequest {
    guard let (verb, rest) = find(words) else {
      let known = all.filter { $0.words.first == words.first }.map { "  \($0.usage)" }
      throw AdminFailure(
        .usage,
        (["there is no such verb"] + (known.isEmpty ? all.map { "  \($0.usage)" } : known)).joined(separator: "\n"))
    }
    do throws(AdminFailure) {
      var arguments = try AdminArguments(rest, options: verb.options, now: now)
      let request = try verb.build(&arguments)
      try arguments.finish()
      return request
    } catch { throw AdminFailure(error.code, "\(error.message)\nusage: \(verb.usage)") }
  }

  /// The table.
  public static let all: [AdminVerb] = accounts + proofs + operations
}

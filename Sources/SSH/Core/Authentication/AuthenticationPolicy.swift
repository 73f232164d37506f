/// How people log in.
public struct AuthenticationPolicy: Sendable, Hashable {
  public enum Method: String, Sendable, Hashable, CaseIterable {
    case publicKey = "publickey"
    case password
    case keyboardInteractive = "keyboard-interactive"
  }

  /// The ways in: each is a list of methods that must succeed one after the other, as in OpenSSH's
  /// `AuthenticationMethods`.
  public var ways: [[Method]]
  /// Shown before the log-in (RFC 4252 §5.4); empty for none.
  public var banner: String

  public init(ways: [[Method]] = [[.publicKey], [.keyboardInteractive], [.password]], banner: String = "") {
    self.ways = ways
    self.banner = banner
  }

  /// What may come next after these methods have succeeded.
  func next(after passed: [Method]) -> [Method] {
    var methods: [Method] = []
    for way in ways where way.count > passed.count && Array(way.prefix(passed.count)) == passed {
      let method = way[passed.count]
      if !methods.contains(method) { methods.append(method) }
    }
    return methods
  }

  /// Whether these methods are a whole way.
  func isComplete(_ passed: [Method]) -> Bool { ways.contains(passed) }
}

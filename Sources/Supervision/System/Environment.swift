import Glibc

/// The environment's variables.
enum Environment {
  static func value(_ name: String) -> String? {
    guard let text = getenv(name) else { return nil }
    return String(cString: text)
  }

  /// The value of a variable, which is taken out: it was meant for this process and no child.
  static func take(_ name: String) -> String? {
    defer { unsetenv(name) }
    return value(name)
  }

  /// All of them, as `NAME=VALUE`.
  static var all: [String] {
    var variables: [String] = []
    var place = environ
    while let text = place.pointee {
      variables.append(String(cString: text))
      place += 1
    }
    return variables
  }
}

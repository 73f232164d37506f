import Foundation

/// The fields of a form or a query (`application/x-www-form-urlencoded`); of several with one name the first counts.
struct FormFields: Sendable {
  /// More are left out: no form of ours has as many.
  private static let maximum = 200

  private(set) var all: [String: String] = [:]

  init(_ text: String) {
    for pair in text.split(separator: "&").prefix(Self.maximum) {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Self.decoded(parts[0]), all[name] == nil else { continue }
      all[name] = parts.count == 2 ? Self.decoded(parts[1]) : ""
    }
  }

  subscript(name: String) -> String? { all[name] }

  private static func decoded(_ text: Substring) -> String? {
    text.replacing("+", with: " ").removingPercentEncoding
  }
}

import Crypto
import Foundation
import HTTPCore
import HTTPServer

/// What WebDAV clients say of files: a JSON file for each tree, written whole or not at all.
struct PropertyFiles: PropertyStore {
  let folder: String

  /// Octets of a tree's file.
  private static let largest = 64 << 20

  func load(_ scope: String) -> [[UInt8]: [XMLName: XMLElement]] {
    guard let content = FileManager.default.contents(atPath: path(scope)), content.count <= Self.largest,
      let stored = try? JSONDecoder().decode([String: [String]].self, from: content)
    else { return [:] }
    var properties: [[UInt8]: [XMLName: XMLElement]] = [:]
    for (path, documents) in stored {
      guard let octets = Data(base64Encoded: path) else { continue }
      let elements = documents.compactMap { XMLElement(Array($0.utf8)) }
      properties[Array(octets)] = Dictionary(elements.map { ($0.name, $0) }) { first, _ in first }
    }
    return properties
  }

  func save(_ properties: [[UInt8]: [XMLName: XMLElement]], of scope: String) throws {
    let stored = Dictionary(
      uniqueKeysWithValues: properties.map { path, elements in
        (Data(path).base64EncodedString(), elements.values.map { String(decoding: $0.document, as: UTF8.self) })
      })
    try WholeFile.write(try JSONEncoder().encode(stored), to: path(scope))
  }

  /// An account's name can have characters that a file's can't.
  private func path(_ scope: String) -> String {
    let hash = SHA256.hash(data: Data(scope.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return "\(folder)/\(hash.prefix(32)).json"
  }
}

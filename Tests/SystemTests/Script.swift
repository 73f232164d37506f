import Foundation
import LaboratoryKit

/// The Python scripts beside the tests.
enum Script {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "Scripts")

  static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  /// Runs one to its end; the JSON object that it prints.
  static func run(_ name: String, _ arguments: [String], within limit: Duration = .seconds(60)) async throws
    -> [String: Any]
  {
    let result = try await LaboratoryKit.run(
      "python3", [path(name)] + arguments, within: limit)
    guard result.code == 0, let object = try? result.json() as? [String: Any] else {
      throw Failure("\(name): \(result.all)")
    }
    return object
  }
}

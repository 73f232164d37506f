import Foundation
import LaboratoryKit

/// The hostile clients: Python scripts of the standard library alone where not said otherwise, in `Scripts`, each printing one JSON object.
enum Prober {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "Scripts")

  /// The Python of `.venv`, which has what `Scripts/setup-test-peers` installs.
  static var ownPython: String {
    folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent(".venv/bin/python").path
  }

  /// What a script is told: the ports by the services' names, where the data and the root are, and what it needs besides.
  static func run(
    _ script: String, _ laboratory: Laboratory, _ more: [String: Any] = [:], within limit: Duration = .seconds(90),
    python: String = "python3"
  ) async throws -> [String: Any] {
    var told: [String: Any] = ["ca": laboratory.ready.ca, "data": laboratory.data]
    for service in laboratory.ready.services { told[service.name] = service.port }
    told.merge(more) { $1 }
    let argument = String(decoding: try JSONSerialization.data(withJSONObject: told), as: UTF8.self)
    let result = try await LaboratoryKit.run(
      python, [folder.appendingPathComponent(script).path, argument],
      environment: ["PYTHONDONTWRITEBYTECODE": "1"], within: limit)
    guard result.code == 0, let object = try? result.json() as? [String: Any] else {
      throw Failure("\(script): \(result.all)")
    }
    return object
  }

  /// The same where each value of the answer is an object itself.
  static func rows(
    _ script: String, _ laboratory: Laboratory, _ more: [String: Any] = [:]
  ) async throws -> [String: [String: Any]] {
    guard let rows = try await run(script, laboratory, more) as? [String: [String: Any]], !rows.isEmpty else {
      throw Failure("\(script): no rows")
    }
    return rows
  }
}

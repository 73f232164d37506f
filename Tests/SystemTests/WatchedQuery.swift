import Foundation
import LaboratoryKit

/// A DNS query that `portside watch` must see.
enum WatchedQuery {
  /// Whether it was seen. Watching takes a moment to reach the workers, so the query is asked again and again.
  static func run(_ laboratory: Laboratory) async throws -> Bool {
    let watch = try RunningCommand(
      Laboratory.program,
      ["watch", "--protocol", "dns", "--json", "--config", laboratory.configurationFile])
    let port = try laboratory.port("dns")
    let isSeen = try await eventually(within: .seconds(15)) {
      _ = try await LaboratoryKit.run(
        "dig", ["@127.0.0.1", "-p", "\(port)", "+tries=1", "+timeout=2", "watched.lab.test"])
      return watch.output.contains("watched.lab.test")
    }
    kill(watch.pid, SIGINT)
    let result = try await watch.end(within: .seconds(10))
    if isSeen {
      for line in result.output.split(separator: "\n") {
        _ = try JSONSerialization.jsonObject(with: Data(line.utf8))
      }
    } else {
      print("watch: \(result.all)")
    }
    return isSeen
  }
}

import Foundation

/// What `/proc` says of processes.
public enum ProcessTable {
  /// Whether it runs: one that only waits to be reaped does not.
  public static func exists(_ pid: Int32) -> Bool {
    guard let state = status(pid)["State"] else { return false }
    return !state.hasPrefix("Z") && !state.hasPrefix("X")
  }

  /// The fields of `/proc/PID/status`.
  public static func status(_ pid: Int32) -> [String: String] {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return [:] }
    return text.split(separator: "\n").reduce(into: [:]) { fields, line in
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { fields[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces) }
    }
  }

  public static func arguments(_ pid: Int32) -> [String] {
    let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
    return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The workers of a supervisor, by name.
  public static func workers(of supervisor: Int32) -> [String: Int32] {
    let pids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int32($0) } ?? []
    return pids.reduce(into: [:]) { workers, pid in
      guard status(pid)["PPid"] == "\(supervisor)", exists(pid) else { return }
      let words = arguments(pid)
      if words.count >= 3, words[1] == "worker" { workers[words[2]] = pid }
    }
  }

  /// Resident kilobytes, and the share that is not counted twice (PSS).
  public static func memory(_ pid: Int32) -> (resident: Int, proportional: Int) {
    func kilobytes(_ text: String?) -> Int { text.flatMap { Int($0.split(separator: " ").first ?? "") } ?? 0 }
    let rollup = (try? String(contentsOfFile: "/proc/\(pid)/smaps_rollup", encoding: .utf8)) ?? ""
    let line = rollup.split(separator: "\n").first { $0.hasPrefix("Pss:") }
    return (
      kilobytes(status(pid)["VmRSS"]),
      kilobytes(line.map { $0.dropFirst(4).trimmingCharacters(in: .whitespaces) })
    )
  }

  public static func descriptorCount(_ pid: Int32) -> Int {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? []).count
  }
}

import Configuration
import Foundation
import Services

/// One state of what the console has set, as it was put into force.
struct ConfigurationVersion: Codable, Sendable, Hashable {
  /// 1, 2, 3 …; 0 is the file alone.
  var number: Int
  var time: WallTime
  var actor: ConfigurationActor
  /// `commit`, `not confirmed in time`, with the comment where one was given.
  var reason: String
  /// The keys, as TOML.
  var text: String
  /// Against the version before.
  var difference: [String]

  static func first(at time: WallTime) -> ConfigurationVersion {
    ConfigurationVersion(number: 0, time: time, actor: .supervisor, reason: "the file alone", text: "", difference: [])
  }

  var overlay: ConfigurationOverlay { (try? ConfigurationOverlay(parsing: text)) ?? ConfigurationOverlay() }
}

/// A version that goes back to the one before unless somebody confirms it.
struct UnconfirmedVersion: Codable, Sendable, Hashable {
  var number: Int
  var previous: Int
  var deadline: WallTime
}

/// What is being prepared.
struct ConfigurationCandidate: Codable, Sendable, Hashable {
  /// The version that it began with.
  var base: Int
  var text: String
}

/// The folder of the versions: files that are whole or not there, on disk before anything is said of them.
struct ConfigurationFolder: Sendable {
  /// Versions beyond these are forgotten, the oldest first.
  private static let maximumVersions = 200

  let path: String

  private var versions: String { "\(path)/versions" }

  /// All versions, the oldest first. One that can't be read is an error: a history with a hole would bring back something else than is
  /// asked for.
  func load() throws -> [ConfigurationVersion] {
    try FileManager.default.createDirectory(
      atPath: versions, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    return try FileManager.default.contentsOfDirectory(atPath: versions)
      .filter { $0.hasSuffix(".json") }.sorted()
      .map { try read(ConfigurationVersion.self, "versions/\($0)") }
  }

  /// The version in force, read without a change; `nil` where there is none.
  var newest: ConfigurationVersion? {
    get throws {
      let name = try FileManager.default.contentsOfDirectory(atPath: versions).filter { $0.hasSuffix(".json") }.max()
      return try name.map { try read(ConfigurationVersion.self, "versions/\($0)") }
    }
  }

  func add(_ version: ConfigurationVersion) throws {
    try write(version, "versions/\(Self.name(version.number))")
    let names = try FileManager.default.contentsOfDirectory(atPath: versions).filter { $0.hasSuffix(".json") }.sorted()
    for name in names.dropLast(Self.maximumVersions) { unlink("\(versions)/\(name)") }
  }

  func remove(_ version: ConfigurationVersion) throws {
    unlink("\(versions)/\(Self.name(version.number))")
    try sync(versions)
  }

  var candidate: ConfigurationCandidate? {
    get throws { try readIfThere(ConfigurationCandidate.self, "candidate.json") }
  }

  var unconfirmed: UnconfirmedVersion? {
    get throws { try readIfThere(UnconfirmedVersion.self, "unconfirmed.json") }
  }

  func save(_ candidate: ConfigurationCandidate?) throws { try save(candidate, "candidate.json") }
  func save(_ unconfirmed: UnconfirmedVersion?) throws { try save(unconfirmed, "unconfirmed.json") }

  private static func name(_ number: Int) -> String {
    let digits = "\(number)"
    return String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".json"
  }

  private func save(_ value: (some Encodable)?, _ name: String) throws {
    if let value { return try write(value, name) }
    unlink("\(path)/\(name)")
    try sync(path)
  }

  private func readIfThere<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value? {
    FileManager.default.fileExists(atPath: "\(path)/\(name)") ? try read(type, name) : nil
  }

  private func read<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
    guard let content = FileManager.default.contents(atPath: "\(path)/\(name)"),
      let value = try? JSONDecoder().decode(type, from: content)
    else { throw CommandFailure("\(path)/\(name) can't be read") }
    return value
  }

  /// Under another name first, then renamed: a crash leaves the old one or the new one.
  private func write(_ value: some Encodable, _ name: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let bytes = Array(try encoder.encode(value))
    let (target, draft) = ("\(path)/\(name)", "\(path)/\(name).new")
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.failure("open", draft) }
    defer { close(descriptor) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Foundation.write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Self.failure("write", draft) }
      written += count
    }
    guard fsync(descriptor) == 0 else { throw Self.failure("fsync", draft) }
    guard rename(draft, target) == 0 else { throw Self.failure("rename", draft) }
    try sync(String(target[..<(target.lastIndex(of: "/") ?? target.endIndex)]))
  }

  private func sync(_ folder: String) throws {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.failure("open", folder) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw Self.failure("fsync", folder) }
  }

  private static func failure(_ what: String, _ path: String) -> CommandFailure {
    CommandFailure("\(path): \(what): \(String(cString: strerror(errno)))")
  }
}

import Foundation

/// A running `portside`, as a process of its own, with a folder that is removed at the end.
public final class Laboratory {
  /// The program, which is built beside the test bundle.
  public static let program: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("portside").path
  }()

  /// The line that `try --json` prints (product.md).
  public struct Ready: Decodable, Sendable {
    public struct Service: Decodable, Sendable {
      public let name, transport, address, tls, url: String
      public let port: Int
    }
    public struct Account: Decodable, Sendable {
      public let name, password: String
      public let roles: [String]
      public let ssh_key: String?
    }
    public let event, data, domain, ca: String
    public let services: [Service]
    public let accounts: [Account]
  }

  public let command: RunningCommand
  public let data: String
  public let ready: Ready

  /// Starts `try` in the folder; waits for the line. With `arguments` for `--ports` and the like.
  public init(
    in data: String, arguments: [String] = ["--ports", "0"], environment: [String: String] = [:]
  ) async throws {
    self.data = data
    let command = try RunningCommand(
      Self.program, ["try", "--data", data, "--json"] + arguments, environment: environment)
    self.command = command
    let isReady = try await eventually(within: .seconds(60)) {
      command.output.hasSuffix("\n") || !command.process.isRunning
    }
    guard isReady, let line = command.output.split(separator: "\n").first else {
      kill(command.pid, SIGKILL)
      throw Failure("`portside try` was not ready:\n\(command.output)\n\(command.errors)")
    }
    ready = try JSONDecoder().decode(Ready.self, from: Data(line.utf8))
  }

  public var pid: Int32 { command.pid }
  public var log: String { command.errors }
  public var configurationFile: String { "\(data)/portside.toml" }

  public func port(_ name: String, _ transport: String = "tcp") throws -> Int {
    guard let service = ready.services.first(where: { $0.name == name && $0.transport == transport }) else {
      throw Failure("no service \(name) over \(transport)")
    }
    return service.port
  }

  /// `portside WORDS --config FILE`, to its end.
  public func portside(
    _ words: String..., input: String = "", within limit: Duration = .seconds(30)
  ) async throws -> CommandResult {
    try await run(Self.program, words + ["--config", configurationFile], input: input, within: limit)
  }

  /// The processes of the workers by name.
  public func workers() -> [String: Int32] { ProcessTable.workers(of: pid) }

  /// Replaces text in the configuration file.
  public func edit(_ old: String, _ new: String) throws {
    let text = try String(contentsOfFile: configurationFile, encoding: .utf8)
    guard text.contains(old) else { throw Failure("portside.toml has no \(old)") }
    try text.replacingOccurrences(of: old, with: new).write(
      toFile: configurationFile, atomically: true, encoding: .utf8)
  }

  /// The workers of a laboratory: all that there are.
  public static let workerNames: Set<String> = ["access", "desktop", "gate", "mail", "names", "web"]

  /// Gives every port that stands in the configuration file another number, one that is free at this moment, so that a
  /// start by the file's own ports meets nobody. Returns the numbers by section and key: `http.port`.
  @discardableResult
  public func fixPorts() throws -> [String: Int] {
    var (section, ports) = ("", [String: Int]())
    var lines = try String(contentsOfFile: configurationFile, encoding: .utf8).components(separatedBy: "\n")
    for (index, line) in lines.enumerated() {
      if line.hasPrefix("[") { section = String(line.dropFirst().prefix { $0 != "]" }) }
      let parts = line.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, parts[0].hasSuffix("port ") || parts[0].contains("port  ") || parts[0].contains("_port"),
        let old = Int(parts[1].trimmingCharacters(in: .whitespaces)), old >= 10_000
      else { continue }
      let port = try Self.quietPort(besides: Set(ports.values))
      ports["\(section).\(parts[0].trimmingCharacters(in: .whitespaces))"] = port
      lines[index] = "\(parts[0])= \(port)"
    }
    try lines.joined(separator: "\n").write(toFile: configurationFile, atomically: true, encoding: .utf8)
    return ports
  }

  /// A free port that neither the system gives to who asks for any, nor a laboratory has by default: nobody takes it in the
  /// time between.
  private static func quietPort(besides taken: Set<Int>) throws -> Int {
    for _ in 0..<100 {
      let port = Int.random(in: 14_000..<18_000)
      if !taken.contains(port), (try? Occupier(port: port)) != nil { return port }
    }
    throw Failure("no port from 14000 to 18000 is free")
  }

  /// Ends it by a signal; its exit code. Throws when a worker outlives it.
  @discardableResult
  public func stop(_ signal: Int32 = SIGTERM) async throws -> Int32 {
    let workers = workers()
    kill(pid, signal)
    let result = try await command.end(within: .seconds(30))
    let areGone = try await eventually(within: .seconds(5)) { workers.values.allSatisfy { !ProcessTable.exists($0) } }
    guard areGone else { throw Failure("workers outlived the supervisor: \(workers)") }
    return result.code
  }

  /// A laboratory for the body, in a folder of its own; it must stop with code 0 afterwards.
  public static func with<Value>(
    arguments: [String] = ["--ports", "0"], environment: [String: String] = [:],
    _ body: (Laboratory) async throws -> Value
  ) async throws -> Value {
    try await TemporaryFolder.with { folder in
      let laboratory = try await Laboratory(in: "\(folder)/lab", arguments: arguments, environment: environment)
      let value: Value
      do { value = try await body(laboratory) } catch {
        _ = try? await laboratory.stop()
        throw error
      }
      let code = try await laboratory.stop()
      guard code == 0 else { throw Failure("portside ended with \(code):\n\(laboratory.log)") }
      return value
    }
  }

  /// A laboratory whose configuration was changed before it started (on a second start: the first makes the data).
  public static func with<Value>(
    editing edits: [(String, String)], _ body: (Laboratory) async throws -> Value
  ) async throws -> Value {
    try await TemporaryFolder.with { folder in
      let first = try await Laboratory(in: "\(folder)/lab")
      try await first.stop()
      for (old, new) in edits { try first.edit(old, new) }
      let laboratory = try await Laboratory(in: "\(folder)/lab")
      let value: Value
      do { value = try await body(laboratory) } catch {
        _ = try? await laboratory.stop()
        throw error
      }
      try await laboratory.stop()
      return value
    }
  }
}

/// A folder with a short path (a Unix socket's has 107 bytes at most) that is removed afterwards.
public enum TemporaryFolder {
  public static func with<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path = "/tmp/ps-\(UInt32.random(in: 0 ... .max))"
    // Open to others: workers of another user must get through.
    guard mkdir(path, 0o755) == 0 else { throw Failure("mkdir \(path)") }
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
  }
}

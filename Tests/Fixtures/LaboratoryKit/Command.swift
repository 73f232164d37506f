import Foundation

/// What a program that has ended left behind.
public struct CommandResult: Sendable {
  public let code: Int32
  public let output: String
  public let errors: String

  /// Both, for the text of a failed expectation.
  public var all: String { "exit \(code)\n\(output)\n\(errors)" }

  /// The standard output as JSON: an array or an object.
  public func json() throws -> Any {
    try JSONSerialization.jsonObject(with: Data(output.utf8), options: [.fragmentsAllowed])
  }

  /// The standard output as a JSON object whose values are all texts.
  public func texts() throws -> [String: String] {
    guard let texts = try json() as? [String: String] else { throw Failure("no object of texts: \(output)") }
    return texts
  }

  /// The standard output as a JSON array of objects whose values are all texts.
  public func rows() throws -> [[String: String]] {
    guard let rows = try json() as? [[String: String]] else { throw Failure("no list of rows: \(output)") }
    return rows
  }
}

/// Why a test can't go on.
public struct Failure: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// A program that runs beside the test. Its output goes to files: a pipe that nobody reads would stop it.
public final class RunningCommand {
  public let process: Process
  public let folder: String
  private var outputPath: String { "\(folder)/stdout" }
  private var errorPath: String { "\(folder)/stderr" }

  /// Starts it. A program that is not installed fails the test and says how to get it.
  public init(
    _ program: String, _ arguments: [String], input: String = "", environment: [String: String] = [:]
  ) throws {
    folder = try Self.makeFolder()
    process = Process()
    process.executableURL = URL(fileURLWithPath: try Self.find(program))
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    try Data(input.utf8).write(to: URL(fileURLWithPath: "\(folder)/stdin"))
    process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: "\(folder)/stdin"))
    process.standardOutput = try Self.create(outputPath)
    process.standardError = try Self.create(errorPath)
    // Threads of the pool block most signals, and a child inherits that: clients would miss their own SIGALRM.
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    try? FileManager.default.removeItem(atPath: folder)
  }

  public var pid: Int32 { process.processIdentifier }
  public var output: String { Self.text(outputPath) }
  public var errors: String { Self.text(errorPath) }

  /// Waits for its end; one that takes too long is killed.
  public func end(within limit: Duration) async throws -> CommandResult {
    let isOver = try await eventually(within: limit) { !self.process.isRunning }
    guard isOver else {
      kill(pid, SIGKILL)
      throw Failure(
        "\(process.executableURL?.lastPathComponent ?? "?") \(process.arguments ?? []) ran longer than \(limit)\n\(output)\n\(errors)"
      )
    }
    process.waitUntilExit()
    let code = process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus
    return CommandResult(code: code, output: output, errors: errors)
  }

  private static func text(_ path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }

  private static func create(_ path: String) throws -> FileHandle {
    guard FileManager.default.createFile(atPath: path, contents: nil) else { throw Failure("can't make \(path)") }
    return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
  }

  private static func makeFolder() throws -> String {
    let path = "/tmp/portside-command-\(UInt64.random(in: 0 ... .max))"
    guard mkdir(path, 0o700) == 0 else { throw Failure("mkdir \(path)") }
    return path
  }

  private static func find(_ program: String) throws -> String {
    if program.hasPrefix("/") { return program }
    // Debian's own first: the tests' scripts need no more than its Python.
    let folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"]
    guard let path = folders.map({ "\($0)/\(program)" }).first(where: FileManager.default.isExecutableFile) else {
      throw Failure("\(program) is not installed: Scripts/setup-test-peers installs it")
    }
    return path
  }
}

/// Runs a program to its end.
public func run(
  _ program: String, _ arguments: [String], input: String = "", environment: [String: String] = [:],
  within limit: Duration = .seconds(60)
) async throws -> CommandResult {
  try await RunningCommand(program, arguments, input: input, environment: environment).end(within: limit)
}

/// Looks until something is so; whether it came to be in time.
public func eventually(within limit: Duration, _ condition: () async throws -> Bool) async throws -> Bool {
  let end = ContinuousClock.now + limit
  while true {
    if try await condition() { return true }
    if ContinuousClock.now >= end { return false }
    try await Task.sleep(for: .milliseconds(10))
  }
}

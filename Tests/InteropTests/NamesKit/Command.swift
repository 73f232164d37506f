import Foundation

/// What went wrong with a peer, in words.
public struct PeerFailure: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// Real programs. One that is missing fails the test: `Scripts/setup-test-peers` installs it.
public enum Command {
  /// The path of a program.
  public static func find(_ name: String) throws -> String {
    for folder in ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"] {
      let path = "\(folder)/\(name)"
      if FileManager.default.isExecutableFile(atPath: path) { return path }
    }
    throw PeerFailure("\(name) is missing: run Scripts/setup-test-peers")
  }

  /// Runs a program to its end, or to the end of its time.
  /// - Returns: Its exit code (124 when its time was over), and what it wrote.
  @discardableResult
  public static func run(_ words: [String], seconds: Int = 60) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try find("timeout"))
    // -k: some clients hold on to their terminal, and to life.
    process.arguments = ["-k", "5", String(seconds), try find(words[0])] + words.dropFirst()
    // A file, not a pipe: a client that goes into the background would hold the pipe open.
    let path = NSTemporaryDirectory() + "output-\(UUID().uuidString)"
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let output = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try output.close()
    let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    return (process.terminationStatus, text)
  }
}

/// A server of the names worker (`Tests/Fixtures/NamesFixture`) as a process, until it is stopped.
public final class NamesServer {
  private let process = Process()
  /// What it listens on, in order.
  public private(set) var endpoints: [String] = []

  /// - Parameter namespace: The network namespace that it runs in.
  public init(_ arguments: [String], namespace: String? = nil) throws {
    let fixture = Self.products.appendingPathComponent("NamesFixture").path
    guard FileManager.default.isExecutableFile(atPath: fixture) else { throw PeerFailure("\(fixture) is not built") }
    if let namespace {
      process.executableURL = URL(fileURLWithPath: try Command.find("ip"))
      process.arguments = ["netns", "exec", namespace, fixture] + arguments
    } else {
      process.executableURL = URL(fileURLWithPath: fixture)
      process.arguments = arguments
    }
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    var text = ""
    while !text.contains("ready\n") {
      let data = output.fileHandleForReading.availableData
      guard !data.isEmpty else { throw PeerFailure("NamesFixture ended: \(text)") }
      text += String(decoding: data, as: UTF8.self)
    }
    endpoints = text.split(separator: "\n").dropLast().compactMap { $0.split(separator: " ").last.map(String.init) }
  }

  /// The port of the first endpoint.
  public var port: String { endpoints.first?.split(separator: ":").last.map(String.init) ?? "0" }

  /// Ends it as a service manager would; or, with `kill`, as a power cut would.
  public func stop(kill: Bool = false) {
    guard process.isRunning else { return }
    Foundation.kill(process.processIdentifier, kill ? SIGKILL : SIGTERM)
    process.waitUntilExit()
  }

  deinit { stop() }

  /// The directory of what was built: the test bundle's own.
  private static var products: URL {
    var arguments = CommandLine.arguments.map { URL(fileURLWithPath: $0) }
    arguments.append(Bundle.main.bundleURL)
    let bundle = arguments.first { $0.pathExtension == "xctest" } ?? Bundle.main.executableURL ?? Bundle.main.bundleURL
    return bundle.deletingLastPathComponent()
  }
}

/// A folder of a test's own.
public final class Scratch {
  public let path: String
  public init() throws {
    path = NSTemporaryDirectory() + "names-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  public func put(_ bytes: Data, _ name: String) throws -> String {
    let url = URL(fileURLWithPath: "\(path)/\(name)")
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try bytes.write(to: url)
    return url.path
  }

  public func get(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")) }

  /// Every regular file beneath a folder.
  public func files(_ folder: String) -> [String] {
    (FileManager.default.enumerator(atPath: "\(path)/\(folder)")?.allObjects as? [String] ?? []).filter {
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: "\(path)/\(folder)/\($0)", isDirectory: &isFolder)
        && !isFolder.boolValue
    }.map { "\(folder)/\($0)" }
  }
}

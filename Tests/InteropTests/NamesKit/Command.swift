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

  /// Runs a program to its end, or to the end of its time: then it and its group are killed.
  /// - Returns: Its exit code (124 when its time was over), and what it wrote.
  @discardableResult
  public static func run(_ words: [String], seconds: Int = 60) throws -> (status: Int32, output: String) {
    // A file, not a pipe: a client that goes into the background would hold the pipe open.
    let path = NSTemporaryDirectory() + "output-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let child = try Child(words, output: path)
    let status = child.wait(seconds: Double(seconds))
    if status == nil { child.end(SIGKILL) }
    let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    return (status ?? 124, text)
  }
}

/// A server of the names worker (`Tests/Fixtures/NamesFixture`) as a process, until it is stopped.
public final class NamesServer {
  private let child: Child
  private let output: String
  /// What it listens on, in order.
  public private(set) var endpoints: [String] = []

  /// - Parameter namespace: The network namespace that it runs in.
  public init(_ arguments: [String], namespace: String? = nil) throws {
    let fixture = Self.products.appendingPathComponent("NamesFixture").path
    guard FileManager.default.isExecutableFile(atPath: fixture) else { throw PeerFailure("\(fixture) is not built") }
    output = NSTemporaryDirectory() + "output-\(UUID().uuidString)"
    let entry = namespace.map { ["ip", "netns", "exec", $0] } ?? []
    child = try Child(entry + [fixture] + arguments, output: output)
    let end = Date() + 30
    while !text.contains("ready\n") {
      guard !child.hasEnded, Date() < end else { throw PeerFailure("NamesFixture did not start: \(text)") }
      usleep(5_000)
    }
    endpoints = text.split(separator: "\n").prefix { $0 != "ready" }.compactMap {
      $0.split(separator: " ").last.map(String.init)
    }
  }

  private var text: String { String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self) }

  /// The port of the first endpoint.
  public var port: String { endpoints.first?.split(separator: ":").last.map(String.init) ?? "0" }

  /// Ends it as a service manager would; or, with `kill`, as a power cut would.
  public func stop(kill: Bool = false) { child.end(kill ? SIGKILL : SIGTERM) }

  deinit {
    stop()
    try? FileManager.default.removeItem(atPath: output)
  }

  /// The directory of what was built: the test bundle's own.
  public static var products: URL {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: own).deletingLastPathComponent()
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

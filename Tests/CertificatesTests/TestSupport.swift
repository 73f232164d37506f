import Foundation
import Services
import TestKit
import Testing
import WireKit

@testable import Certificates

/// A directory that is gone with the value.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("portside-certs-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
  }

  func read(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
  }

  /// Every regular file below, with its content.
  func allFiles() throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isDirectory), !isDirectory.boolValue
      else { continue }
      files[name] = try read(name)
    }
    return files
  }

  /// The permission bits of a file.
  func mode(_ name: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
    return try #require(attributes[.posixPermissions] as? NSNumber).intValue
  }
}

/// What a program said, and how it ended.
struct ProgramResult {
  var status: Int32
  var output: [UInt8]
  var errors: String
  var text: String { String(decoding: output, as: UTF8.self) }
}

/// Runs a program in the directory, and waits for it.
@discardableResult
func run(_ directory: TemporaryDirectory, _ arguments: [String]) throws -> ProgramResult {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = arguments
  process.currentDirectoryURL = URL(fileURLWithPath: directory.path)
  // Files instead of pipes: nothing to drain, nothing to wait for.
  let base = "\(directory.path)/.out-\(UUID().uuidString)"
  for end in ["o", "e"] { _ = FileManager.default.createFile(atPath: base + end, contents: nil) }
  process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: base + "o"))
  process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: base + "e"))
  process.standardInput = FileHandle.nullDevice
  try process.run()
  process.waitUntilExit()
  defer { for end in ["o", "e"] { try? FileManager.default.removeItem(atPath: base + end) } }
  return ProgramResult(
    status: process.terminationStatus,
    output: Array(try Data(contentsOf: URL(fileURLWithPath: base + "o"))),
    errors: String(decoding: try Data(contentsOf: URL(fileURLWithPath: base + "e")), as: UTF8.self))
}

/// Runs openssl(1) and demands that it succeeds. Words are split at spaces.
@discardableResult
func openssl(
  _ directory: TemporaryDirectory, _ words: String, location: SourceLocation = #_sourceLocation
) throws -> ProgramResult {
  let result = try run(directory, ["openssl"] + words.split(separator: " ").map(String.init))
  try #require(result.status == 0, "openssl \(words): \(result.errors)\(result.text)", sourceLocation: location)
  return result
}

extension ManualClock {
  /// A clock ahead of the machine's. By ten minutes: what openssl(1) makes during a test is valid by then, and what the
  /// store makes is backdated by more.
  convenience init(secondsAhead: Int64) { self.init(wall: .now + .seconds(secondsAhead)) }

  func advance(days: Int) { advance(by: .days(days)) }
}

extension WallTime {
  /// The machine's time: openssl(1) can't be told another.
  static var now: WallTime { WallTime(Date()) }
}

/// A store in a directory of its own.
struct StoreFixture {
  let directory: TemporaryDirectory
  let clock: ManualClock
  let encryption: KeyEncryption
  let store: CertificateStore

  init(clock: ManualClock = ManualClock(secondsAhead: 600), systemRootPaths: [String] = []) throws {
    directory = try TemporaryDirectory()
    self.clock = clock
    encryption = try KeyEncryption(key: Secret((0..<32).map { UInt8($0) }))
    store = try CertificateStore(
      .init(
        directory: "\(directory.path)/store", authorityName: "lab.test", authorityFile: "\(directory.path)/ca.pem",
        systemRootPaths: systemRootPaths),
      encryption: encryption, clock: clock)
  }

  /// Another process's view of the same directory.
  func reopened() throws -> CertificateStore {
    try CertificateStore(store.configuration, encryption: encryption, clock: clock)
  }
}

/// An authority made by openssl(1): `root.pem`, `inter.pem` and their keys.
struct OutsideAuthority {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    try openssl(directory, "ecparam -name prime256v1 -genkey -noout -out root.key")
    try openssl(
      directory,
      "req -x509 -new -key root.key -subj /CN=Outside-Root -days 3000 -out root.pem -addext keyUsage=critical,keyCertSign"
    )
    try openssl(directory, "ecparam -name prime256v1 -genkey -noout -out inter.key")
    try sign("inter", subject: "/CN=Outside-Intermediate", by: "root", Self.authorityExtensions)
  }

  static let authorityExtensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
  static func serverExtensions(_ names: String) -> String {
    "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\nsubjectAltName=\(names)\n"
  }

  /// Makes `NAME.pem` for the key in `NAME.key`, signed by `issuer`.
  func sign(
    _ name: String, subject: String, by issuer: String, _ extensions: String, days: Int = 100,
    options: String = "-sha256",
    identifiers: String = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
  ) throws {
    try openssl(directory, "req -new -key \(name).key -subj \(subject) -out \(name).csr")
    try signRequest(name, by: issuer, identifiers + extensions, days: days, options: options)
  }

  /// Makes `NAME.pem` for the request in `NAME.csr`.
  func signRequest(
    _ name: String, by issuer: String, _ extensions: String, days: Int = 100, options: String = "-sha256"
  ) throws {
    try directory.write("\(name).ext", extensions)
    try openssl(
      directory,
      "x509 -req -in \(name).csr -CA \(issuer).pem -CAkey \(issuer).key -set_serial 0x\(UInt32.random(in: 1...(.max)))"
        + " -days \(days) -extfile \(name).ext -out \(name).pem \(options)")
  }

  /// Makes `NAME.key` and a server's `NAME.pem` for it.
  func server(
    _ name: String, names: String = "DNS:www.lab.test", by issuer: String = "inter", days: Int = 100,
    key: String = "ecparam -name prime256v1 -genkey -noout", extensions: String? = nil, options: String = "-sha256",
    identifiers: String = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
  ) throws {
    try openssl(directory, "\(key) -out \(name).key")
    try sign(
      name, subject: "/CN=\(name)", by: issuer, extensions ?? Self.serverExtensions(names), days: days,
      options: options,
      identifiers: identifiers)
  }

  /// The files, one after the other.
  func pem(_ names: String...) throws -> [UInt8] { try names.flatMap { try directory.read($0) } }

  var roots: TrustRoots { get throws { try TrustRoots(pem: pem("root.pem")) } }
}

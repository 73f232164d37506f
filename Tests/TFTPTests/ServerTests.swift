import Foundation
import Services
import TFTPClient
import TFTPCore
import TFTPServer
import TestKit
import Testing
import WireKit

/// A server on loopback with a directory of its own.
final class ServerFixture: Sendable {
  let folder: URL
  let server: TFTPServer
  let events = RecordingEventSink()

  struct Names: ClientDirectory {
    func client(at address: IPAddress) -> KnownClient? {
      address.isLoopback ? KnownClient(device: "bench/../switch 1", root: "own") : nil
    }
    func render(_ fileName: String, for client: KnownClient?, at address: IPAddress) -> [UInt8]? {
      fileName.hasPrefix("menu/") ? Array("menu for \(client?.device ?? "-") at \(address)".utf8) : nil
    }
  }

  init(
    address: IPAddress = IPAddress(127, 0, 0, 1), directory: any ClientDirectory = EmptyClientDirectory(),
    _ change: (inout TFTPServerConfiguration, String) -> Void = { _, _ in }
  ) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("tftp-\(UUID().uuidString)")
    for name in ["read/sub", "own", "versions", "outside"] {
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
    }
    var configuration = TFTPServerConfiguration()
    configuration.readRoots = [folder.path + "/read"]
    configuration.clientRoots = ["own": folder.path + "/own"]
    configuration.maximumTransfersPerSource = 4_096
    change(&configuration, folder.path)
    server = try TFTPServer.start(
      configuration, on: [Endpoint(address, 0)], clock: TestClock(), events: events, directory: directory)
  }

  func put(_ text: [UInt8], _ path: String) throws {
    try Data(text).write(to: folder.appendingPathComponent(path))
  }

  func versions(_ device: String, _ file: String) -> [URL] {
    let path = folder.appendingPathComponent("versions/\(device)/\(file)")
    return (try? FileManager.default.contentsOfDirectory(at: path, includingPropertiesForKeys: nil)) ?? []
  }

  func client(_ change: (inout TFTPClient.Options) -> Void = { _ in }) -> TFTPClient {
    var options = TFTPClient.Options()
    change(&options)
    return TFTPClient(server: server.endpoints[0], options: options)
  }

  func end() async {
    await server.stop()
    try? FileManager.default.removeItem(at: folder)
  }
}

struct TestClock: Clock {
  func now() -> MonotonicTime { MonotonicTime(nanoseconds: DispatchTime.now().uptimeNanoseconds) }
  func wallTime() -> WallTime { WallTime(seconds: 1_767_225_600) }
}

@Suite struct ServerTests {
  @Test(arguments: [false, true], [IPAddress(127, 0, 0, 1), IPAddress(v6: 1)])
  func filesComeWhole(singlePort: Bool, address: IPAddress) async throws {
    let fixture = try ServerFixture(address: address) { configuration, _ in configuration.usesSinglePort = singlePort }
    for size in [0, 1, 512, 5_000, 300_000] {
      let bytes = TransferTests.content(size)
      try fixture.put(bytes, "read/sub/f\(size)")
      for (block, window) in [(nil, nil), (512, 1), (1_468, 16), (8_192, 4), (65_464, 64), (8, 64)] as [(Int?, Int?)]
      where size / (block ?? 512) < 20_000 {
        let client = fixture.client {
          $0.blockSize = block
          $0.windowSize = window
        }
        #expect(try await client.read("sub/f\(size)") == bytes, "\(size) by \(block ?? 0), \(window ?? 0)")
      }
    }
    await fixture.end()
  }

  @Test func textTravelsAsNetascii() async throws {
    let fixture = try ServerFixture { configuration, path in
      configuration.writes = WritePolicy(template: path + "/versions/{device}")
      configuration.writes?.onlyKnownClients = false
    }
    let text = Array("a\nb\r\n".utf8) + [UInt8](repeating: 0x0A, count: 700)
    try fixture.put(text, "read/text")
    let client = fixture.client { $0.mode = .netascii }
    #expect(try await client.read("text") == text)
    try await client.write(text, as: "text")
    #expect(try fixture.versions("127.0.0.1", "text").map { try Data(contentsOf: $0) } == [Data(text)])
    await fixture.end()
  }

  @Test(arguments: [
    "../outside/secret", "sub/../../outside/secret", "..\\outside\\secret", "/etc/passwd", "//etc/passwd", "link-out",
    "folder-out/secret", "absolute-link", "sub", "", "./..", "missing", "fifo",
  ])
  func nothingOutsideTheRootIsRead(name: String) async throws {
    let fixture = try ServerFixture()
    try fixture.put([1, 2, 3], "outside/secret")
    let read = fixture.folder.appendingPathComponent("read").path
    for (link, target) in [
      ("link-out", "../outside/secret"), ("folder-out", "../outside"), ("absolute-link", "/etc/passwd"),
    ] { try FileManager.default.createSymbolicLink(atPath: "\(read)/\(link)", withDestinationPath: target) }
    mkfifo("\(read)/fifo", 0o600)
    await #expect(throws: TransferFailure.self) { _ = try await fixture.client().read(name) }
    await fixture.end()
  }

  @Test func linksWithinTheRootAndSlashesOfEitherKindWork() async throws {
    let fixture = try ServerFixture()
    try fixture.put([7], "read/sub/f")
    let link = fixture.folder.appendingPathComponent("read/alias").path
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "sub/f")
    for name in ["alias", "/sub/f", "sub\\f", "./sub//f"] { #expect(try await fixture.client().read(name) == [7]) }
    await fixture.end()
  }

  @Test func clientsHaveRootsMapsAndMenusOfTheirOwn() async throws {
    let fixture = try ServerFixture(directory: ServerFixture.Names()) { configuration, _ in
      configuration.maps = [NameMap("*.cfg", "{address}-{1}.conf")]
    }
    try fixture.put([1], "read/both")
    try fixture.put([2], "own/both")
    try fixture.put([3], "read/127.0.0.1-phone.conf")
    #expect(try await fixture.client().read("both") == [2])
    #expect(try await fixture.client().read("phone.cfg") == [3])
    let menu = try await fixture.client().read("menu/default")
    #expect(String(decoding: menu, as: UTF8.self) == "menu for bench/../switch 1 at 127.0.0.1")
    await fixture.end()
  }

  @Test func aWriteIsAVersionAndNeverOverwrites() async throws {
    let fixture = try ServerFixture(directory: ServerFixture.Names()) { configuration, path in
      configuration.writes = WritePolicy(template: path + "/versions/{device}")
    }
    for number in 1...3 as ClosedRange<UInt8> {
      try await fixture.client().write([UInt8](repeating: number, count: 2_000), as: "/flash/running-config")
    }
    // The test's clock stands still: three versions of one moment.
    let versions = fixture.versions("bench_.._switch_1", "flash_running-config").sorted { $0.path < $1.path }
    #expect(versions.count == 3)
    #expect(Set(try versions.map { try Data(contentsOf: $0).first }) == [1, 2, 3])
    #expect(versions.allSatisfy { !$0.lastPathComponent.hasPrefix(".") })
    await fixture.end()
  }

  @Test func strangersMayNotWriteAndQuotasHold() async throws {
    let strict = try ServerFixture { configuration, path in
      configuration.writes = WritePolicy(template: path + "/versions/{device}")
    }
    await #expect(throws: TransferFailure.self) { try await strict.client().write([1], as: "f") }
    #expect(strict.versions("127.0.0.1", "f").isEmpty)
    await strict.end()
    let small = try ServerFixture { configuration, path in
      configuration.writes = WritePolicy(template: path + "/versions/{device}")
      configuration.writes?.onlyKnownClients = false
      configuration.writes?.quotaPerDevice = 1_500
    }
    try await small.client().write([UInt8](repeating: 1, count: 1_000), as: "f")
    await #expect(throws: TransferFailure.self) {
      try await small.client { $0.usesSize = false }.write([UInt8](repeating: 2, count: 1_000), as: "f")
    }
    await #expect(throws: TransferFailure.self) {
      try await small.client().write([UInt8](repeating: 2, count: 1_000), as: "f")
    }
    #expect(small.versions("127.0.0.1", "f").count == 1)
    await small.end()
  }

  @Test func withoutAPolicyNothingIsWritten() async throws {
    let fixture = try ServerFixture()
    await #expect(throws: TransferFailure.self) { try await fixture.client().write([1], as: "f") }
    await fixture.end()
  }

  @Test(arguments: [false, true])
  func aThousandAtATime(singlePort: Bool) async throws {
    let fixture = try ServerFixture { configuration, _ in configuration.usesSinglePort = singlePort }
    let bytes = TransferTests.content(100_000)
    try fixture.put(bytes, "read/boot")
    let client = fixture.client {
      $0.windowSize = 4
      $0.limits.maximumRetries = 20
    }
    let complete = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<1_000 { group.addTask { try await client.read("boot") == bytes } }
      return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(complete == 1_000)
    await fixture.end()
  }

  @Test func wrongConfigurationsSaySo() {
    var configuration = TFTPServerConfiguration()
    configuration.readRoots = ["/does/not/exist"]
    #expect(throws: TFTPServer.StartError.self) {
      _ = try TFTPServer.start(
        configuration, on: [Endpoint(IPAddress(127, 0, 0, 1), 0)], clock: TestClock(), events: RecordingEventSink())
    }
    var threads = TFTPServerConfiguration()
    threads.transferThreads = 0
    #expect(threads.problems().count == 1)
  }
}

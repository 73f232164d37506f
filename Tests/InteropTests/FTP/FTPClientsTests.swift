import Foundation
import LaboratoryKit
import Testing

/// Real FTP clients against the running program: each in every mode that it has.
@Suite(.serialized, .timeLimit(.minutes(8))) struct FTPClientsTests {
  private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "peers.py"
  ).path

  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Runs one part of the script: its checks, which must all hold.
  private func check(
    _ part: String, editing edits: [(String, String)] = [], python: String = "python3", account: Int = 0,
    prepare: (String) throws -> Void = { _ in }, administer: (Laboratory) async throws -> Void = { _ in }
  ) async throws {
    let confined = [
      ("shell      = \"os\"", "shell      = \"console\""), ("forwarding = true", "forwarding = false"),
    ]
    try await TemporaryFolder.with { folder in
      let first = try await Laboratory(in: "\(folder)/lab")
      try await first.stop()
      for (old, new) in confined + edits { try first.edit(old, new) }
      // Before the start: a worker that is confined does not follow what is mounted later.
      try prepare(first.data)
      let laboratory = try await Laboratory(in: first.data)
      do {
        try await administer(laboratory)
        try await run(part, laboratory, python, laboratory.ready.accounts[account])
      } catch {
        _ = try? await laboratory.stop()
        throw error
      }
      #expect(try await laboratory.stop() == 0)
    }
  }

  private func run(
    _ part: String, _ laboratory: Laboratory, _ python: String, _ account: Laboratory.Ready.Account
  ) async throws {
    let told: [String: Any] = [
      "ftp": try laboratory.port("ftp"), "ftps": try laboratory.port("ftps"), "ca": laboratory.ready.ca,
      "all": laboratory.ready.services.map { [$0.name, $0.address, "\($0.port)"] }, "data": laboratory.data,
      "user": account.name, "password": account.password, "portside": Laboratory.program,
      "home": "\(laboratory.data)/files/home/\(account.name)", "ssh": try laboratory.port("ssh"),
      "key": account.ssh_key ?? "",
    ]
    try await judge(part, [python], told) { laboratory.log }
  }

  private func judge(
    _ part: String, _ program: [String], _ told: [String: Any], log: () -> String = { "" }
  ) async throws {
    let argument = String(decoding: try JSONSerialization.data(withJSONObject: told), as: UTF8.self)
    let words = Array(program.dropFirst()) + [Self.script, part, argument]
    let result = try await LaboratoryKit.run(program[0], words, within: .seconds(300))
    #expect(result.code == 0, "\(result.all)\n\(log().suffix(4_000))")
    let checks = (try? result.json() as? [String: Bool]) ?? [:]
    #expect(!checks.isEmpty)
    for (name, holds) in checks.sorted(by: { $0.key < $1.key }) { #expect(holds, "\(part): \(name)") }
  }

  @Test func curl() async throws { try await check("curl") }
  @Test func ftplib() async throws { try await check("ftplib") }
  @Test func transfersThatBreakOff() async throws { try await check("broken") }
  /// As the configuration is, and where uploads are not synchronised.
  @Test(arguments: [true, false]) func transfersAtAnyPace(_ isSynchronised: Bool) async throws {
    let passive = "passive   = { ports = \"52000-52999\" }"
    try await check("paces", editing: isSynchronised ? [] : [(passive, passive + "\nsync = false")])
  }
  @Test func lftp() async throws { try await check("lftp") }
  @Test func ncftpTnftpAndBusybox() async throws { try await check("old") }

  @Test func treesOfTenThousandFiles() async throws { try await check("trees") }

  /// One count for an account, whatever protocol its files come by; met on the way, nothing is left behind.
  @Test func aQuotaOverAllProtocols() async throws {
    func limit(_ laboratory: Laboratory) async throws {
      let name = laboratory.ready.accounts[1].name
      let result = try await laboratory.portside("account", "set", name, "--quota", "5MB")
      #expect(result.code == 0, "\(result.all)")
    }
    try await check("quota", account: 1, administer: limit)
  }

  @Test(.enabled(if: geteuid() == 0, "only root may send from port 20"))
  func activeConnectionsComeFromPort20() async throws {
    try await TemporaryFolder.with { folder in
      let laboratory = try await Laboratory(in: "\(folder)/lab")
      let ready = laboratory.ready
      try await laboratory.stop()
      // The workers are somebody else, who must reach the folder.
      chmod(folder, 0o755)
      for (old, new) in [
        ("data_port = 0", "data_port = 20"), ("shell      = \"os\"", "shell      = \"console\""),
        ("[server]", "[server]\nuser = \"nobody\""),
      ] { try laboratory.edit(old, new) }
      let nobody = try #require(getpwnam("nobody")).pointee
      let given = try await LaboratoryKit.run(
        "chown", ["-R", "\(nobody.pw_uid):\(nobody.pw_gid)", laboratory.data])
      #expect(given.code == 0)
      // What seals everything else is root's.
      chown("\(laboratory.data)/key", 0, 0)
      let account = ready.accounts[0]
      try await judge(
        "port20", ["unshare", "--net", "python3"],
        [
          "ftp": 10021, "ftps": 0, "ca": ready.ca, "user": account.name, "password": account.password,
          "home": "\(laboratory.data)/files/home/\(account.name)", "portside": Laboratory.program,
          "config": laboratory.configurationFile,
        ])
    }
  }

  @Test func aioftp() async throws {
    try await check("aioftp", python: Self.root.appendingPathComponent(".venv/bin/python").path)
  }

  @Test func anonymousReadsOnlyAndTheTransferLogTells() async throws {
    try await TemporaryFolder.with { folder in
      let passive = "passive   = { ports = \"52000-52999\" }"
      try await check(
        "anonymous",
        editing: [(passive, passive + "\nanonymous = \"\(folder)\"\ntransfer_log = \"\(folder)/xferlog\"")]
      ) { _ in try "public\n".write(toFile: "\(folder)/read me.txt", atomically: true, encoding: .utf8) }
      let log = try String(contentsOfFile: "\(folder)/xferlog", encoding: .utf8)
      #expect(log.contains(" 127.0.0.1 7 /read_me.txt b _ o a anonymous ftp 0 * c\n"), "\(log)")
    }
  }

  @Test func aRangeOfOnePortAndANATAddress() async throws {
    try await check(
      "passive",
      editing: [
        (
          "passive   = { ports = \"52000-52999\" }",
          "passive   = { ports = \"\(try Self.freePort())-\(Self.lastPort)\", addresses = { \"127.0.0.0/8\" = \"192.0.2.7\" } }"
        )
      ])
  }

  @Test func aBoxToThrowThingsInto() async throws {
    try await check(
      "drop",
      editing: [
        ("staff = [\"mail\", \"files:home\"", "staff = [\"mail\", \"files:shared:make\"")
      ], account: 1)
  }

  @Test func overIPv6() async throws {
    try await check("ipv6", editing: [("here = [\"127.0.0.1\"]", "here = [\"127.0.0.1\", \"::1\"]")])
  }

  @Test func aFullDisk() async throws {
    try #require(geteuid() == 0, "mounts a small file system, for which it must be root")
    var mounted: String?
    defer { if let mounted { umount2(mounted, Int32(MNT_DETACH)) } }
    try await check("full") { data in
      let place = "\(data)/files/shared"
      guard mount("tmpfs", place, "tmpfs", 0, "size=2m") == 0 else { throw Failure("mount: \(errno)") }
      mounted = place
    }
  }

  /// A port that nobody has, used as a range of one.
  private static func freePort() throws -> Int {
    lastPort = try Occupier().port
    return lastPort
  }
  // unsafe: the suite is serialised, and one test alone uses it.
  nonisolated(unsafe) private static var lastPort = 0
}

import Foundation
import LaboratoryKit
import Testing

/// `portside cert`: what it changes is served within seconds, without a restart.
@Suite(.serialized, .timeLimit(.minutes(3))) struct CertificateTests {
  /// The serial number and issuer of the certificate that HTTPS shows for a name; `nil` when it refuses the name.
  private static func served(_ name: String, _ laboratory: Laboratory) async throws -> (serial: String, issuer: String)?
  {
    let client = try await run(
      "openssl",
      ["s_client", "-connect", "127.0.0.1:\(laboratory.port("https"))", "-servername", name, "-no_ign_eof"])
    guard client.output.contains("BEGIN CERTIFICATE") else { return nil }
    let shown = try await run("openssl", ["x509", "-noout", "-serial", "-issuer"], input: client.output)
    let lines = shown.output.components(separatedBy: "\n")
    guard shown.code == 0, lines.count >= 2 else { throw Failure(shown.all) }
    return (lines[0], lines[1])
  }

  private static func openssl(_ folder: String, _ commands: [String]) async throws {
    for command in commands {
      let result = try await run("sh", ["-c", "cd \(folder) && openssl \(command)"])
      guard result.code == 0 else { throw Failure("openssl \(command): \(result.all)") }
    }
  }

  /// A root, a certificate for shop.lab.test by it, and a key that belongs to neither.
  private static func makeChain(_ folder: String) async throws {
    let leaf = "subjectAltName=DNS:shop.lab.test\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n"
    try leaf.write(toFile: "\(folder)/leaf.ext", atomically: true, encoding: .utf8)
    let ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    try await openssl(
      folder,
      [
        "req -x509 \(ec) -keyout root.key -out root.pem -days 60 -subj /CN=Outside "
          + "-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign",
        "req \(ec) -keyout leaf.key -out leaf.csr -subj /CN=shop.lab.test",
        "x509 -req -in leaf.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -extfile leaf.ext -out leaf.pem",
        "ecparam -name prime256v1 -genkey -noout -out other.key",
      ])
  }

  @Test func aChainFromOutsideIsServedAndRemoved() async throws {
    try await Laboratory.with { laboratory in
      let folder = laboratory.data + "/outside"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try await Self.makeChain(folder)
      #expect(try await Self.served("shop.lab.test", laboratory) == nil)
      let before = laboratory.workers()

      let (leaf, root, key) = ("\(folder)/leaf.pem", "\(folder)/root.pem", "\(folder)/leaf.key")
      func take(_ words: [String]) async throws -> CommandResult {
        try await run(
          Laboratory.program, ["cert", "import"] + words + ["--config", laboratory.configurationFile])
      }
      let refusals: [(words: [String], says: String)] = [
        (["--chain", leaf, "--root", root, "--key", "\(folder)/other.key"], "key"),
        (["--chain", leaf, "--key", key], "root"),
        (["--chain", leaf, "--root", root, "--key", key, "--name", "elsewhere.test"], "elsewhere.test"),
        (["--chain", "\(folder)/leaf.csr", "--key", key], "certificate"),
        (["--chain", "\(folder)/none.pem", "--key", key], "none.pem"),
      ]
      for (words, says) in refusals {
        let refused = try await take(words)
        #expect(refused.code == 1 && refused.output.isEmpty, "\(words): \(refused.all)")
        #expect(refused.errors.lowercased().contains(says), "\(words): \(refused.all)")
      }
      #expect(try await Self.served("shop.lab.test", laboratory) == nil)

      let taken = try await take(["--chain", leaf, "--root", root, "--key", key, "--name", "shop.lab.test", "--json"])
      #expect(taken.code == 0, "\(taken.all)")
      let isServed = try await eventually(within: .seconds(15)) {
        try await Self.served("shop.lab.test", laboratory)?.issuer.contains("Outside") == true
      }
      #expect(isServed, "\(laboratory.log)")
      #expect(try await Self.served("www.lab.test", laboratory)?.issuer.contains("lab.test") == true)
      let listed = try await laboratory.portside("cert", "list", "--json")
      #expect(listed.code == 0 && listed.output.contains("shop.lab.test"), "\(listed.all)")
      #expect(!listed.output.contains("PRIVATE"), "no key leaves the store")

      #expect(try await laboratory.portside("cert", "remove", "shop.lab.test").code == 0)
      let isGone = try await eventually(within: .seconds(15)) {
        try await Self.served("shop.lab.test", laboratory) == nil
      }
      #expect(isGone, "\(laboratory.log)")
      #expect(laboratory.workers() == before, "nothing was restarted")
    }
  }

  @Test func issuedRenewedAndRequestedFromOutside() async throws {
    try await Laboratory.with { laboratory in
      let issued = try await laboratory.portside("cert", "issue", "new.lab.test")
      #expect(issued.code == 0, "\(issued.all)")
      var serial: String?
      let isServed = try await eventually(within: .seconds(15)) {
        serial = try await Self.served("new.lab.test", laboratory)?.serial
        return serial != nil
      }
      #expect(isServed)
      let renewed = try await laboratory.portside("cert", "renew", "new.lab.test")
      #expect(renewed.code == 0, "\(renewed.all)")
      let isRenewed = try await eventually(within: .seconds(15)) {
        let now = try await Self.served("new.lab.test", laboratory)?.serial
        return now != nil && now != serial
      }
      #expect(isRenewed)
      // The whole chain is right for a client that knows our root alone.
      let client = try await run(
        "openssl",
        [
          "s_client", "-connect", "127.0.0.1:\(laboratory.port("https"))", "-servername", "new.lab.test", "-CAfile",
          laboratory.ready.ca, "-verify_return_error", "-verify_hostname", "new.lab.test", "-brief",
        ])
      #expect(client.code == 0 && client.all.contains("Verification: OK"), "\(client.all)")

      let folder = laboratory.data + "/outside"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try await Self.makeChain(folder)
      let request = try await laboratory.portside("cert", "request", "shop.lab.test")
      #expect(request.code == 0 && request.output.hasPrefix("-----BEGIN CERTIFICATE REQUEST"), "\(request.all)")
      try request.output.write(toFile: "\(folder)/ours.csr", atomically: true, encoding: .utf8)
      try await Self.openssl(
        folder,
        [
          "req -in ours.csr -noout -verify",
          "x509 -req -in ours.csr -CA root.pem -CAkey root.key -days 30 -extfile leaf.ext -set_serial 77 -out ours.pem",
        ])
      let taken = try await laboratory.portside(
        "cert", "import", "--chain", "\(folder)/ours.pem", "--root", "\(folder)/root.pem")
      #expect(taken.code == 0, "\(taken.all)")
      let isFinished = try await eventually(within: .seconds(15)) {
        try await Self.served("shop.lab.test", laboratory)?.serial == "serial=4D"
      }
      #expect(isFinished)
    }
  }

  @Test func withTheServerStopped() async throws {
    try await TemporaryFolder.with { folder in
      let laboratory = try await Laboratory(in: "\(folder)/lab")
      try await laboratory.stop()
      #expect(try await laboratory.portside("cert", "list", "--json").code == 0)
      #expect(try await laboratory.portside("cert", "issue", "late.lab.test").code == 0)
      let shown = try await laboratory.portside("cert", "show", "late.lab.test")
      #expect(shown.code == 0 && !shown.output.contains("PRIVATE"), "\(shown.all)")
      #expect(try await laboratory.portside("cert", "show", "none.lab.test").code == 1)
      let again = try await Laboratory(in: "\(folder)/lab")
      #expect(try await Self.served("late.lab.test", again) != nil)
      #expect(try await again.stop() == 0)
    }
  }
}

import Configuration
import Foundation
import Services
import Testing

@Suite struct SecretTests {
  /// Files and variables in memory.
  struct Reader: SecretReader {
    var user: UInt32 = 1000
    var variables: [String: String] = [:]
    var files: [String: SecretFile] = [:]

    func environment(_ name: String) -> String? { variables[name] }

    func read(_ path: AbsolutePath, limit: Int) throws(SecretError) -> SecretFile {
      guard let file = files[path.description] else { throw SecretError("file:\(path): No such file or directory") }
      return file
    }
  }

  private func secret(_ text: String, _ reader: Reader) throws -> String {
    try SecretReference(configuration: text).resolve(using: reader).withBytes { String(decoding: $0, as: UTF8.self) }
  }

  @Test func referencesAreReadAndPrinted() throws {
    for text in ["credential:portside.kek", "file:/etc/portside/key", "env:PORTSIDE_KEK", "credential:a@b_c-d"] {
      #expect(try SecretReference(configuration: text).description == text)
    }
    for text in [
      "", "hunter2", "credential:", "credential:..", "credential:.", "credential:a/b", "file:", "file:key",
      "file:/../x",
      "env:", "env:1A", "env:A B", "env:A=B", "Credential:a", "vault:x",
    ] {
      let error = #expect(throws: TextError.self, "\(text)") { try SecretReference(configuration: text) }
      #expect(error?.message.contains("hunter2") == false)
    }
  }

  @Test func secretsAreResolved() throws {
    var reader = Reader()
    reader.variables = ["KEK": "abc", "CREDENTIALS_DIRECTORY": "/run/credentials/portside.service"]
    reader.files["/run/credentials/portside.service/kek"] = SecretFile(
      content: Array("abc\n".utf8), mode: 0o440, owner: 0)
    reader.files["/key"] = SecretFile(content: Array("abc\r\n".utf8), mode: 0o600, owner: 1000)
    reader.files["/root"] = SecretFile(content: Array("abc\n\n".utf8), mode: 0o400, owner: 0)
    #expect(try secret("env:KEK", reader) == "abc")
    #expect(try secret("credential:kek", reader) == "abc")
    #expect(try secret("file:/key", reader) == "abc")
    #expect(try secret("file:/root", reader) == "abc\n")
  }

  @Test func looseFilesAreRefused() throws {
    var reader = Reader()
    let content = Array("hunter2".utf8)
    reader.files["/group"] = SecretFile(content: content, mode: 0o640, owner: 1000)
    reader.files["/world"] = SecretFile(content: content, mode: 0o604, owner: 1000)
    reader.files["/run"] = SecretFile(content: content, mode: 0o700, owner: 1000)
    reader.files["/setuid"] = SecretFile(content: content, mode: 0o4600, owner: 1000)
    reader.files["/other"] = SecretFile(content: content, mode: 0o600, owner: 1001)
    reader.files["/pipe"] = SecretFile(content: content, mode: 0o600, owner: 1000, isRegular: false)
    reader.files["/empty"] = SecretFile(content: [0x0A], mode: 0o600, owner: 1000)
    for name in ["group", "world", "run", "setuid", "other", "pipe", "empty", "none"] {
      let error = #expect(throws: SecretError.self, "\(name)") { try secret("file:/\(name)", reader) }
      #expect(error?.description.hasPrefix("file:/\(name): ") == true)
      #expect(error?.description.contains("hunter2") == false)
    }
    #expect(throws: SecretError("credential:a: $CREDENTIALS_DIRECTORY is not set; systemd sets it for LoadCredential="))
    {
      try secret("credential:a", reader)
    }
    #expect(throws: SecretError("env:NONE: the variable is not set")) { try secret("env:NONE", reader) }
  }

  @Test func theSystemsFilesAreChecked() throws {
    let folder = URL(filePath: NSTemporaryDirectory()).appending(path: "portside-secrets-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "key").path
    func resolve(_ path: String) throws -> Int {
      try SecretReference(configuration: "file:\(path)").resolve(using: SystemSecretReader()).count
    }
    _ = FileManager.default.createFile(
      atPath: file, contents: Data("abc\n".utf8), attributes: [.posixPermissions: 0o600])
    #expect(try resolve(file) == 3)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
    #expect(throws: SecretError.self) { try resolve(file) }
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
    try FileManager.default.createSymbolicLink(atPath: file + "-link", withDestinationPath: file)
    #expect(throws: SecretError.self) { try resolve(file + "-link") }
    #expect(throws: SecretError.self) { try resolve(folder.path) }
    #expect(throws: SecretError.self) { try resolve(file + "-none") }
    try Data(repeating: 0x41, count: SecretReference.maximumBytes + 1).write(to: URL(filePath: file))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
    #expect(throws: SecretError.self) { try resolve(file) }
  }

  /// Wherever somebody might write a secret by mistake: neither a finding nor its excerpt shows it.
  @Test(arguments: [
    "[server]\nkey = \"hunter2\"", "[server]\nkey = hunter2", "[server]\nkey = \"hunter2",
    "[server]\nkey = 'hunter2' x",
    "[server]\nkey = [\"hunter2\"]", "[server]\nkey = \"\"\"\nhunter2\\q\"\"\"", "[server]\npassword = \"hunter2\"",
    "[server]\nqwertz = \"hunter2\"", "password = \"hunter2\"", "[server]\nstore = \"postgres://u:hunter2@h/d\"",
    "[server]\nstore = \"u:hunter2@h/d\"", "[http]\nsites = { \"a.example\" = \"http://u:hunter2@h/\" }",
    "[http]\nsites = { \"a.example\" = \"http://u:hunter2@\u{301}h/\" }",
    "[dns]\nforward = [\"https://u:hunter2@9.9.9.9\"]",
    "[smtp]\nrelay = { via = \"submission://u:hunter2@h\" }",
    "[smtp]\nrelay = { user = \"a\", password = \"hunter2\" }",
    "[smtp]\nrelay = { user = \"a\", pasword = \"hunter2\" }", "[auth.ldap.ad]\npassword = \"hunter2\"",
    "[auth.oidc.idp]\nsecret = { x = \"hunter2\" }",
    "[dns]\ntransfer = [{ zone = \"a\", to = \"192.0.2.1\", key = \"hunter2\" }]",
    "[tls]\ncertificates = [{ chain = \"/c\", key = \"hunter2\" }]", "[server]\nkey = \"a\"\nkey = \"hunter2\"",
    "[server]\npw = \"hunter2", "pw = hunter2", "[server]\npw = 1\npw = \"hunter2\"",
    "[x]\ny = \"\"\"\nhunter2 \\q\"\"\"",
    "[server]\nblobs_secret = \"id:hunter2\"", "[server]\nblobs = \"s3://id:hunter2@host\"",
  ]) func noFindingShowsASecret(_ text: String) {
    let loaded = load(text)
    #expect(!loaded.findings.isEmpty)
    for finding in loaded.findings {
      let shown = loaded.describeWithExcerpt(finding)
      #expect(!shown.contains("hunter2"), "\(shown)")
    }
  }

  @Test func noVariablesValueIsShown() {
    for name in [
      "PORTSIDE_SERVER_KEY", "PORTSIDE_SERVER_PASSWORD", "PORTSIDE_LISTEN", "PORTSIDE_SERVER_STORE_PASSWORD",
    ] {
      for line in findings("", [name: "hunter2"]) { #expect(!line.contains("hunter2"), "\(line)") }
      #expect(findings("", [name: "hunter2"]).count == 1)
    }
  }

  /// What is made from a configuration knows references only: nothing reads the secrets for it.
  @Test func nothingThatIsPrintedHoldsASecret() throws {
    let loaded = load(
      "[server]\nkey = \"env:PORTSIDE_TEST_KEK\"\n[smtp.relay]\nvia = \"submission://h.example\"\nuser = \"a\"\npassword = \"env:PORTSIDE_TEST_KEK\"\n"
    )
    let configuration = try #require(loaded.configuration)
    let reader = Reader(variables: ["PORTSIDE_TEST_KEK": "hunter2"])
    let secret = try #require(try configuration.server.key?.resolve(using: reader))
    var printed = [
      configuration.exportTOML(), configuration.exportJSON(), "\(configuration)", "\(secret)",
      String(reflecting: secret),
    ]
    printed.append(ConfigurationDifference(from: PortsideConfiguration(), to: configuration).description)
    printed.append(try loaded.explain("server.key").get().description)
    printed.append(String(decoding: try JSONEncoder().encode(configuration), as: UTF8.self))
    var dumped = ""
    dump(secret, to: &dumped)
    printed.append(dumped)
    for text in printed { #expect(!text.contains("hunter2")) }
    #expect(printed[0].contains("env:PORTSIDE_TEST_KEK"))
  }
}

import Foundation
import Services
import Testing

@testable import Certificates

/// Keys made by openssl(1), in every form that people bring.
@Suite struct ServerKeyTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  struct Form: Sendable, CustomTestStringConvertible {
    let name: String
    /// Commands of openssl, separated by `;`; the last one writes `key.pem`.
    let commands: String
    let label: String
    var kind: ServerKey.Kind
    var testDescription: String { name }
  }

  static let plain: [Form] = [
    Form(
      name: "P-256 SEC1", commands: "ecparam -name prime256v1 -genkey -noout -out key.pem", label: "EC PRIVATE KEY",
      kind: .ecdsaP256),
    Form(
      name: "P-256 SEC1 after EC PARAMETERS", commands: "ecparam -name prime256v1 -genkey -out key.pem",
      label: "EC PARAMETERS", kind: .ecdsaP256),
    Form(
      name: "P-256 PKCS#8", commands: "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem",
      label: "PRIVATE KEY", kind: .ecdsaP256),
    Form(
      name: "P-384 SEC1", commands: "ecparam -name secp384r1 -genkey -noout -out key.pem", label: "EC PRIVATE KEY",
      kind: .ecdsaP384),
    Form(
      name: "P-384 PKCS#8", commands: "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key.pem",
      label: "PRIVATE KEY", kind: .ecdsaP384),
    Form(
      name: "P-521 SEC1", commands: "ecparam -name secp521r1 -genkey -noout -out key.pem", label: "EC PRIVATE KEY",
      kind: .ecdsaP521),
    Form(
      name: "P-521 PKCS#8", commands: "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out key.pem",
      label: "PRIVATE KEY", kind: .ecdsaP521),
    Form(
      name: "RSA 2048 PKCS#1", commands: "genrsa -traditional -out key.pem 2048", label: "RSA PRIVATE KEY",
      kind: .rsa(bits: 2048)),
    Form(
      name: "RSA 2048 PKCS#8", commands: "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem",
      label: "PRIVATE KEY", kind: .rsa(bits: 2048)),
    Form(
      name: "RSA 3072 PKCS#8", commands: "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out key.pem",
      label: "PRIVATE KEY", kind: .rsa(bits: 3072)),
    Form(
      name: "Ed25519 PKCS#8", commands: "genpkey -algorithm ed25519 -out key.pem", label: "PRIVATE KEY", kind: .ed25519),
  ]

  static let ec = "ecparam -name prime256v1 -genkey -noout -out clear.pem;"
  static let rsa = "genrsa -out clear.pem 2048;"
  static let pass = "-passout pass:sesame"

  static let encrypted: [Form] =
    [
      ("PBKDF2 SHA-256, AES-256", ec + "pkcs8 -topk8 -in clear.pem -v2 aes-256-cbc \(pass) -out key.pem"),
      ("PBKDF2 SHA-256, AES-128", ec + "pkcs8 -topk8 -in clear.pem -v2 aes-128-cbc \(pass) -out key.pem"),
      ("PBKDF2 SHA-256, AES-192", ec + "pkcs8 -topk8 -in clear.pem -v2 aes-192-cbc \(pass) -out key.pem"),
      ("PBKDF2 SHA-1", ec + "pkcs8 -topk8 -in clear.pem -v2 aes-256-cbc -v2prf hmacWithSHA1 \(pass) -out key.pem"),
      ("PBKDF2 SHA-384", ec + "pkcs8 -topk8 -in clear.pem -v2 aes-256-cbc -v2prf hmacWithSHA384 \(pass) -out key.pem"),
      ("PBKDF2 SHA-512", ec + "pkcs8 -topk8 -in clear.pem -v2 aes-256-cbc -v2prf hmacWithSHA512 \(pass) -out key.pem"),
      (
        "PBKDF2, one million rounds",
        ec + "pkcs8 -topk8 -in clear.pem -v2 aes-256-cbc -iter 1000000 \(pass) -out key.pem"
      ),
      ("scrypt", ec + "pkcs8 -topk8 -in clear.pem -scrypt \(pass) -out key.pem"),
      ("pkey -aes256", ec + "pkey -in clear.pem -aes256 \(pass) -out key.pem"),
    ].map { Form(name: $0.0, commands: $0.1, label: "ENCRYPTED PRIVATE KEY", kind: .ecdsaP256) } + [
      Form(
        name: "RSA, PBKDF2", commands: rsa + "pkcs8 -topk8 -in clear.pem \(pass) -out key.pem",
        label: "ENCRYPTED PRIVATE KEY", kind: .rsa(bits: 2048)),
      Form(
        name: "SEC1, DEK-Info AES-256", commands: ec + "ec -in clear.pem -aes256 \(pass) -out key.pem",
        label: "EC PRIVATE KEY", kind: .ecdsaP256),
      Form(
        name: "SEC1, DEK-Info AES-192", commands: ec + "ec -in clear.pem -aes192 \(pass) -out key.pem",
        label: "EC PRIVATE KEY", kind: .ecdsaP256),
      Form(
        name: "PKCS#1, DEK-Info AES-128", commands: rsa + "rsa -in clear.pem -traditional -aes128 \(pass) -out key.pem",
        label: "RSA PRIVATE KEY", kind: .rsa(bits: 2048)),
    ]

  func make(_ commands: String) throws {
    for command in commands.split(separator: ";") { try openssl(directory, String(command)) }
  }

  @Test(arguments: plain) func readsWhatOpenSSLMakes(form: Form) throws {
    try make(form.commands)
    let pem = try directory.read("key.pem")
    #expect(try PEM.blocks(in: pem).first?.label == form.label)
    let key = try ServerKey(pem: pem)
    #expect(key.kind == form.kind)
    #expect(key.publicKey == (try openssl(directory, "pkey -in key.pem -pubout -outform DER").output))
    // And back: openssl finds the same key in what we store.
    try directory.write("ours.der", key.pkcs8.withBytes { $0 })
    #expect(try openssl(directory, "pkey -inform DER -in ours.der -pubout -outform DER").output == key.publicKey)
    #expect(try ServerKey(pkcs8: key.pkcs8).publicKey == key.publicKey)
  }

  @Test(arguments: encrypted) func readsEncryptedKeys(form: Form) throws {
    try make(form.commands)
    let pem = try directory.read("key.pem")
    #expect(try PEM.blocks(in: pem).first?.label == form.label)
    let key = try ServerKey(pem: pem, passphrase: Secret("sesame"))
    #expect(key.kind == form.kind)
    #expect(key.publicKey == (try openssl(directory, "pkey -in clear.pem -pubout -outform DER").output))
    #expect(throws: KeyReadingError.passphraseNeeded) { try ServerKey(pem: pem) }
    for wrong in ["Sesame", "", "sesame "] {
      #expect(throws: KeyReadingError.wrongPassphrase) { try ServerKey(pem: pem, passphrase: Secret(wrong)) }
    }
  }

  @Test(arguments: [
    ServerKey.Kind.ecdsaP256, .ecdsaP384, .ecdsaP521, .ed25519, .rsa(bits: 2048),
  ]) func makesKeysThatOpenSSLReads(kind: ServerKey.Kind) throws {
    let key = try ServerKey.generate(kind)
    #expect(key.kind == kind)
    try directory.write("ours.der", key.pkcs8.withBytes { $0 })
    #expect(
      try openssl(directory, "pkey -inform DER -in ours.der -check -pubout -outform DER").output.suffix(
        key.publicKey.count
      ).elementsEqual(key.publicKey))
  }

  @Test func refusesOldEncryptionWithTheCommandThatMendsIt() throws {
    try make(Self.ec + "ec -in clear.pem -des3 \(Self.pass) -out key.pem")
    let traditional = try directory.read("key.pem")
    try make("pkcs8 -topk8 -in clear.pem -v2 des3 \(Self.pass) -out key.pem")
    for pem in [traditional, try directory.read("key.pem")] {
      let error = #expect(throws: KeyReadingError.self) { try ServerKey(pem: pem, passphrase: Secret("sesame")) }
      #expect(error?.description.contains("openssl pkey") == true)
      guard case .unsupportedEncryption = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  @Test(arguments: [
    ("genrsa -traditional -out key.pem 1024", "weak"), ("genrsa -out key.pem 1024", "weak"),
    ("ecparam -name secp256k1 -genkey -noout -out key.pem", "unsupported"),
    ("ecparam -name prime256v1 -param_enc explicit -genkey -noout -out key.pem", "unsupported"),
    ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1 -out key.pem", "unsupported"),
    ("genpkey -algorithm ed448 -out key.pem", "unsupported"),
    ("genpkey -algorithm x25519 -out key.pem", "unsupported"),
    ("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out key.pem", "unsupported"),
  ]) func refusesKeysThatNoServerShouldUse(command: String, expected: String) throws {
    try make(command)
    let error = #expect(throws: KeyReadingError.self) { try ServerKey(pem: directory.read("key.pem")) }
    switch error {
    case .weakKey: #expect(expected == "weak")
    case .unsupportedKey: #expect(expected == "unsupported")
    default: Issue.record("\(String(describing: error))")
    }
  }

  @Test func saysWhatTheFileHoldsInstead() throws {
    #expect(throws: KeyReadingError.notPEM) { try ServerKey(pem: [0x30, 0x82, 1, 2]) }
    #expect(throws: KeyReadingError.notPEM) { try ServerKey(pem: []) }
    try make("ecparam -name prime256v1 -genkey -noout -out key.pem;pkey -in key.pem -pubout -out public.pem")
    #expect(throws: KeyReadingError.noPrivateKey(found: ["PUBLIC KEY"])) {
      try ServerKey(pem: directory.read("public.pem"))
    }
    let key = try directory.read("key.pem")
    #expect(throws: KeyReadingError.severalPrivateKeys(2)) { try ServerKey(pem: key + key) }
  }

  @Test func survivesEveryTruncationAndEveryAlteredByte() throws {
    for form in Self.plain.prefix(3) + Self.plain.suffix(1) + Self.encrypted.prefix(1) + [Self.encrypted[7]] {
      try make(form.commands)
      let pem = try directory.read("key.pem")
      let block = try #require(try PEM.blocks(in: pem).last)
      // A scrypt or PBKDF2 run for each variant would take long; an empty passphrase ends at the parameters or fails.
      let isEncrypted = block.label.hasPrefix("ENCRYPTED")
      for index in block.bytes.indices {
        let cut = PEMBlock(label: block.label, bytes: Array(block.bytes.prefix(index)))
        #expect(throws: KeyReadingError.self, "\(form.name), \(index)") {
          try ServerKey(pem: Array(cut.text.utf8), passphrase: Secret(""))
        }
        guard !isEncrypted else { continue }
        for bit in [0x01, 0x80] as [UInt8] {
          var altered = block
          altered.bytes[index] ^= bit
          // It may still be a key, another one; it must not trap.
          _ = try? ServerKey(pem: Array(altered.text.utf8))
        }
      }
      for count in stride(from: 0, to: pem.count - 2, by: 7) {
        #expect(throws: KeyReadingError.self) { try ServerKey(pem: Array(pem.prefix(count)), passphrase: Secret("")) }
      }
    }
  }

  @Test func boundsTheWorkThatAFileMayAskFor() throws {
    // scrypt with N = 2^40, and PBKDF2 with 2^40 rounds: refused at once.
    let scrypt: [UInt8] = [
      0x30, 0x11, 4, 1, 0, 2, 6, 1, 0, 0, 0, 0, 0, 2, 1, 8, 2, 1, 1,
    ]
    let rounds: [UInt8] = [0x30, 0x0B, 4, 1, 0, 2, 6, 1, 0, 0, 0, 0, 0]
    let identifiers: [([UInt8], [UInt8])] = [
      ([6, 9, 0x2B, 6, 1, 4, 1, 0xDA, 0x47, 4, 0x0B], scrypt),
      ([6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 5, 0x0C], rounds),
    ]
    for (identifier, parameters) in identifiers {
      let derivation = sequence(identifier + parameters)
      let cipher = sequence(
        [6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2A, 4, 16] + [UInt8](repeating: 0, count: 16))
      let scheme = sequence(
        [6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 5, 0x0D] + sequence(derivation + cipher))
      let block = PEMBlock(
        label: "ENCRYPTED PRIVATE KEY", bytes: sequence(scheme + [4, 16] + [UInt8](repeating: 0, count: 16)))
      let error = #expect(throws: KeyReadingError.self) {
        try ServerKey(pem: Array(block.text.utf8), passphrase: Secret("x"))
      }
      guard case .unsupportedEncryption = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  private func sequence(_ content: [UInt8]) -> [UInt8] {
    content.count < 128
      ? [0x30, UInt8(content.count)] + content : [0x30, 0x81, UInt8(content.count)] + content
  }
}

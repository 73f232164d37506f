import Foundation
import Services
import Testing

@testable import Certificates

@Suite struct KeyEncryptionTests {
  let encryption: KeyEncryption
  let secret = Secret("the key of the zone")

  init() throws { encryption = try KeyEncryption(key: Secret([UInt8](repeating: 7, count: 32))) }

  @Test func opensWhatItSealed() throws {
    for size in [0, 1, 16, 4000] {
      let secret = Secret([UInt8](repeating: 0xA5, count: size))
      let sealed = try encryption.seal(secret, purpose: .certificateKey, name: "a")
      #expect(try encryption.open(sealed, purpose: .certificateKey, name: "a") == secret)
    }
  }

  @Test func sealsTheSameSecretDifferentlyEachTime() throws {
    let first = try encryption.seal(secret, purpose: .certificateKey, name: "a")
    #expect(try encryption.seal(secret, purpose: .certificateKey, name: "a") != first)
  }

  @Test func showsNothingOfTheSecret() throws {
    let sealed = try encryption.seal(secret, purpose: .certificateKey, name: "a")
    #expect(!String(decoding: sealed, as: UTF8.self).contains("zone"))
  }

  @Test func opensForItsPurposeAndNameOnly() throws {
    let sealed = try encryption.seal(secret, purpose: .certificateKey, name: "ab")
    #expect(throws: KeyEncryptionError.tampered) { try encryption.open(sealed, purpose: .requestKey, name: "ab") }
    #expect(throws: KeyEncryptionError.tampered) { try encryption.open(sealed, purpose: .certificateKey, name: "a") }
    // The border between purpose and name counts.
    let shifted = try encryption.seal(secret, purpose: .init("xy"), name: "z")
    #expect(throws: KeyEncryptionError.tampered) { try encryption.open(shifted, purpose: .init("x"), name: "yz") }
  }

  @Test func saysWhenTheKeyIsAnother() throws {
    let sealed = try encryption.seal(secret, purpose: .certificateKey, name: "a")
    let other = try KeyEncryption(key: Secret([UInt8](repeating: 8, count: 32)))
    #expect(throws: KeyEncryptionError.otherKey) { try other.open(sealed, purpose: .certificateKey, name: "a") }
    #expect(other.keyID != encryption.keyID)
  }

  @Test func refusesEveryAlteredByteAndEveryTruncation() throws {
    let sealed = try encryption.seal(secret, purpose: .certificateKey, name: "a")
    for index in sealed.indices {
      var altered = sealed
      altered[index] ^= 1
      #expect(throws: KeyEncryptionError.self) { try encryption.open(altered, purpose: .certificateKey, name: "a") }
      let cut = Array(sealed.prefix(index))
      #expect(throws: KeyEncryptionError.self) { try encryption.open(cut, purpose: .certificateKey, name: "a") }
    }
  }

  @Test(arguments: [0, 16, 31, 33, 64]) func wantsAKeyOf32Bytes(count: Int) {
    #expect(throws: KeyEncryptionError.wrongLength(count)) {
      try KeyEncryption(key: Secret([UInt8](repeating: 1, count: count)))
    }
  }
}

@Suite struct KeySourceTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  @Test func readsTheConfigurationsForms() {
    #expect(KeySource("file:/etc/portside/kek") == .file(path: "/etc/portside/kek"))
    #expect(KeySource("credential:portside.kek") == .credential(name: "portside.kek"))
    for bad in ["", "file:", "credential:", "credential:../x", "credential:..", "kek", "env:X"] {
      #expect(KeySource(bad) == nil, "\(bad)")
    }
  }

  @Test func makesTheKeyOnFirstUse() throws {
    let source = KeySource.file(path: "\(directory.path)/kek")
    #expect(throws: KeyEncryptionError.self) { try source.load(creating: false) }
    let first = try source.load(creating: true)
    #expect(try directory.mode("kek") == 0o600)
    #expect(try directory.read("kek").count == 32)
    #expect(try source.load(creating: true).keyID == first.keyID)
    #expect(try directory.allFiles().count == 1)
  }

  @Test func severalAtOnceAgreeOnOneKey() async throws {
    let source = KeySource.file(path: "\(directory.path)/kek")
    let ids = try await withThrowingTaskGroup(of: [UInt8].self) { group in
      for _ in 0..<16 { group.addTask { try source.load(creating: true).keyID } }
      return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
    }
    #expect(ids.count == 1)
  }

  @Test func readsHexadecimalDigits() throws {
    let bytes = (0..<32).map { UInt8($0 * 7) }
    try directory.write("hex", hexadecimal(bytes) + "\n")
    try directory.write("raw", bytes)
    for name in ["hex", "raw"] { chmod("\(directory.path)/\(name)", 0o400) }
    let expected = try KeyEncryption(key: Secret(bytes)).keyID
    #expect(try KeySource.file(path: "\(directory.path)/hex").load(creating: false).keyID == expected)
    #expect(try KeySource.file(path: "\(directory.path)/raw").load(creating: false).keyID == expected)
  }

  @Test(arguments: [mode_t(0o640), 0o604, 0o666]) func refusesAKeyThatOthersCanRead(mode: mode_t) throws {
    try directory.write("kek", [UInt8](repeating: 1, count: 32))
    chmod("\(directory.path)/kek", mode)
    let error = #expect(throws: KeyEncryptionError.self) {
      try KeySource.file(path: "\(directory.path)/kek").load(creating: true)
    }
    #expect(error?.description.contains("chmod 600") == true)
  }

  @Test func refusesALinkAndADirectory() throws {
    try directory.write("real", [UInt8](repeating: 1, count: 32))
    chmod("\(directory.path)/real", 0o600)
    symlink("real", "\(directory.path)/link")
    mkdir("\(directory.path)/folder", 0o700)
    for name in ["link", "folder"] {
      #expect(throws: KeyEncryptionError.self) {
        try KeySource.file(path: "\(directory.path)/\(name)").load(creating: true)
      }
    }
  }

  @Test func findsACredential() throws {
    try directory.write("portside.kek", [UInt8](repeating: 9, count: 32))
    let source = KeySource.credential(name: "portside.kek")
    let expected = try KeyEncryption(key: Secret([UInt8](repeating: 9, count: 32))).keyID
    #expect(try source.load(creating: false, credentialsDirectory: directory.path).keyID == expected)
    #expect(throws: KeyEncryptionError.self) { try source.load(creating: true) }
  }
}

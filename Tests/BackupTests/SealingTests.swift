import Foundation
import Services
import Testing

@testable import Backup

/// An encrypted repository tells nothing without its pass phrase, and lets nothing be exchanged.
@Suite struct SealingTests {
  private static let phrase = "correct horse battery"

  @Test func nothingIsReadableInTheFiles() throws {
    let folder = try BackupFolder()
    let word = Array("a word that must not be seen".utf8)
    try folder.write("secret-name", word + word)
    try folder.take(passPhrase: Self.phrase, label: "a label that must not be seen")
    let needles = [word, Array("secret-name".utf8), Array("a label that".utf8)]
    for part in ["packs", "indexes", "snapshots"] {
      for file in try folder.repositoryFiles(part) {
        let bytes = try #require(BackupFolder.bytes(file))
        for needle in needles { #expect(!bytes.contains(needle), "\(part)") }
      }
    }
  }

  @Test func onlyItsPassPhraseOpensIt() throws {
    let folder = try BackupFolder()
    try folder.write("a", [1])
    try folder.take(passPhrase: Self.phrase)
    #expect(throws: BackupError.self) { try folder.open("another pass phrase") }
    #expect(throws: BackupError.self) { try folder.open() }
    #expect(try folder.open(Self.phrase).snapshots().count == 1)
    let plain = try BackupFolder()
    try plain.write("a", [1])
    try plain.take()
    #expect(throws: BackupError.self) { try plain.open(Self.phrase) }
  }

  @Test func anObjectOpensOnlyForItsPurpose() throws {
    let sealing = Sealing(key: Secret([UInt8](repeating: 3, count: 32)))
    let sealed = try sealing.seal([1, 2, 3], purpose: "chunk a")
    #expect(try sealing.open(sealed, purpose: "chunk a") == [1, 2, 3])
    #expect(throws: BackupError.self) { try sealing.open(sealed, purpose: "chunk b") }
    #expect(throws: BackupError.self) { try sealing.open(Array(sealed.dropLast()), purpose: "chunk a") }
    #expect(throws: BackupError.self) { try sealing.open([], purpose: "chunk a") }
  }

  @Test func aHostileKeyAsksForNoMemory() throws {
    var kept = try SealedKey.make(passPhrase: Secret(Self.phrase)).kept
    kept.memoryBytes = 1 << 50
    #expect(throws: BackupError.self) { try kept.open(passPhrase: Secret(Self.phrase)) }
    kept.memoryBytes = 64 * 1024 * 1024
    kept.passes = 1 << 40
    #expect(throws: BackupError.self) { try kept.open(passPhrase: Secret(Self.phrase)) }
  }

  @Test func anIndexIsReadBackAndNoOtherBytesAre() throws {
    var index = ChunkIndex()
    for number in UInt8(0)..<20 {
      index.add(
        ChunkID([UInt8](repeating: number, count: 32)), pack: String(repeating: number < 10 ? "0a" : "0b", count: 16),
        offset: Int(number) * 10, stored: 10, size: 12)
    }
    let encoded = index.encoded
    let decoded = try ChunkIndex(decoding: encoded)
    #expect(decoded.places.count == 20 && Set(decoded.packs) == Set(index.packs))
    for length in 0..<encoded.count {
      #expect(throws: BackupError.self) { try ChunkIndex(decoding: Array(encoded[..<length])) }
    }
    for position in encoded.indices {
      var damaged = encoded
      damaged[position] ^= 0xFF
      _ = try? ChunkIndex(decoding: damaged)
    }
  }
}

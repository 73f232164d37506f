import Testing

@testable import Certificates

@Suite struct PEMTests {
  func read(_ text: String) throws(PEMError) -> [PEMBlock] { try PEM.blocks(in: Array(text.utf8)) }

  @Test func readsSeveralBlocksInOrderWithTextAround() throws {
    let text = """
      subject=/CN=x: y
      -----BEGIN CERTIFICATE-----
      AQID
      -----END CERTIFICATE-----
      issuer=/CN=z
      -----BEGIN EC PRIVATE KEY-----
      BAUG
      Bwg=
      -----END EC PRIVATE KEY-----
      the end
      """
    #expect(
      try read(text) == [
        PEMBlock(label: "CERTIFICATE", bytes: [1, 2, 3]), PEMBlock(label: "EC PRIVATE KEY", bytes: [4, 5, 6, 7, 8]),
      ])
  }

  @Test(arguments: ["\r\n", "\r", "\n\n", " \t\n"]) func takesAnyLineEnd(end: String) throws {
    let text = ["-----BEGIN X-----", "  AQID", "BAUG", "-----END X-----"].joined(separator: end)
    #expect(try read(text) == [PEMBlock(label: "X", bytes: [1, 2, 3, 4, 5, 6])])
  }

  @Test func readsHeadersAndAByteOrderMark() throws {
    let blocks = try read(
      "\u{FEFF}-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAQID\n-----END X-----")
    #expect(
      blocks == [
        PEMBlock(label: "X", headers: ["proc-type": "4,ENCRYPTED", "dek-info": "AES-256-CBC,00"], bytes: [1, 2, 3])
      ])
  }

  @Test func writesWhatItReads() throws {
    for count in [1, 47, 48, 49, 1000] {
      let block = PEMBlock(label: "CERTIFICATE", bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0) })
      #expect(try read(block.text) == [block])
      #expect(block.text.split(separator: "\n").allSatisfy { $0.count <= 64 })
    }
  }

  @Test(arguments: [
    ("-----BEGIN X-----\nAQID\n", PEMError.unterminated("X")),
    ("-----BEGIN X-----\nAQID\n-----BEGIN X-----\n", .unterminated("X")),
    ("-----BEGIN X-----\nAQID\n-----END Y-----\n", .unexpectedEnd("Y")),
    ("-----END X-----\n", .unexpectedEnd("X")),
    ("-----BEGIN X-----\nA(ID\n-----END X-----\n", .badBase64("X")),
    ("-----BEGIN X-----\nAQI\n-----END X-----\n", .badBase64("X")),
    ("-----BEGIN X-----\n-----END X-----\n", .badBase64("X")),
  ]) func saysWhatIsWrong(text: String, error: PEMError) {
    #expect(throws: error) { try read(text) }
  }

  @Test func boundsWhatItTakes() {
    #expect(throws: PEMError.tooLarge) { try PEM.blocks(in: [UInt8](repeating: 10, count: PEM.byteCountMaximum + 1)) }
    let many = String(repeating: "-----BEGIN X-----\nAQID\n-----END X-----\n", count: PEM.blockCountMaximum + 1)
    #expect(throws: PEMError.tooLarge) { try read(many) }
  }

  @Test func survivesBytesThatAreNoText() throws {
    #expect(try PEM.blocks(in: Array(0...255)).isEmpty)
    #expect(throws: PEMError.badBase64("X")) {
      try PEM.blocks(in: Array("-----BEGIN X-----\n".utf8) + [0xFF, 0x00, 10] + Array("-----END X-----".utf8))
    }
  }
}

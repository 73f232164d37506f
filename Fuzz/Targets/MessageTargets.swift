import MessageCore
import POP3Core
import SASLCore
import TestKit
import WireKit

extension FuzzTarget {
  static let messageStructure = FuzzTarget(
    "message-structure",
    "However a message is cut, the same parts come out; they lie within it and within each other, and survive their digest."
  ) { bytes in
    let input = FuzzInput(bytes)
    var whole = MIMEParser()
    whole.receive(input.payload)
    let result = whole.finish()
    var cut = MIMEParser()
    for piece in input.pieces { cut.receive(Array(piece)) }
    try require(cut.finish().root == result.root, "another structure in pieces")
    var parts = 0
    try requireSound(result.root, within: 0..<input.payload.count, &parts)
    try require(parts <= MessageLimits().parts + 1, "\(parts) parts")
    let digest = MessageDigest(result)
    try require(try MessageDigest(decoding: digest.encoded()) == digest, "another digest")
    _ = try? MessageDigest(decoding: input.payload)
  }

  private static func requireSound(_ part: MIMEPart, within range: Range<Int>, _ parts: inout Int) throws {
    parts += 1
    try require(part.header.lowerBound >= range.lowerBound && part.body.upperBound <= range.upperBound, "outside")
    try require(part.header.upperBound <= part.body.lowerBound, "a body before its header's end")
    for child in part.children { try requireSound(child, within: part.body, &parts) }
  }

  static let messageHeader = FuzzTarget(
    "message-header", "Any bytes are a header, an address list, a type and words; what is written again reads the same."
  ) { bytes in
    let header = HeaderBlock(bytes)
    for field in header.fields { try require(field.range.upperBound <= bytes.count, "a field outside") }
    _ = Envelope(header)
    _ = ContentType(bytes)?.parameters["name"]
    _ = ContentDisposition(bytes)?.parameters["filename"]
    _ = MessageIdentifiers.parse(bytes)
    if let date = MessageDate(bytes) { try require(MessageDate(date.text)?.seconds == date.seconds, date.text) }
    let text = String(decoding: bytes, as: UTF8.self)
    let decoded = EncodedWord.decode(text)
    if !decoded.contains("=?") { try require(EncodedWord.decode(EncodedWord.encode(decoded)) == decoded, decoded) }
    let (base, _) = BaseSubject.extract(text)
    try require(BaseSubject.extract(base).base == base, "a base subject is not its own: \(base)")
    _ = MessageText.preview(MessageText.withoutMarkup(text))
    try require(Address.list(bytes).count <= MessageLimits().addresses + 2, "too many addresses")
  }

  static let transferEncoding = FuzzTarget(
    "transfer-encoding", "However encoded text is cut, the same comes out, and never more than went in."
  ) { bytes in
    let input = FuzzInput(bytes)
    for encoding in ["base64", "quoted-printable"] {
      guard let decoder = TransferDecoder(encoding: encoding) else { continue }
      var (one, two): ([UInt8], [UInt8]) = ([], [])
      var whole = decoder
      whole.decode(input.payload, into: &one)
      whole.finish(into: &one)
      var cut = decoder
      for piece in input.pieces { cut.decode(piece, into: &two) }
      cut.finish(into: &two)
      try require(one == two, "\(encoding) in pieces")
      try require(one.count <= input.payload.count, "\(encoding) grows")
    }
  }

  private final class Drop: Maildrop {
    let texts = ["Subject: a\r\n\r\n.b\r\n", "x"].map { Array($0.utf8) }
    var count: Int { texts.count }
    func size(of index: Int) -> Int64 { Int64(texts[index].count) }
    func uniqueID(of index: Int) -> String { "\(index)" }
  }

  static let pop3Server = FuzzTarget(
    "pop3-server", "Whatever comes, answers are lines, nothing is deleted without QUIT, and the session ends."
  ) { bytes in
    let input = FuzzInput(bytes)
    let profile = POP3Profile(hostname: "h", offersTLS: true, allowsPlaintext: input.control & 2 != 0)
    let driver = SessionDriver(
      POP3ServerSession(profile: profile, isEncrypted: input.control & 4 != 0),
      answer: { request in
        switch request {
        case .authenticate(.scramParameters): .sasl(.scramParameters(.init(salt: [1], iterations: 4096, nonce: "n")))
        case .authenticate: .sasl(.granted(account: "a@b", serverSignature: [1]))
        case .open: .maildrop(Drop())
        case .read(let maildrop, let transfer, _):
          .piece(
            Array(((maildrop as? Drop)?.texts[transfer.index] ?? []).dropFirst(Int(transfer.offset))), isEnd: true)
        case .update: .updated
        }
      })
    driver.open()
    for piece in input.pieces { driver.receive(piece) }
    let output = driver.takeOutput()
    try require(output.isEmpty || output.suffix(2).elementsEqual([0x0D, 0x0A]), "half a line")
    driver.closeInput()
    driver.advance(by: .seconds(700))
    try require(driver.close != nil || driver.wantsTLS, "it never ends")
  }
}

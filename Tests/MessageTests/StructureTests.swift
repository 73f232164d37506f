import MessageCore
import TestKit
import Testing
import WireKit

struct StructureTests {
  static let nested = """
    From: Ann <ann@lab.test>\r
    Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r
    Content-Type: multipart/mixed; boundary="out er"\r
    \r
    preamble\r
    --out er\r
    \r
    Hello there,\r
    second line\r
    --out er\r
    Content-Type: multipart/alternative; boundary=inner\r
    \r
    --inner\r
    Content-Type: text/html; charset=utf-8\r
    \r
    <p>Hi &amp; bye</p>\r
    --inner--\r
    \r
    --out er\r
    Content-Type: message/rfc822\r
    Content-Disposition: attachment; filename=m.eml\r
    \r
    From: bob@lab.test\r
    Subject: inner\r
    Content-Type: multipart/digest; boundary=d\r
    \r
    --d\r
    \r
    Subject: deep\r
    \r
    deep body\r
    --d--\r
    --out er--\r
    epilogue\r

    """

  private func parse(_ text: String, piece: Int = .max, limits: MessageLimits = MessageLimits()) -> MIMEParser.Result {
    var parser = MIMEParser(limits: limits)
    let bytes = Array(text.utf8)
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + min(piece, bytes.count))
      parser.receive(Array(bytes[start..<end]))
      start = end
    }
    return parser.finish()
  }

  private func slice(_ text: String, _ range: Range<Int>) -> String {
    String(decoding: Array(text.utf8)[range], as: UTF8.self)
  }

  @Test(arguments: [1, 2, 3, 7, 64, Int.max])
  func partsStandWhereTheyStandHoweverTheyCome(_ piece: Int) throws {
    let result = parse(Self.nested, piece: piece)
    let root = result.root
    #expect(root.children.count == 3)
    let text = try #require(root.part(at: [1]))
    #expect(slice(Self.nested, text.body) == "Hello there,\r\nsecond line")
    #expect(text.lines == 1)
    #expect(text.contentType == .plainText)
    let html = try #require(root.part(at: [2, 1]))
    #expect(slice(Self.nested, html.body) == "<p>Hi &amp; bye</p>")
    #expect(slice(Self.nested, html.header) == "Content-Type: text/html; charset=utf-8\r\n\r\n")
    let message = try #require(root.part(at: [3]))
    #expect(message.isMessage)
    #expect(message.envelope?.subject == "inner")
    #expect(message.fileName == "m.eml")
    #expect(slice(Self.nested, message.body).hasPrefix("From: bob@lab.test\r\n"))
    #expect(slice(Self.nested, message.body).hasSuffix("--d--"))
    let deep = try #require(root.part(at: [3, 1]))
    #expect(deep.envelope?.subject == "deep")
    let leaf = try #require(root.part(at: [3, 1, 1]))
    #expect(slice(Self.nested, leaf.body) == "deep body")
    for path in [[4], [1, 1], [0], [3, 2], [3, 1, 1, 1], [2, 1, 1]] { #expect(root.part(at: path) == nil, "\(path)") }
    #expect(slice(Self.nested, root.header).hasSuffix("\"out er\"\r\n\r\n"))
    #expect(root.body.upperBound == Self.nested.utf8.count)
    let digest = MessageDigest(result)
    #expect(digest.preview == "Hello there, second line")
    #expect(digest.baseSubject == "grüße")
    #expect(digest.hasAttachment)
  }

  @Test func aPlainMessageHasOnePart() throws {
    let text = "Subject: x\n\nbody\nlines\n"
    let root = parse(text).root
    #expect(root.lines == 2)
    #expect(slice(text, try #require(root.part(at: [1])).body) == "body\nlines\n")
    #expect(root.part(at: [1, 1]) == nil)
    #expect(root.part(at: []) == root)
  }

  @Test func headersWithoutAnEndAndNothingAtAll() {
    let open = parse("Subject: x\r\nTo: a@b")
    #expect(open.header.fields.count == 2)
    #expect(open.root.body == 19..<19)
    #expect(parse("").root.body == 0..<0)
    let endless = parse(
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n--b\r\n\r\nx")
    #expect(endless.root.children.count == 2)
    #expect(endless.root.children.first?.body.count == 0)
  }

  /// A hostile sender's depth, number and repetition cost no more than the limits allow.
  @Test func depthAndNumberAreBounded() {
    var deep = ""
    for level in 0..<5_000 { deep += "Content-Type: multipart/mixed; boundary=b\(level)\r\n\r\n--b\(level)\r\n" }
    func depth(_ part: MIMEPart) -> Int { 1 + (part.children.map(depth).max() ?? 0) }
    #expect(depth(parse(deep).root) <= MessageLimits().depth)
    let messages = String(repeating: "Content-Type: message/rfc822\r\n\r\n", count: 5_000)
    #expect(depth(parse(messages).root) <= MessageLimits().depth)
    let many =
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + String(repeating: "--b\r\n\r\nx\r\n", count: 20_000)
    #expect(parse(many).root.children.count <= MessageLimits().parts)
    // The same boundary on every level: no cycle, and the outermost ends them all.
    let same = String(repeating: "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", count: 1_000)
    #expect(depth(parse(same).root) <= MessageLimits().depth)
  }

  @Test func digestsComeBackAsTheyWere() throws {
    for text in [
      Self.nested, "", "Subject: x\n\nbody", "From: a: b@c, d@e;\r\nSender: s@t\r\nReferences: <1@x> <2@x>\r\n\r\n",
    ] {
      let digest = MessageDigest(parse(text))
      let bytes = digest.encoded()
      #expect(try MessageDigest(decoding: bytes) == digest)
      for cut in bytes.indices {
        #expect(throws: WireError.self) { _ = try MessageDigest(decoding: Array(bytes[..<cut])) }
      }
    }
  }

  @Test func whatIsBuiltIsRead() throws {
    var builder = MessageBuilder()
    builder.addresses("From", [Address(name: "Mail Délivery, \"System\"", mailbox: "postmaster", host: "lab.test")])
    builder.field("Subject", "Grüße\r\nBcc: evil@x")
    builder.date(MessageDate(seconds: 0))
    builder.multipart(
      "report", parameters: ["report-type=delivery-status"],
      [
        .text("Größe: es ging nicht\n"), .init([("Content-Type", "message/delivery-status")], Array("X: y\r\n".utf8)),
        .attachment("n ä.bin", type: "application/octet-stream", Array(0...255)),
      ])
    let text = String(decoding: builder.bytes, as: UTF8.self)
    let result = parse(text)
    #expect(result.header.all("Bcc").isEmpty)
    #expect(result.header.first("Subject")?.decoded == "Grüße  Bcc: evil@x")
    #expect(Address.list(result.header.first("From")?.rawValue ?? []).first?.displayName == "Mail Délivery, \"System\"")
    #expect(result.root.children.count == 3)
    let part = try #require(result.root.part(at: [1]))
    #expect(MessageText.text(of: part, Array(text.utf8)[part.body]).hasPrefix("Größe: es ging nicht"))
    #expect(result.root.part(at: [3])?.fileName == "n ä.bin")
    let file = try #require(result.root.part(at: [3]))
    #expect(Base64.decode(Array(text.utf8)[file.body]) == Array(0...255))
    #expect(text.split(separator: "\r\n", omittingEmptySubsequences: false).allSatisfy { !$0.contains("\n") })
  }

  @Test(arguments: [1, 2, 3, 5, Int.max])
  func transferEncodingsInPieces(_ piece: Int) throws {
    func decode(_ encoding: String, _ text: String) throws -> String {
      var decoder = try #require(TransferDecoder(encoding: encoding))
      var output: [UInt8] = []
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty {
        decoder.decode(rest.prefix(piece), into: &output)
        rest = rest.dropFirst(piece)
      }
      decoder.finish(into: &output)
      return String(decoding: output, as: UTF8.self)
    }
    #expect(try decode("Quoted-Printable", "a=3Db=\r\nc  \r\nd=  \r\ne=zz=4") == "a=bc\r\nde=zz=4")
    #expect(try decode("quoted-printable", "=C3=BC \t\n=") == "ü\n")
    #expect(try decode("base64", "aGVs\r\nbG8=") == "hello")
    #expect(try decode("base64", "aGVsbG8") == "hello")
    #expect(try decode("8bit", "x=3D") == "x=3D")
    #expect(TransferDecoder(encoding: "x-uuencode") == nil)
  }

  @Test func quotedPrintableGoesBothWays() {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<50 {
      let bytes = (0..<Int.random(in: 0...300, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      .filter { $0 != 0x0D && $0 != 0x0A }
      var decoder = QuotedPrintableDecoder()
      var output: [UInt8] = []
      let encoded = QuotedPrintable.encode(bytes)
      decoder.decode(encoded, into: &output)
      decoder.finish(into: &output)
      #expect(output == bytes)
      #expect(encoded.split(separator: 0x0A).allSatisfy { $0.count <= 77 })
    }
  }

  @Test func htmlLosesItsMarks() {
    let html =
      "<html><head><title>t</title></head><body><style>x{}</style><p>a&nbsp;b &#252; &lt;c&gt;<br>d<script>evil()</script> 1 < 2</body>"
    #expect(MessageText.preview(MessageText.withoutMarkup(html)) == "a b ü <c> d 1 < 2")
  }
}

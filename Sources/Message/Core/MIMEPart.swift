/// A part of a message, or the message itself, by where its bytes stand (RFC 2045, RFC 2046).
public struct MIMEPart: Sendable, Hashable {
  public var contentType: ContentType
  /// Content-ID, with its angle brackets.
  public var id: String?
  public var description: String?
  /// Content-Transfer-Encoding as it was written; `7BIT` where there is none.
  public var encoding: String
  public var md5: String?
  public var disposition: ContentDisposition?
  public var languages: [String]
  public var location: String?
  /// Of its header, with the empty line, from the message's first byte.
  public var header: Range<Int>
  /// Of what follows.
  public var body: Range<Int>
  /// How many lines the body has.
  public var lines: Int
  /// The parts of a multipart; of a message/rfc822 the message in it, as one child whose header is that message's.
  public var children: [MIMEPart]
  /// Of a message/rfc822 the envelope of the message in it.
  public var envelope: Envelope?

  public init(contentType: ContentType = .plainText, header: Range<Int> = 0..<0, body: Range<Int> = 0..<0) {
    self.contentType = contentType
    self.header = header
    self.body = body
    encoding = "7BIT"
    languages = []
    lines = 0
    children = []
  }

  public var isMultipart: Bool { contentType.isType("multipart") && !children.isEmpty }
  /// Whether a message stands in it that was taken apart.
  public var isMessage: Bool { envelope != nil && children.count == 1 }
  public var isText: Bool { contentType.isType("text") }

  /// The file's name, from the disposition or the type.
  public var fileName: String? { disposition?.parameters["filename"] ?? contentType.parameters["name"] }

  /// The character set of a text part.
  public var charset: String { contentType.parameters["charset"] ?? "us-ascii" }

  /// The part that IMAP names by this path (RFC 9051 §6.4.5): numbers from 1; a message that is no multipart has one part, 1,
  /// which is itself; numbers below a message/rfc822 count the parts of the message in it. The empty path is the whole.
  public func part(at path: some Sequence<Int>) -> MIMEPart? {
    var part = self
    // Whether `part` stands for a whole message, whose parts are numbered, and not for a part of one.
    var isWhole = isRoot
    for number in path {
      let isContainer = isWhole || part.isMessage
      var container = part
      if !isWhole, part.isMessage, let inner = part.children.first { container = inner }
      isWhole = false
      if container.isMultipart {
        guard number >= 1, number <= container.children.count else { return nil }
        part = container.children[number - 1]
      } else {
        guard number == 1, isContainer else { return nil }
        part = container
      }
    }
    return part
  }

  /// Whether it is a whole message: the root, or what stands in a message/rfc822.
  public internal(set) var isRoot = false

  /// Whether it, or a part in it, is such a one.
  public func contains(where condition: (MIMEPart) -> Bool) -> Bool {
    condition(self) || children.contains { $0.contains(where: condition) }
  }

  /// All leaves, from the first to the last; messages in messages are opened.
  public func forEachLeaf(_ body: (MIMEPart) -> Void) {
    if children.isEmpty {
      body(self)
    } else {
      for child in children { child.forEachLeaf(body) }
    }
  }
}

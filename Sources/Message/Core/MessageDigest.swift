/// What is kept beside a message so that listing, sorting, threading and searching it need not read its bytes.
public struct MessageDigest: Sendable, Hashable {
  public var envelope: Envelope
  public var root: MIMEPart
  /// The Date field's time (RFC 5256 §2.2); `nil` where it makes none.
  public var sent: MessageDate?
  /// The decoded subject as SORT and THREAD compare it, and whether it was that of a reply or forward.
  public var baseSubject: String
  public var isReply: Bool
  /// `<left@right>` of References, or of In-Reply-To where there is none, oldest first (RFC 5256 §3).
  public var references: [String]
  /// RFC 8970.
  public var preview: String

  /// Of a message that has gone through a parser.
  public init(_ result: MIMEParser.Result, limits: MessageLimits = MessageLimits()) {
    let header = result.header
    envelope = Envelope(header, limits: limits)
    root = result.root
    sent = header.first("Date").flatMap { MessageDate($0.rawValue, limits: limits) }
    (baseSubject, isReply) = BaseSubject.extract(EncodedWord.decode(envelope.subject ?? ""))
    references = MessageIdentifiers.parse(header.first("References")?.rawValue ?? [], limit: limits.references)
    if references.isEmpty {
      references = Array(MessageIdentifiers.parse(header.first("In-Reply-To")?.rawValue ?? []).prefix(1))
    }
    preview = result.samplePart.map { MessageText.preview(MessageText.text(of: $0, result.sample)) } ?? ""
  }

  init(
    envelope: Envelope, root: MIMEPart, sent: MessageDate?, baseSubject: String, isReply: Bool, references: [String],
    preview: String
  ) {
    self.envelope = envelope
    self.root = root
    self.sent = sent
    self.baseSubject = baseSubject
    self.isReply = isReply
    self.references = references
    self.preview = preview
  }

  /// Whether some part is meant to be saved as a file.
  public var hasAttachment: Bool {
    root.contains { $0.disposition?.isAttachment == true }
  }

  /// The Message-ID, normal as THREAD compares it: without what stands around it.
  public var messageID: String? {
    envelope.messageID.flatMap { MessageIdentifiers.parse(Array($0.utf8)).first }
  }
}

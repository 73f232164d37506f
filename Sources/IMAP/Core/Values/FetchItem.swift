/// What FETCH asks of a message (RFC 9051 §6.4.5).
public enum FetchItem: Hashable, Sendable {
  case flags, internalDate, size, uid, envelope
  /// `BODY`: the structure without extension data.
  case bodyShape
  case bodyStructure
  case modSequence
  case emailID, threadID
  case saveDate
  /// RFC 8970; `isLazy`: only if it is at hand.
  case preview(isLazy: Bool)
  case section(FetchSection)
  /// The size of a decoded part (RFC 9051 §6.4.5, `BINARY.SIZE`).
  case binarySize([UInt32])

  /// Whether fetching it sets `\Seen`.
  public var setsSeen: Bool { if case .section(let section) = self { !section.isPeek } else { false } }
}

/// A part of a message's octets: `BODY[1.2.HEADER.FIELDS (From)]<0.100>`.
public struct FetchSection: Hashable, Sendable {
  public enum Form: Hashable, Sendable {
    case body
    /// With the transfer encoding undone.
    case binary
    /// The names of IMAP2: `RFC822`, `RFC822.HEADER`, `RFC822.TEXT`.
    case rfc822
  }

  public enum Specifier: Hashable, Sendable {
    /// The part or message itself.
    case content
    case header
    case headerFields([String])
    case headerFieldsNot([String])
    case text
    case mime
  }

  public var form: Form
  /// The part's path; empty for the message.
  public var part: [UInt32]
  public var specifier: Specifier
  /// Octets from `offset`, at most `count`.
  public var partial: Partial?
  public var isPeek: Bool

  public struct Partial: Hashable, Sendable {
    public var offset: UInt32
    public var count: UInt32

    public init(offset: UInt32, count: UInt32) {
      self.offset = offset
      self.count = count
    }
  }

  public init(
    form: Form = .body, part: [UInt32] = [], specifier: Specifier = .content, partial: Partial? = nil,
    isPeek: Bool = false
  ) {
    self.form = form
    self.part = part
    self.specifier = specifier
    self.partial = partial
    self.isPeek = isPeek
  }

  /// How an answer names it: `BODY[HEADER.FIELDS (FROM)]<0>`.
  public func writeLabel(to output: inout [UInt8]) {
    if form == .rfc822 {
      switch specifier {
      case .header: output.append(contentsOf: "RFC822.HEADER".utf8)
      case .text: output.append(contentsOf: "RFC822.TEXT".utf8)
      default: output.append(contentsOf: "RFC822".utf8)
      }
      return
    }
    output.append(contentsOf: (form == .binary ? "BINARY[" : "BODY[").utf8)
    for (index, number) in part.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ".")) }
      output.append(decimal: UInt64(number))
    }
    if !part.isEmpty, specifier != .content { output.append(UInt8(ascii: ".")) }
    switch specifier {
    case .content: break
    case .header: output.append(contentsOf: "HEADER".utf8)
    case .headerFields(let names): Self.write("HEADER.FIELDS (", names, to: &output)
    case .headerFieldsNot(let names): Self.write("HEADER.FIELDS.NOT (", names, to: &output)
    case .text: output.append(contentsOf: "TEXT".utf8)
    case .mime: output.append(contentsOf: "MIME".utf8)
    }
    output.append(UInt8(ascii: "]"))
    if let partial {
      output.append(UInt8(ascii: "<"))
      output.append(decimal: UInt64(partial.offset))
      output.append(UInt8(ascii: ">"))
    }
  }

  private static func write(_ opening: String, _ names: [String], to output: inout [UInt8]) {
    output.append(contentsOf: opening.utf8)
    for (index, name) in names.enumerated() {
      if index > 0 { output.append(UInt8(ascii: " ")) }
      output.append(astring: Array(name.utf8))
    }
    output.append(UInt8(ascii: ")"))
  }
}

/// What a FETCH is told beside its items (RFC 7162 §3.1.4, §3.2.6; RFC 9394).
public struct FetchModifiers: Hashable, Sendable {
  public var changedSince: ModSequence?
  public var vanished = false
  public var partial: PageRange?
  public init() {}
}

import MessageCore

/// ENVELOPE and BODYSTRUCTURE on the wire (RFC 9051 §7.5.2).
public struct MessageResponse: Sendable {
  /// Whether the client has enabled UTF-8 in quoted strings.
  public var allowsUTF8: Bool

  public init(allowsUTF8: Bool) { self.allowsUTF8 = allowsUTF8 }

  /// `("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "subject" ((NIL NIL "ann" "lab.test")) …)`
  public func write(_ envelope: Envelope, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "("))
    write(envelope.date, to: &output)
    output.appendSpace()
    write(envelope.subject, to: &output)
    for list in [envelope.from, envelope.sender, envelope.replyTo, envelope.to, envelope.cc, envelope.bcc] {
      output.appendSpace()
      write(list, to: &output)
    }
    output.appendSpace()
    write(envelope.inReplyTo, to: &output)
    output.appendSpace()
    write(envelope.messageID, to: &output)
    output.append(UInt8(ascii: ")"))
  }

  private func write(_ text: String?, to output: inout [UInt8]) {
    // NUL has no place in a string; a header that holds one is damaged anyhow.
    output.append(nstring: text.map { $0.utf8.filter { $0 != 0 } }, allowsUTF8: allowsUTF8)
  }

  private func write(_ addresses: [Address], to output: inout [UInt8]) {
    guard !addresses.isEmpty else {
      output.append(contentsOf: "NIL".utf8)
      return
    }
    output.append(UInt8(ascii: "("))
    for address in addresses {
      output.append(UInt8(ascii: "("))
      write(address.name, to: &output)
      output.appendSpace()
      write(address.route, to: &output)
      output.appendSpace()
      write(address.mailbox, to: &output)
      output.appendSpace()
      write(address.host, to: &output)
      output.append(UInt8(ascii: ")"))
    }
    output.append(UInt8(ascii: ")"))
  }

  /// BODYSTRUCTURE, or BODY where `isExtended` is false. Depth is bounded by the parser that made the part.
  public func write(_ part: MIMEPart, isExtended: Bool, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "("))
    if part.isMultipart {
      for child in part.children { write(child, isExtended: isExtended, to: &output) }
      output.appendSpace()
      write(part.contentType.subtype, to: &output)
      if isExtended {
        output.appendSpace()
        write(part.contentType.parameters, to: &output)
        writeExtension(part, to: &output)
      }
    } else {
      writeLeaf(part, isExtended: isExtended, to: &output)
    }
    output.append(UInt8(ascii: ")"))
  }

  private func writeLeaf(_ part: MIMEPart, isExtended: Bool, to output: inout [UInt8]) {
    write(part.contentType.type, to: &output)
    output.appendSpace()
    write(part.contentType.subtype, to: &output)
    output.appendSpace()
    write(part.contentType.parameters, to: &output)
    output.appendSpace()
    write(part.id, to: &output)
    output.appendSpace()
    write(part.description, to: &output)
    output.appendSpace()
    write(part.encoding, to: &output)
    output.appendSpace()
    output.append(decimal: UInt64(max(0, part.body.count)))
    if part.isMessage, let envelope = part.envelope, let inner = part.children.first {
      output.appendSpace()
      write(envelope, to: &output)
      output.appendSpace()
      write(inner, isExtended: isExtended, to: &output)
      output.appendSpace()
      output.append(decimal: UInt64(max(0, part.lines)))
    } else if part.isText {
      output.appendSpace()
      output.append(decimal: UInt64(max(0, part.lines)))
    }
    guard isExtended else { return }
    output.appendSpace()
    write(part.md5, to: &output)
    writeExtension(part, to: &output)
  }

  private func writeExtension(_ part: MIMEPart, to output: inout [UInt8]) {
    output.appendSpace()
    if let disposition = part.disposition {
      output.append(UInt8(ascii: "("))
      write(disposition.kind, to: &output)
      output.appendSpace()
      write(disposition.parameters, to: &output)
      output.append(UInt8(ascii: ")"))
    } else {
      output.append(contentsOf: "NIL".utf8)
    }
    output.appendSpace()
    switch part.languages.count {
    case 0: output.append(contentsOf: "NIL".utf8)
    case 1: write(part.languages.first, to: &output)
    default:
      output.append(UInt8(ascii: "("))
      for (index, language) in part.languages.enumerated() {
        if index > 0 { output.appendSpace() }
        write(language, to: &output)
      }
      output.append(UInt8(ascii: ")"))
    }
    output.appendSpace()
    write(part.location, to: &output)
  }

  private func write(_ parameters: ParameterList, to output: inout [UInt8]) {
    guard !parameters.raw.isEmpty else {
      output.append(contentsOf: "NIL".utf8)
      return
    }
    output.append(UInt8(ascii: "("))
    for (index, parameter) in parameters.raw.enumerated() {
      if index > 0 { output.appendSpace() }
      write(parameter.name, to: &output)
      output.appendSpace()
      write(parameter.value, to: &output)
    }
    output.append(UInt8(ascii: ")"))
  }
}

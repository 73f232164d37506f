import Glibc
import IMAPCore
import MessageCore
import Services
import Transport

/// One `* n FETCH (…)` (RFC 9051 §7.5.2).
struct FetchRow {
  let view: MailboxView
  let store: any MailStore
  let message: MailMessage
  let place: Int
  let job: FetchJob
  let digest: MessageDigest?
  /// Whether `\Seen` was set by this FETCH.
  let isMarked: Bool

  /// Parts of messages up to this are copied; larger ones are sent from their file.
  static let largestCopy: Int64 = 32 * 1024

  /// Writes it. Returns what is wrong, where something is.
  func write(to output: inout CommandOutput) -> Completion? {
    var items = job.items
    if job.enabled.contains(.uidOnly) { items.removeAll { $0 == .uid } }
    if isMarked, !items.contains(.flags) { items.append(.flags) }
    if job.enabled.contains(.condstore), items.contains(.flags), !items.contains(.modSequence) {
      items.append(.modSequence)
    }
    var body: (any MessageBody)?
    if items.contains(where: \.needsBody) {
      guard let found = try? store.body(of: message) else {
        return .no("Some messages are gone", .expungeIssued)
      }
      body = found
    }
    if let missing = undecodable(items) { return missing }
    output.write { MailboxView.writeRowStart(message, at: place, job.enabled, to: &$0) }
    for (index, item) in items.enumerated() {
      if index > 0 { output.write { $0.appendSpace() } }
      write(item, body, to: &output)
    }
    output.write { $0.append(contentsOf: ")\r\n".utf8) }
    return nil
  }

  /// BINARY of a part whose encoding nobody knows is refused as a whole (RFC 9051 §6.4.5).
  private func undecodable(_ items: [FetchItem]) -> Completion? {
    for item in items {
      let path: [UInt32]
      switch item {
      case .section(let section) where section.form == .binary: path = section.part
      case .binarySize(let part): path = part
      default: continue
      }
      guard let part = digest?.root.part(at: path.map { Int($0) }) else { continue }
      if !part.isMultipart, TransferDecoder(encoding: part.encoding) == nil {
        return .no("The part's encoding can't be undone", .unknownCTE)
      }
    }
    return nil
  }

  private func write(_ item: FetchItem, _ body: (any MessageBody)?, to output: inout CommandOutput) {
    switch item {
    case .section(let section):
      if let body { write(section, body, to: &output) }
    case .binarySize(let path): writeBinarySize(path, body, to: &output)
    default: output.write { write(item, to: &$0) }
    }
  }

  private func write(_ item: FetchItem, to bytes: inout [UInt8]) {
    let response = MessageResponse(allowsUTF8: job.enabled.hasUTF8Names)
    func label(_ text: StaticString) {
      text.withUTF8Buffer { bytes.append(contentsOf: $0) }
      bytes.appendSpace()
    }
    switch item {
    case .flags:
      label("FLAGS")
      bytes.append(flags: view.flags(of: message, withRecent: !job.enabled.contains(.rev2)))
    case .internalDate:
      label("INTERNALDATE")
      DateTime(seconds: message.internalSeconds).write(to: &bytes)
    case .size:
      label("RFC822.SIZE")
      bytes.append(decimal: UInt64(clamping: message.size))
    case .uid:
      label("UID")
      bytes.append(decimal: UInt64(message.uid))
    case .modSequence: bytes.append(contentsOf: "MODSEQ (\(message.modSeq))".utf8)
    case .emailID: bytes.append(contentsOf: "EMAILID (E\(message.emailID))".utf8)
    case .threadID: bytes.append(contentsOf: "THREADID (T\(message.threadID))".utf8)
    case .saveDate:
      label("SAVEDATE")
      DateTime(seconds: message.saveSeconds).write(to: &bytes)
    case .envelope:
      label("ENVELOPE")
      response.write(digest?.envelope ?? Envelope(), to: &bytes)
    case .bodyShape:
      label("BODY")
      response.write(digest?.root ?? MIMEPart(), isExtended: false, to: &bytes)
    case .bodyStructure:
      label("BODYSTRUCTURE")
      response.write(digest?.root ?? MIMEPart(), isExtended: true, to: &bytes)
    case .preview:
      label("PREVIEW")
      bytes.append(string: (digest?.preview ?? "").utf8.filter { $0 != 0 }, allowsUTF8: job.enabled.hasUTF8Names)
    case .section, .binarySize: break
    }
  }

  // MARK: Sections

  private func write(_ section: FetchSection, _ body: any MessageBody, to output: inout CommandOutput) {
    output.write { bytes in
      section.writeLabel(to: &bytes)
      bytes.appendSpace()
    }
    if section.form == .binary, !section.part.isEmpty {
      let decoded = part(section).flatMap { MessageReader.decoded($0, body) }
      return writeMemory(decoded, section, to: &output)
    }
    switch section.specifier {
    case .headerFields(let names): writeMemory(fields(section, body, names, isMatch: true), section, to: &output)
    case .headerFieldsNot(let names): writeMemory(fields(section, body, names, isMatch: false), section, to: &output)
    default:
      guard let range = range(of: section, size: Int(clamping: body.size)) else {
        output.write { $0.append(nstring: nil) }
        return
      }
      writeRange(Int64(range.lowerBound)..<Int64(range.upperBound), body, section, to: &output)
    }
  }

  private func part(_ section: FetchSection) -> MIMEPart? { digest?.root.part(at: section.part.map { Int($0) }) }

  /// Where the section's octets stand in the message; `nil` for a part that is not there.
  private func range(of section: FetchSection, size: Int) -> Range<Int>? {
    if section.isWhole || section.form == .binary { return 0..<size }
    guard let part = part(section) else { return nil }
    switch section.specifier {
    case .content: return part.body
    case .mime: return part.header
    case .header, .text:
      guard let whole = message(in: part, section) else { return nil }
      return section.specifier == .header ? whole.header : whole.body
    case .headerFields, .headerFieldsNot: return nil
    }
  }

  /// HEADER and TEXT are of a message: the whole, or the one in a message/rfc822.
  private func message(in part: MIMEPart, _ section: FetchSection) -> MIMEPart? {
    if section.part.isEmpty { return part }
    return part.isMessage ? part.children.first : nil
  }

  private func fields(
    _ section: FetchSection, _ body: any MessageBody, _ names: [String], isMatch: Bool
  ) -> [UInt8]? {
    guard let part = part(section), let whole = message(in: part, section) else { return nil }
    let header = MessageReader.bytes(body, whole.header)
    var result: [UInt8] = []
    for field in HeaderBlock(header).fields {
      let isNamed = names.contains { equalsIgnoringASCIICase($0, field.name) }
      guard isNamed == isMatch else { continue }
      let range = field.range.clamped(to: 0..<header.count)
      result += header[range]
      if result.suffix(2) != [0x0D, 0x0A] { result += result.last == 0x0A ? [] : [0x0D, 0x0A] }
    }
    return result + [0x0D, 0x0A]
  }

  private static func cut(_ count: Int64, _ partial: FetchSection.Partial?) -> Range<Int64> {
    guard let partial else { return 0..<count }
    let start = min(count, Int64(partial.offset))
    return start..<min(count, start + Int64(partial.count))
  }

  private func writeMemory(_ bytes: [UInt8]?, _ section: FetchSection, to output: inout CommandOutput) {
    guard let bytes else {
      output.write { $0.append(nstring: nil) }
      return
    }
    let cut = Self.cut(Int64(bytes.count), section.partial)
    let slice = bytes[Int(cut.lowerBound)..<Int(cut.upperBound)]
    output.write { result in
      if section.form == .binary, slice.contains(0) { result.append(UInt8(ascii: "~")) }
      result.appendLiteralHeader(slice.count)
    }
    if slice.count > Self.largestCopy {
      output.send(MemoryContent(Array(slice)), 0..<Int64(slice.count))
    } else {
      output.write { $0.append(contentsOf: slice) }
    }
  }

  private func writeRange(
    _ whole: Range<Int64>, _ body: any MessageBody, _ section: FetchSection, to output: inout CommandOutput
  ) {
    let inside = whole.clamped(to: 0..<max(0, body.size))
    let cut = Self.cut(Int64(inside.count), section.partial)
    Self.send(body, inside.lowerBound + cut.lowerBound..<inside.lowerBound + cut.upperBound, to: &output)
  }

  /// A literal of some octets of a message: copied where they are few, else sent from their file.
  static func send(_ body: any MessageBody, _ range: Range<Int64>, to output: inout CommandOutput) {
    if Int64(range.count) > largestCopy, let place = body.place {
      let descriptor = dup(place.descriptor)
      if descriptor >= 0 {
        output.write { $0.appendLiteralHeader(range.count) }
        let file = FileContent(OpenFile(owning: descriptor), body)
        output.send(file, place.offset + range.lowerBound..<place.offset + range.upperBound)
        return
      }
    }
    let bytes = (try? body.bytes(range)) ?? []
    output.write { $0.appendLiteralHeader(bytes.count) }
    if bytes.count > largestCopy {
      output.send(MemoryContent(bytes), 0..<Int64(bytes.count))
    } else {
      output.write { $0.append(contentsOf: bytes) }
    }
  }

  private func writeBinarySize(_ path: [UInt32], _ body: (any MessageBody)?, to output: inout CommandOutput) {
    var count: Int64?
    if path.isEmpty {
      count = message.size
    } else if let body, let part = digest?.root.part(at: path.map { Int($0) }) {
      count = MessageReader.decoded(part, body).map { Int64($0.count) }
    }
    output.write { bytes in
      bytes.append(contentsOf: "BINARY.SIZE[\(path.map(String.init).joined(separator: "."))] ".utf8)
      bytes.append(decimal: UInt64(clamping: count ?? 0))
    }
  }
}

extension FetchItem {
  /// Whether the message's octets are read.
  var needsBody: Bool {
    switch self {
    case .section, .binarySize: true
    default: false
    }
  }
}

import Glibc
import HTTPCore
import Transport

/// What tells a version of a file from another.
struct FileIdentity: Hashable, Sendable {
  var device: UInt64
  var inode: UInt64
  /// Bytes.
  var size: Int64
  /// Nanoseconds since 1970.
  var modified: Int64
  var changed: Int64

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = Int64(status.st_size)
    modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    changed = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
  }
}

/// A file that was just opened.
struct FoundFile {
  var file: OpenFile
  var identity: FileIdentity
  /// Its path below the root.
  var name: [UInt8]
}

/// An open file as a session's content.
final class FileContent: HTTPContent {
  let file: OpenFile
  init(_ file: OpenFile) { self.file = file }
}

/// A file with everything that its replies need, ready to be sent.
///
/// Belongs to one event loop.
final class CachedFile {
  /// Up to this size a file is kept in memory.
  static let largestInMemory: Int64 = 64 * 1024

  /// The request's path, as it came.
  let path: [UInt8]
  let identity: FileIdentity
  let tag: EntityTag
  let modified: HTTPDate
  let type: StaticString
  /// The whole file by 200.
  let reply: HTTPReply
  /// Its forms in other codings, as far as they were looked for: from files beside it, and made by ourselves.
  var prepared: [(coding: ContentCoding, file: CachedFile)]?
  private var compressed: [(coding: ContentCoding, reply: HTTPReply)] = []
  /// The fields of a 304: the validators (RFC 9110 §15.4.5).
  let validators: PreparedFields
  /// When the file system was asked last.
  var checked: Int64

  var size: Int64 { identity.size }
  /// Whether it has other codings to offer.
  var isCompressible: Bool { coding == nil && size >= FileCompression.smallest && FileCompression.helps(type) }
  /// Its path below the root.
  let name: [UInt8]
  /// The coding that it is a form in; `nil` for the plain file.
  let coding: StaticString?
  private let file: OpenFile
  /// Bytes of memory for its content.
  var memory: Int { if case .bytes(let bytes) = reply.content { bytes.count } else { 0 } }
  var holdsDescriptor: Bool { if case .content = reply.content { true } else { false } }

  /// `nil` when the file can't be read.
  /// - Parameter original: The file that this one is a form of, and the coding.
  init?(
    _ opened: FoundFile, path: [UInt8], now: Int64, formOf original: (file: CachedFile, coding: StaticString)? = nil
  ) {
    self.path = path
    file = opened.file
    name = opened.name
    coding = original?.coding
    identity = opened.identity
    checked = now
    tag = EntityTag(size: identity.size, modified: identity.modified, inode: identity.inode)
    modified = HTTPDate(seconds: identity.modified / 1_000_000_000)
    let lastName = opened.name.split(separator: 0x2F).last.map { String(decoding: $0, as: UTF8.self) } ?? ""
    type = original?.file.type ?? MediaType.forFile(named: lastName)
    var fields = Fields()
    fields.append(.lastModified, octets: modified.octets)
    fields.append(.etag, tag.description)
    let hasForms = original != nil || identity.size >= FileCompression.smallest && FileCompression.helps(type)
    if hasForms { fields.append(.vary, "Accept-Encoding" as StaticString) }
    validators = PreparedFields(fields)
    if let coding { fields.append(.contentEncoding, coding) }
    fields.append(.contentType, type)
    fields.append(.acceptRanges, "bytes" as StaticString)
    fields.append(.xContentTypeOptions, "nosniff" as StaticString)
    let content: ReplyContent
    if identity.size <= Self.largestInMemory {
      guard let bytes = Self.read(opened.file, Int(identity.size)) else { return nil }
      content = .bytes(bytes)
    } else {
      content = .content(FileContent(opened.file), 0..<identity.size)
    }
    reply = HTTPReply(.ok, prepared: PreparedFields(fields), content: content)
  }

  /// All of a small file; `nil` when it has another size by now, or can't be read.
  private static func read(_ file: OpenFile, _ size: Int) -> [UInt8]? {
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { memory, count in
      while count < size {
        let step = pread(file.descriptor, memory.baseAddress.map { $0 + count }, size - count, off_t(count))
        if step < 0, errno == EINTR { continue }
        guard step > 0 else { break }
        count += step
      }
    }
    return bytes.count == size ? bytes : nil
  }

  // MARK: Codings

  /// The tag of the file compressed by ourselves.
  func tag(in coding: ContentCoding) -> EntityTag { EntityTag(tag.opaque + Array("-\(coding.rawValue)".utf8)) }

  /// The file compressed by ourselves: from memory once, a larger one anew for each reply.
  func reply(in coding: ContentCoding) -> HTTPReply? {
    if let compressed = compressed.first(where: { $0.coding == coding }) { return compressed.reply }
    var fields = Fields()
    fields.append(.lastModified, octets: modified.octets)
    fields.append(.etag, tag(in: coding).description)
    fields.append(.vary, "Accept-Encoding" as StaticString)
    fields.append(.contentType, type)
    fields.append(.contentEncoding, coding.rawValue)
    fields.append(.xContentTypeOptions, "nosniff" as StaticString)
    if case .bytes(let bytes) = reply.content {
      guard let packed = FileCompression.pack(bytes, coding) else { return nil }
      let reply = HTTPReply(.ok, prepared: PreparedFields(fields), content: .bytes(packed))
      compressed.append((coding, reply))
      return reply
    }
    guard size <= FileCompression.largest, let stream = CompressedStream(file, size: size, coding) else { return nil }
    return HTTPReply(.ok, fields: fields, content: .stream(stream))
  }

  // MARK: Parts

  /// A 206 with one part or several (RFC 9110 §15.3.7).
  func partialReply(_ ranges: [Range<Int64>]) -> HTTPReply {
    var fields = Fields()
    fields.append(.acceptRanges, "bytes" as StaticString)
    fields.append(.xContentTypeOptions, "nosniff" as StaticString)
    if ranges.count == 1 {
      fields.append(.contentType, type)
      fields.append(.contentRange, ByteRanges.contentRange(ranges[0], length: size))
      return HTTPReply(.partialContent, prepared: validators, fields: fields, content: .segments([part(ranges[0])]))
    }
    let boundary =
      String(UInt64.random(in: .min ... .max), radix: 36) + String(UInt64.random(in: .min ... .max), radix: 36)
    fields.append(.contentType, "multipart/byteranges; boundary=\(boundary)")
    var segments: [ContentSegment] = []
    for range in ranges {
      let head =
        "\r\n--\(boundary)\r\nContent-Type: \(type)\r\nContent-Range: "
        + ByteRanges.contentRange(range, length: size) + "\r\n\r\n"
      segments.append(.bytes(Array(head.utf8)))
      segments.append(part(range))
    }
    segments.append(.bytes(Array("\r\n--\(boundary)--\r\n".utf8)))
    return HTTPReply(.partialContent, prepared: validators, fields: fields, content: .segments(segments))
  }

  private func part(_ range: Range<Int64>) -> ContentSegment {
    switch reply.content {
    case .bytes(let bytes): .bytes(Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)]))
    case .content(let content, _): .content(content, range)
    case .none, .segments, .stream: .bytes([])
    }
  }
}

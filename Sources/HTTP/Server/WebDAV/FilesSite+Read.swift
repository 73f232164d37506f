import Glibc
import HTTPCore
import Services
import Transport

extension FilesSite {
  /// GET and HEAD: a file, or a page that lists a folder.
  func get(_ target: Target) throws -> HTTPReply {
    guard let attributes = try Self.attributes(target.path, target.store) else { throw Refusal(.notFound) }
    switch attributes.kind {
    case .directory: return try page(target)
    case .file: break
    case .symbolicLink, .other: throw Refusal(.notFound)
    }
    guard !target.isFolder else { throw Refusal(.notFound) }
    let tag = Self.tag(attributes)
    let modified = HTTPDate(seconds: attributes.modified.seconds)
    var fields = Fields()
    fields.append(.etag, tag.description)
    fields.append(.lastModified, octets: modified.octets)
    fields.append(.cacheControl, "private, no-cache" as StaticString)
    switch Preconditions.evaluate(target.request.fields, method: target.request.method, tag: tag, modified: modified) {
    case .notModified: return HTTPReply(.notModified, fields: fields)
    case .failed: throw Refusal(.preconditionFailed)
    case .proceed: break
    }
    let name = String(decoding: target.path.name ?? [], as: UTF8.self)
    fields.append(.contentType, MediaType.forFile(named: name))
    fields.append(.acceptRanges, "bytes" as StaticString)
    fields.append(.xContentTypeOptions, "nosniff" as StaticString)
    // Somebody else's page must not act in the reader's name.
    fields.append(.contentSecurityPolicy, "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'")
    let content = try FileBytes.content(try target.store.open(target.path, .read, permissions: 0), attributes.size)
    return partial(target.request, fields, content, tag, modified)
  }

  private func partial(
    _ request: HTTPRequest, _ fields: Fields, _ content: FileBytes, _ tag: EntityTag, _ modified: HTTPDate
  ) -> HTTPReply {
    let size = content.size
    guard request.method == .get, request.fields.count(of: .range) == 1,
      Preconditions.allowsRange(request.fields, tag: tag, modified: modified),
      let ranges = request.fields.withValue(.range, { ByteRanges.parse($0, length: size) })
    else { return HTTPReply(.ok, fields: fields, content: content.part(0..<size)) }
    var fields = fields
    switch ranges {
    // Several parts at once are asked for by nobody here: the whole is a right answer as well (RFC 9110 §14.2).
    case .parts(let ranges) where ranges.count == 1:
      fields.append(.contentRange, ByteRanges.contentRange(ranges[0], length: size))
      return HTTPReply(.partialContent, fields: fields, content: content.part(ranges[0]))
    case .whole, .parts: return HTTPReply(.ok, fields: fields, content: content.part(0..<size))
    case .unsatisfiable:
      var only = Fields()
      only.append(.contentRange, ByteRanges.contentRange(nil, length: size))
      return Pages.error(.rangeNotSatisfiable, fields: only)
    }
  }

  /// A folder for people.
  private func page(_ target: Target) throws -> HTTPReply {
    guard target.isFolder else {
      return Pages.redirect(.movedPermanently, to: Self.url(target.path, isFolder: true, target.request.base))
    }
    let entries = try Self.entries(target.path, target.store).map { entry in
      DirectoryPage.Entry(
        name: entry.name, isDirectory: entry.attributes.kind == .directory,
        size: Int64(clamping: entry.attributes.size),
        modified: entry.attributes.modified.seconds)
    }
    let page = DirectoryPage(
      entries: Array(entries.prefix(DirectoryPage.maximumEntries)),
      isCut: entries.count > DirectoryPage.maximumEntries)
    var fields = Fields()
    fields.append(.contentType, "text/html; charset=utf-8" as StaticString)
    fields.append(.cacheControl, "private, no-cache" as StaticString)
    fields.append(.xContentTypeOptions, "nosniff" as StaticString)
    fields.append(.contentSecurityPolicy, "default-src 'none'; style-src 'unsafe-inline'" as StaticString)
    let title = target.path.description + (target.path.isRoot ? "" : "/")
    let html = page.html(title: title, isRoot: target.path.isRoot, query: target.request.query)
    return HTTPReply(.ok, fields: fields, content: .bytes(Array(html.utf8)))
  }

  /// What a folder holds: files and folders, without uploads that are not complete.
  static func entries(_ path: FilePath, _ store: any FileStore) throws -> [DirectoryEntry] {
    let directory = try store.openDirectory(path)
    var entries: [DirectoryEntry] = []
    while entries.count <= maximumResources {
      let next = try directory.next(256)
      if next.isEmpty { break }
      for var entry in next where entry.name != [0x2E] && entry.name != [0x2E, 0x2E] && !isUpload(entry.name) {
        if entry.attributes.kind == .symbolicLink {
          guard let path = path.appending(entry.name), let target = try? attributes(path, store) else { continue }
          entry.attributes = target
        }
        if entry.attributes.kind == .file || entry.attributes.kind == .directory { entries.append(entry) }
      }
    }
    return entries
  }
}

/// The bytes of a stored file as a reply's content: by the kernel where it can be, else piece by piece.
struct FileBytes {
  private enum Source {
    case descriptor(FileContent)
    case file(any OpenedFile)
  }

  private let source: Source
  let size: Int64

  static func content(_ file: any OpenedFile, _ size: UInt64) throws -> FileBytes {
    let size = Int64(clamping: size)
    if let file = file as? any DescriptorBackedFile {
      let copy = fcntl(file.descriptorNumber, F_DUPFD_CLOEXEC, 3)
      guard copy >= 0 else { throw FileError.tooManyOpen }
      return withExtendedLifetime(file) {
        FileBytes(source: .descriptor(FileContent(OpenFile(owning: copy))), size: size)
      }
    }
    return FileBytes(source: .file(file), size: size)
  }

  func part(_ range: Range<Int64>) -> ReplyContent {
    switch source {
    case .descriptor(let content): .content(content, range)
    case .file(let file): .stream(StoredFileStream(file, range), length: Int64(range.count))
    }
  }
}

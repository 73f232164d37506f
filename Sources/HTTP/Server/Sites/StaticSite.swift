import Glibc
import HTTPCore
import SystemShims
import Transport
import WireKit

/// Serves the files below a directory.
///
/// Nothing outside of it can be reached, whatever links and `..` there are: the kernel sees to it (`openat2` with
/// `RESOLVE_BENEATH`). Only regular files are served, and none whose path has a segment that begins with a dot, but
/// `.well-known`.
public final class StaticSite: SiteHandler {
  /// What is served.
  public struct Configuration: Sendable, Hashable {
    /// The directory's path.
    public var root: String
    /// Names of files that stand for their directory, best first.
    public var index: [String]
    /// Whether a directory without an index file is listed.
    public var lists: Bool
    /// Whether files are sent compressed to those who take it: from `NAME.br`, `NAME.zst`, `NAME.gz` beside them, or
    /// compressed as they are sent.
    public var compresses: Bool
    /// What is looked for where there is no file at the path, the first that exists: `{path}.html`, `/index.html`.
    public var tryFiles: [String]

    public init(
      root: String, index: [String] = ["index.html"], lists: Bool = false, compresses: Bool = true,
      tryFiles: [String] = []
    ) {
      self.root = root
      self.index = index
      self.lists = lists
      self.compresses = compresses
      self.tryFiles = tryFiles
    }
  }

  let configuration: Configuration
  private let root: OpenFile
  private let caches: FileCaches
  /// Tells this site's files from others' in the caches.
  private let number: UInt64
  private let conditional = FieldNameSet(
    .range, .ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .ifRange)

  /// Opens the directory. Throws when that is not possible.
  init(_ configuration: Configuration, caches: FileCaches) throws(HTTPServerError) {
    self.configuration = configuration
    self.caches = caches
    number = caches.nextSiteNumber()
    let descriptor = Glibc.open(configuration.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw HTTPServerError(.directory(configuration.root), errno: errno) }
    root = OpenFile(owning: descriptor)
  }

  public func answer(_ request: HTTPRequest, on connection: Connection) -> HTTPReply? {
    guard request.method == .get || request.method == .head else { return otherMethod(request) }
    let (cache, now) = caches.cache(for: connection.eventLoop)
    let key = request.withPath { FileKey(site: number, path: $0, seed: cache.seed) }
    if let file = request.withPath({ cache.find(key, $0, now: now) }) { return encoded(request, file) }
    switch request.withPath({ lookUp($0) }) {
    case .refused(let status): return Pages.error(status)
    case .directory(let path): return redirect(request, to: path)
    // Reading a directory may take long: not on the loop.
    case .listing: return nil
    case .found(let opened):
      let previous = request.withPath { cache.stale(key, $0) }
      if let previous, previous.identity == opened.identity {
        previous.checked = now
        previous.prepared = nil
        return encoded(request, previous)
      }
      guard let file = CachedFile(opened, path: request.withPath { $0.copied() }, now: now) else {
        return Pages.error(.serviceUnavailable)
      }
      cache.insert(key, file)
      return encoded(request, file)
    }
  }

  public func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply {
    guard case .listing(let path) = request.withPath({ lookUp($0) }),
      let page = DirectoryPage(root: root.descriptor, path: path)
    else { return Pages.error(.notFound) }
    var fields = Fields()
    fields.append(.contentType, "text/html; charset=utf-8" as StaticString)
    fields.append(.xContentTypeOptions, "nosniff" as StaticString)
    fields.append(.contentSecurityPolicy, "default-src 'none'; style-src 'unsafe-inline'" as StaticString)
    let title = "/" + String(decoding: path, as: UTF8.self)
    let html = page.html(title: title, isRoot: path.isEmpty, query: request.query)
    return HTTPReply(.ok, fields: fields, content: .bytes(Array(html.utf8)))
  }

  private func otherMethod(_ request: HTTPRequest) -> HTTPReply {
    var fields = Fields()
    fields.append(.allow, "GET, HEAD, OPTIONS" as StaticString)
    if request.method == .options { return HTTPReply(.noContent, fields: fields) }
    return Pages.error(.methodNotAllowed, fields: fields)
  }

  /// With one slash at the front, whatever came: `//host/` would lead elsewhere.
  private func redirect(_ request: HTTPRequest, to path: [UInt8]) -> HTTPReply {
    let query = request.query.map { "?\($0)" } ?? ""
    return Pages.redirect(.movedPermanently, to: "/" + PercentEncoding.path(path) + "/" + query)
  }

  // MARK: Looking up

  private enum LookUp {
    case found(FoundFile)
    /// A directory whose path lacks its slash.
    case directory([UInt8])
    /// A directory to be listed.
    case listing([UInt8])
    case refused(Status)
  }

  private func lookUp(_ raw: RawSpan) -> LookUp {
    guard let path = RequestPath(raw) else { return .refused(.badRequest) }
    guard !path.hasHiddenSegment else { return .refused(.notFound) }
    let found = lookUp(path)
    guard case .refused(.notFound) = found else { return found }
    for template in configuration.tryFiles {
      // Relative to the root, whatever the template begins with; no link and no `..` leads out of it.
      var octets: [UInt8] = []
      for (index, piece) in template.split(separator: "{path}", omittingEmptySubsequences: false).enumerated() {
        if index > 0 { octets += path.octets }
        octets += piece.utf8
      }
      let name = Array(octets.drop { $0 == 0x2F })
      guard !name.isEmpty else { continue }
      if case .found(let file) = open(name) { return .found(file) }
    }
    return found
  }

  private func lookUp(_ path: RequestPath) -> LookUp {
    if path.isDirectory {
      for name in configuration.index {
        switch open(path.octets + Array(name.utf8)) {
        case .found(let file): return .found(file)
        case .refused(.notFound), .directory, .listing: continue
        case .refused(let status): return .refused(status)
        }
      }
      guard configuration.lists else { return .refused(.notFound) }
      return isDirectory(path.octets) ? .listing(path.octets) : .refused(.notFound)
    }
    return open(path.octets)
  }

  private func isDirectory(_ path: [UInt8]) -> Bool {
    if path.isEmpty { return true }
    if case .directory = open(path) { return true }
    return false
  }

  private func open(_ path: [UInt8]) -> LookUp {
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    let result = (path + [0]).withUnsafeBufferPointer { bytes in
      bytes.withMemoryRebound(to: CChar.self) { text in
        text.baseAddress.map { portside_open_beneath(root.descriptor, $0, flags, 0) } ?? -EINVAL
      }
    }
    guard result >= 0 else { return .refused(Self.status(for: -result)) }
    let file = OpenFile(owning: result)
    var status = stat()
    guard fstat(result, &status) == 0 else { return .refused(.internalServerError) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .found(FoundFile(file: file, identity: FileIdentity(status), name: path))
    case S_IFDIR: return .directory(path)
    default: return .refused(.notFound)
    }
  }

  private static func status(for error: Int32) -> Status {
    switch error {
    case EACCES, EPERM: .forbidden
    case EMFILE, ENFILE, ENOMEM: .serviceUnavailable
    // EXDEV: a link or `..` that leads out.
    case ENOENT, ENOTDIR, ELOOP, EXDEV, ENAMETOOLONG, EINVAL, ENXIO, ENODEV: .notFound
    default: .internalServerError
    }
  }

  // MARK: Answering

  /// The form of a file that the client takes, and likes best (RFC 9110 §12.5.3).
  private func encoded(_ request: HTTPRequest, _ file: CachedFile) -> HTTPReply {
    // A range of a compressed form is of no use to whoever resumes the plain one.
    guard configuration.compresses, file.isCompressible, request.fields.contains(.acceptEncoding),
      !request.fields.contains(.range)
    else { return reply(request, file) }
    let prepared = file.prepared ?? lookForForms(of: file)
    file.prepared = prepared
    var available = prepared.map(\.coding)
    for coding in FileCompression.made where !available.contains(coding) { available.append(coding) }
    available.append(.identity)
    guard let choice = AcceptEncoding.choose(request.fields, among: available), choice != .identity else {
      return reply(request, file)
    }
    if let form = prepared.first(where: { $0.coding == choice })?.file { return reply(request, form) }
    guard let compressed = file.reply(in: choice) else { return reply(request, file) }
    guard request.fields.contains(anyOf: conditional) else { return compressed }
    switch Preconditions.evaluate(
      request.fields, method: request.method, tag: file.tag(in: choice),
      modified: file.modified)
    {
    case .notModified: return HTTPReply(.notModified, prepared: compressed.prepared, fields: compressed.fields)
    case .failed: return Pages.error(.preconditionFailed)
    case .proceed: return compressed
    }
  }

  /// The files beside this one that hold it in another coding, unless they are older than it.
  private func lookForForms(of file: CachedFile) -> [(coding: ContentCoding, file: CachedFile)] {
    FileCompression.prepared.compactMap { form in
      guard case .found(let opened) = open(file.name + Array("\(form.suffix)".utf8)),
        opened.identity.modified >= file.identity.modified,
        let found = CachedFile(opened, path: [], now: file.checked, formOf: (file, form.value))
      else { return nil }
      return (form.coding, found)
    }
  }

  private func reply(_ request: HTTPRequest, _ file: CachedFile) -> HTTPReply {
    guard request.fields.contains(anyOf: conditional) else { return file.reply }
    switch Preconditions.evaluate(
      request.fields, method: request.method, tag: file.tag, modified: file.modified)
    {
    case .notModified: return HTTPReply(.notModified, prepared: file.validators)
    case .failed: return Pages.error(.preconditionFailed)
    case .proceed: break
    }
    guard request.method == .get, request.fields.count(of: .range) == 1,
      Preconditions.allowsRange(request.fields, tag: file.tag, modified: file.modified),
      let ranges = request.fields.withValue(.range, { ByteRanges.parse($0, length: file.size) })
    else { return file.reply }
    switch ranges {
    case .whole: return file.reply
    case .unsatisfiable:
      var fields = Fields()
      fields.append(.contentRange, ByteRanges.contentRange(nil, length: file.size))
      return Pages.error(.rangeNotSatisfiable, fields: fields)
    case .parts(let ranges): return file.partialReply(ranges)
    }
  }
}

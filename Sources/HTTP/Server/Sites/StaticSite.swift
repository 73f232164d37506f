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

    public init(root: String, index: [String] = ["index.html"]) {
      self.root = root
      self.index = index
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
    if let file = request.withPath({ cache.find(key, $0, now: now) }) { return reply(request, file) }
    switch request.withPath({ lookUp($0) }) {
    case .refused(let status): return Pages.error(status)
    case .directory(let path): return redirect(request, to: path)
    case .found(let opened):
      let previous = request.withPath { cache.stale(key, $0) }
      if let previous, previous.identity == opened.identity {
        previous.checked = now
        return reply(request, previous)
      }
      guard let file = CachedFile(opened, path: request.withPath { $0.copied() }, now: now) else {
        return Pages.error(.serviceUnavailable)
      }
      cache.insert(key, file)
      return reply(request, file)
    }
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
    case found(OpenedFile)
    /// A directory whose path lacks its slash.
    case directory([UInt8])
    case refused(Status)
  }

  private func lookUp(_ raw: RawSpan) -> LookUp {
    guard let path = RequestPath(raw) else { return .refused(.badRequest) }
    guard !path.hasHiddenSegment else { return .refused(.notFound) }
    if path.isDirectory {
      for name in configuration.index {
        switch open(path.octets + Array(name.utf8)) {
        case .found(let file): return .found(file)
        case .refused(.notFound), .directory: continue
        case .refused(let status): return .refused(status)
        }
      }
      return .refused(.notFound)
    }
    return open(path.octets)
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
    case S_IFREG: return .found(OpenedFile(file: file, identity: FileIdentity(status), name: path))
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

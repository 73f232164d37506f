import HTTPCore
import NIOCore
import NIOPosix
import Services
import Transport
import WireKit

/// The files of whoever logs in, for browsers and for clients of WebDAV (RFC 4918 class 1 and 2).
public final class FilesSite: SiteHandler {
  public struct Configuration: Sendable {
    /// What browsers show when they ask for a password.
    public var realm: String
    /// What an account sees; `nil` when it may see no files at all. Blocks.
    public var files: @Sendable (AccountIdentity) async throws -> (any FileStore)?
    /// The names in everybody's root that lead to what several share.
    public var sharedNames: Set<String>
    /// Where clients' own properties are kept.
    public var properties: any PropertyStore

    public init(
      realm: String = "Portside", sharedNames: Set<String> = [], properties: any PropertyStore = MemoryPropertyStore(),
      files: @escaping @Sendable (AccountIdentity) async throws -> (any FileStore)?
    ) {
      self.realm = realm
      self.sharedNames = sharedNames
      self.properties = properties
      self.files = files
    }
  }

  /// Octets of a request that is XML.
  static let largestDocument = 262_144
  /// Resources that one request deals with.
  static let maximumResources = 20_000
  /// Uploads have such names until they are complete; nobody sees them.
  static let uploadPrefix = Array(".portside-upload-".utf8)

  let configuration: Configuration
  private let desk: LogInDesk
  let locks: LockTable
  let properties: DeadProperties
  private let rule: LogInRule

  public init(_ configuration: Configuration, desk: LogInDesk, context: ServerContext) {
    self.configuration = configuration
    self.desk = desk
    locks = LockTable(clock: context.clock)
    properties = DeadProperties(configuration.properties)
    rule = LogInRule(realm: configuration.realm)
  }

  /// What a request is about.
  struct Target {
    var request: HTTPRequest
    var identity: AccountIdentity
    var store: any FileStore
    var path: FilePath
    /// Whether the URL ended with a slash.
    var isFolder: Bool
    var place: DAVPlace
  }

  /// Why a request ends before its time.
  struct Refusal: Error {
    var reply: HTTPReply
    init(_ status: Status) { reply = Pages.error(status) }
    init(_ reply: HTTPReply) { self.reply = reply }
    /// With a precondition's element (RFC 4918 §16).
    init(_ status: Status, _ condition: XMLElement) {
      reply = FilesSite.document(status, XMLElement(.dav("error"), [.element(condition)]))
    }
  }

  public func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply {
    // Browsers send the password along with what another site's page makes them send.
    if !request.method.isSafe, request.fields[.secFetchSite] == "cross-site" { return Pages.error(.forbidden) }
    let identity: AccountIdentity
    switch await desk.judgeLater(request, rule, on: connection) {
    case .granted(let granted): identity = granted
    case .reply(let reply): return reply
    case .undecided: return Pages.error(.serviceUnavailable)
    }
    do {
      guard let store = try await configuration.files(identity) else { return Pages.error(.forbidden) }
      guard let path = request.withPath({ RequestPath($0) }), let files = FilePath(path.octets),
        !files.names.contains(where: Self.isUpload)
      else { throw Refusal(.badRequest) }
      let target = Target(
        request: request, identity: identity, store: store, path: files, isFolder: path.isDirectory,
        place: place(files, identity))
      return try await perform(target, body)
    } catch let refusal as Refusal {
      return refusal.reply
    } catch let error as FileError {
      return Pages.error(Self.status(for: error))
    } catch {
      return Pages.error(.internalServerError)
    }
  }

  private func perform(_ target: Target, _ body: RequestBody) async throws -> HTTPReply {
    switch target.request.method {
    case .options: return options()
    case .get, .head: return try await Self.blocking { try self.get(target) }
    case .put: return try await put(target, body)
    default: break
    }
    let content = try await Self.content(body)
    return try await Self.blocking {
      switch target.request.method {
      case .propfind: return try self.propfind(target, content)
      case .proppatch: return try self.proppatch(target, content)
      case .mkcol: return try self.makeCollection(target, content)
      case .delete: return try self.delete(target)
      case .copy: return try self.copy(target)
      case .move: return try self.move(target)
      case .lock: return try self.lock(target, content)
      case .unlock: return try self.unlock(target)
      default:
        var fields = Fields()
        fields.append(.allow, Self.methods)
        return Pages.error(.methodNotAllowed, fields: fields)
      }
    }
  }

  static let methods: StaticString =
    "OPTIONS, GET, HEAD, PUT, DELETE, PROPFIND, PROPPATCH, MKCOL, COPY, MOVE, LOCK, UNLOCK"

  private func options() -> HTTPReply {
    var fields = Fields()
    fields.append(.dav, "1, 2" as StaticString)
    fields.append(.allow, Self.methods)
    fields.append("MS-Author-Via", "DAV")
    return HTTPReply(.ok, fields: fields)
  }

  // MARK: Helpers

  /// Runs what waits for the disk where it may.
  static func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await NIOThreadPool.singleton.runIfActive(body)
  }

  static func content(_ body: RequestBody) async throws -> [UInt8] {
    var content: [UInt8] = []
    for try await chunk in body {
      content += Array(buffer: chunk)
      guard content.count <= largestDocument else { throw Refusal(.contentTooLarge) }
    }
    return content
  }

  static func isUpload(_ name: [UInt8]) -> Bool { name.starts(with: uploadPrefix) }

  func place(_ path: FilePath, _ identity: AccountIdentity) -> DAVPlace {
    if let first = path.names.first, configuration.sharedNames.contains(String(decoding: first, as: UTF8.self)) {
      return DAVPlace(scope: "shared", path: path)
    }
    return DAVPlace(scope: "account \(identity.name)", path: path)
  }

  /// The URL's path of a resource.
  static func url(_ path: FilePath, isFolder: Bool, _ base: String) -> String {
    let text = base + PercentEncoding.path(path.bytes)
    return isFolder && !text.hasSuffix("/") ? text + "/" : text
  }

  static func tag(_ attributes: FileAttributes) -> EntityTag {
    let time = attributes.modified.seconds &* 1_000_000_000 &+ Int64(attributes.modified.nanoseconds)
    return EntityTag(size: Int64(clamping: attributes.size), modified: time, inode: 0)
  }

  /// What is at a path; `nil` when nothing is.
  static func attributes(_ path: FilePath, _ store: any FileStore) throws -> FileAttributes? {
    do throws(FileError) { return try store.attributes(of: path, followingLinks: true) } catch {
      switch error {
      case .notFound, .notDirectory, .escapes: return nil
      default: throw error
      }
    }
  }

  static func document(_ status: Status, _ root: XMLElement) -> HTTPReply {
    var fields = Fields()
    fields.append(.contentType, "application/xml; charset=utf-8" as StaticString)
    fields.append(.cacheControl, "no-store" as StaticString)
    return HTTPReply(status, fields: fields, content: .bytes(root.document))
  }

  static func status(for error: FileError) -> Status {
    switch error {
    case .notFound, .escapes: .notFound
    case .permissionDenied, .readOnly, .invalidName: .forbidden
    case .exists, .isDirectory, .notDirectory, .notEmpty: .conflict
    case .noSpace, .quotaExceeded, .tooLarge: .insufficientStorage
    case .crossesDevices: .badGateway
    case .tooManyOpen: .serviceUnavailable
    case .unsupported: .notImplemented
    case .failure: .internalServerError
    }
  }
}

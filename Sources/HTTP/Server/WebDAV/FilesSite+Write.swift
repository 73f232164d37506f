import Glibc
import HTTPCore
import NIOCore
import Services
import Transport

extension FilesSite {
  // MARK: PUT

  /// A file's content, whole or not at all: it is written beside its place and put there at the end.
  func put(_ target: Target, _ body: RequestBody) async throws -> HTTPReply {
    guard !target.isFolder, !target.path.isRoot else { throw Refusal(.methodNotAllowed) }
    // A part of a file is none (RFC 9110 §14.4).
    guard !target.request.fields.contains(.contentRange) else { throw Refusal(.badRequest) }
    let (isNew, upload) = try await Self.blocking { try self.beginPut(target) }
    do {
      var offset: UInt64 = 0
      for try await chunk in body where chunk.readableBytes > 0 {
        let start = offset
        offset += UInt64(chunk.readableBytes)
        try await Self.blocking {
          var failure: FileError?
          chunk.withUnsafeReadableBytes { bytes in
            do throws(FileError) { try upload.file.write(bytes, at: start) } catch { failure = error }
          }
          if let failure { throw failure }
        }
      }
      return try await Self.blocking {
        try upload.file.synchronise()
        if let path = upload.path { try target.store.rename(path, to: target.path, replacing: true) }
        try target.store.synchroniseDirectory(target.path.parent)
        var fields = Fields()
        if let attributes = try Self.attributes(target.path, target.store) {
          fields.append(.etag, Self.tag(attributes).description)
        }
        return HTTPReply(isNew ? .created : .noContent, fields: fields)
      }
    } catch {
      if let path = upload.path { try? await Self.blocking { try target.store.removeFile(path) } }
      throw error
    }
  }

  private struct Upload {
    var file: any OpenedFile
    /// Where it is written; `nil`: in its place.
    var path: FilePath?
  }

  private func beginPut(_ target: Target) throws -> (isNew: Bool, Upload) {
    let present = try Self.attributes(target.path, target.store)
    guard present?.kind != .directory else { throw Refusal(.methodNotAllowed) }
    let verdict = Preconditions.evaluate(
      target.request.fields, method: .put, tag: present.map(Self.tag),
      modified: present.map { HTTPDate(seconds: $0.modified.seconds) })
    guard verdict == .proceed else { throw Refusal(.preconditionFailed) }
    try requireParent(target.path, target.store)
    try permitChange(target, at: target.place, changesName: present == nil)
    let name = Self.uploadPrefix + Array(String(UInt64.random(in: .min ... .max), radix: 36).utf8)
    if let path = target.path.parent.appending(name) {
      // Who may only write or only make does so in place.
      do {
        let file = try target.store.open(
          path, [.write, .create, .exclusive], permissions: present?.permissions ?? 0o644)
        do {
          // Whether it could be put in its place at the end.
          try target.store.rename(path, to: path, replacing: true)
          return (present == nil, Upload(file: file, path: path))
        } catch {
          try? target.store.removeFile(path)
        }
      } catch FileError.permissionDenied {}
    }
    let options: FileOpenOptions = present == nil ? [.write, .create, .exclusive] : [.write, .truncate]
    return (present == nil, Upload(file: try target.store.open(target.path, options, permissions: 0o644), path: nil))
  }

  private func requireParent(_ path: FilePath, _ store: any FileStore) throws {
    guard try Self.attributes(path.parent, store)?.kind == .directory else { throw Refusal(.conflict) }
  }

  // MARK: MKCOL, DELETE

  func makeCollection(_ target: Target, _ content: [UInt8]) throws -> HTTPReply {
    guard content.isEmpty else { throw Refusal(.unsupportedMediaType) }
    guard try Self.attributes(target.path, target.store) == nil else { throw Refusal(.methodNotAllowed) }
    try requireParent(target.path, target.store)
    try permitChange(target, at: target.place, changesName: true)
    try target.store.makeDirectory(target.path, permissions: 0o755)
    return HTTPReply(.created)
  }

  func delete(_ target: Target) throws -> HTTPReply {
    guard !target.path.isRoot else { throw Refusal(.forbidden) }
    guard let present = try Self.attributes(target.path, target.store) else { throw Refusal(.notFound) }
    guard present.kind == .directory || !target.isFolder else { throw Refusal(.notFound) }
    if present.kind == .directory, try depth(target, absent: .infinity) != .infinity { throw Refusal(.badRequest) }
    let verdict = Preconditions.evaluate(
      target.request.fields, method: .delete, tag: Self.tag(present),
      modified: HTTPDate(seconds: present.modified.seconds))
    guard verdict == .proceed else { throw Refusal(.preconditionFailed) }
    try permitChange(target, at: target.place, isTree: true, changesName: true)
    try remove(target.path, target.store)
    locks.forget(target.place)
    properties.remove(target.place)
    return HTTPReply(.noContent)
  }

  /// A file, or a folder with everything in it. A link goes, not what it leads to.
  private func remove(_ path: FilePath, _ store: any FileStore, depth: Int = 0) throws {
    let kind = try store.attributes(of: path, followingLinks: false).kind
    guard kind == .directory else { return try store.removeFile(path) }
    guard depth < 128 else { throw Refusal(.insufficientStorage) }
    let directory = try store.openDirectory(path)
    var names: [[UInt8]] = []
    while true {
      let next = try directory.next(256)
      if next.isEmpty { break }
      names += next.map(\.name).filter { $0 != [0x2E] && $0 != [0x2E, 0x2E] }
    }
    for name in names { if let child = path.appending(name) { try remove(child, store, depth: depth + 1) } }
    try store.removeDirectory(path)
  }

  // MARK: COPY, MOVE

  private struct Transfer {
    var path: FilePath
    var place: DAVPlace
    var isReplacing: Bool
    var isFolder: Bool
  }

  /// What COPY and MOVE have in common: where to, and whether that is possible.
  private func transfer(_ target: Target, moves: Bool) throws -> Transfer {
    guard let source = try Self.attributes(target.path, target.store) else { throw Refusal(.notFound) }
    guard let text = target.request.fields[.destination] else { throw Refusal(.badRequest) }
    let (path, _) = try destination(text, target)
    let overwrites: Bool
    switch target.request.fields[.overwrite]?.uppercased() {
    case nil, "T": overwrites = true
    case "F": overwrites = false
    default: throw Refusal(.badRequest)
    }
    let place = place(path, target.identity)
    guard !path.isRoot, path != target.path, !place.isBelow(target.place), !target.path.isRoot else {
      throw Refusal(.forbidden)
    }
    // What would be replaced must not hold what replaces it.
    guard !target.place.isBelow(place) else { throw Refusal(.forbidden) }
    try requireParent(path, target.store)
    let present = try Self.attributes(path, target.store)
    guard present == nil || overwrites else { throw Refusal(.preconditionFailed) }
    if moves { try permitChange(target, at: target.place, isTree: true, changesName: true) }
    try permitChange(target, at: place, isTree: true, changesName: present == nil)
    return Transfer(path: path, place: place, isReplacing: present != nil, isFolder: source.kind == .directory)
  }

  func copy(_ target: Target) throws -> HTTPReply {
    let depth = try depth(target, absent: .infinity)
    guard depth != .one else { throw Refusal(.badRequest) }
    let transfer = try transfer(target, moves: false)
    if transfer.isReplacing {
      try remove(transfer.path, target.store)
      properties.remove(transfer.place)
    }
    var count = 0
    try copy(target.path, to: transfer.path, target.store, isDeep: depth == .infinity, &count, level: 0)
    properties.copy(target.place, to: transfer.place)
    return HTTPReply(transfer.isReplacing ? .noContent : .created)
  }

  private func copy(
    _ path: FilePath, to other: FilePath, _ store: any FileStore, isDeep: Bool, _ count: inout Int, level: Int
  ) throws {
    count += 1
    guard count <= Self.maximumResources, level < 128 else { throw Refusal(.insufficientStorage) }
    let attributes = try store.attributes(of: path, followingLinks: true)
    guard attributes.kind == .directory else {
      let from = try store.open(path, .read, permissions: 0)
      let into = try store.open(other, [.write, .create, .exclusive], permissions: attributes.permissions)
      _ = try into.copy(from: from, at: 0, count: nil, to: 0)
      return
    }
    try store.makeDirectory(other, permissions: attributes.permissions)
    guard isDeep else { return }
    for entry in try Self.entries(path, store) {
      guard let child = path.appending(entry.name), let copied = other.appending(entry.name) else { continue }
      try copy(child, to: copied, store, isDeep: true, &count, level: level + 1)
    }
  }

  func move(_ target: Target) throws -> HTTPReply {
    guard try depth(target, absent: .infinity) == .infinity else { throw Refusal(.badRequest) }
    let transfer = try transfer(target, moves: true)
    if transfer.isReplacing {
      try remove(transfer.path, target.store)
      properties.remove(transfer.place)
      locks.forget(transfer.place)
    }
    do {
      try target.store.rename(target.path, to: transfer.path, replacing: false)
    } catch FileError.crossesDevices {
      var count = 0
      try copy(target.path, to: transfer.path, target.store, isDeep: true, &count, level: 0)
      try remove(target.path, target.store)
    }
    properties.copy(target.place, to: transfer.place)
    properties.remove(target.place)
    // Locks stay where they were taken (RFC 4918 §9.9), and there is nothing any more.
    locks.forget(target.place)
    return HTTPReply(transfer.isReplacing ? .noContent : .created)
  }
}

import HTTPCore
import Services

extension FilesSite {
  // MARK: LOCK

  func lock(_ target: Target, _ content: [UInt8]) throws -> HTTPReply {
    let seconds = min(
      target.request.fields[.timeout].flatMap(LockTimeout.seconds) ?? 600, LockTable.longest)
    guard !content.isEmpty else { return try refresh(target, max(seconds, 1)) }
    guard let request = LockRequest(content) else { throw Refusal(.badRequest) }
    let depth = try depth(target, absent: .infinity)
    guard depth != .one else { throw Refusal(.badRequest) }
    let present = try Self.attributes(target.path, target.store)
    if present == nil {
      guard try Self.attributes(target.path.parent, target.store)?.kind == .directory, !target.isFolder else {
        throw Refusal(.conflict)
      }
      try permitChange(target, at: target.place, changesName: true)
    } else {
      try ifHeader(target)
      // A lock is for those who may write.
      try target.store.setAttributes(FileAttributeChanges(), of: target.path, followingLinks: true)
    }
    guard
      let lock = locks.take(
        target.place, isInfinite: depth == .infinity, request, account: target.identity.name, seconds: max(seconds, 1))
    else { throw Refusal(.locked, XMLElement(.dav("no-conflicting-lock"))) }
    if present == nil {
      do {
        _ = try target.store.open(target.path, [.write, .create, .exclusive], permissions: 0o644)
      } catch {
        _ = locks.release(lock.token, at: target.place, account: target.identity.name)
        throw error
      }
    }
    var reply = lockReply(lock, target, present == nil ? .created : .ok)
    reply.fields.append(.lockToken, "<\(lock.token)>")
    return reply
  }

  /// Without content, a lock's time begins anew (§9.10.2).
  private func refresh(_ target: Target, _ seconds: Int) throws -> HTTPReply {
    guard let header = try ifHeader(target) else { throw Refusal(.badRequest) }
    for token in header.tokens.sorted() {
      if let lock = locks.refresh(token, at: target.place, account: target.identity.name, seconds: seconds) {
        return lockReply(lock, target, .ok)
      }
    }
    throw Refusal(.preconditionFailed)
  }

  private func lockReply(_ lock: DAVLock, _ target: Target, _ status: Status) -> HTTPReply {
    let discovery = XMLElement(.dav("lockdiscovery"), [.element(activeLock(lock, target))])
    return Self.document(status, XMLElement(.dav("prop"), [.element(discovery)]))
  }

  func activeLock(_ lock: DAVLock, _ target: Target) -> XMLElement {
    func holding(_ name: String, _ inner: XMLElement) -> XMLElement.Node {
      .element(XMLElement(.dav(name), [.element(inner)]))
    }
    var nodes: [XMLElement.Node] = [
      holding("locktype", XMLElement(.dav("write"))),
      holding("lockscope", XMLElement(.dav(lock.isExclusive ? "exclusive" : "shared"))),
      .element(XMLElement(.dav("depth"), text: lock.isInfinite ? "infinity" : "0")),
    ]
    if let owner = lock.owner { nodes.append(.element(owner)) }
    nodes.append(.element(XMLElement(.dav("timeout"), text: "Second-\(lock.seconds)")))
    // Only who took it may see by what it is used.
    if lock.account == target.identity.name {
      nodes.append(holding("locktoken", XMLElement(.dav("href"), text: lock.token)))
    }
    let root = Self.url(lock.place.path, isFolder: false, target.request.base)
    nodes.append(holding("lockroot", XMLElement(.dav("href"), text: root)))
    return XMLElement(.dav("activelock"), nodes)
  }

  // MARK: UNLOCK

  func unlock(_ target: Target) throws -> HTTPReply {
    guard let value = target.request.fields[.lockToken], value.hasPrefix("<"), value.hasSuffix(">") else {
      throw Refusal(.badRequest)
    }
    let token = String(value.dropFirst().dropLast())
    guard locks.release(token, at: target.place, account: target.identity.name) else {
      throw Refusal(.conflict, XMLElement(.dav("lock-token-matches-request-uri")))
    }
    return HTTPReply(.noContent)
  }
}

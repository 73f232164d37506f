import HTTPCore
import Services

extension FilesSite {
  /// Properties that the server itself knows (RFC 4918 §15), and that no client sets.
  static let live: Set<XMLName> = [
    .dav("creationdate"), .dav("getcontentlength"), .dav("getcontenttype"), .dav("getetag"), .dav("getlastmodified"),
    .dav("lockdiscovery"), .dav("resourcetype"), .dav("supportedlock"), .dav("quota-available-bytes"),
    .dav("quota-used-bytes"),
  ]

  // MARK: PROPFIND

  func propfind(_ target: Target, _ content: [UInt8]) throws -> HTTPReply {
    guard let wanted = PropertyRequest(content) else { throw Refusal(.badRequest) }
    let depth = try depth(target, absent: .infinity)
    guard depth != .infinity else {
      // What grows without bound is not told at once (§9.1).
      throw Refusal(.forbidden, XMLElement(.dav("propfind-finite-depth")))
    }
    try ifHeader(target)
    guard let attributes = try Self.attributes(target.path, target.store),
      attributes.kind == .directory || !target.isFolder
    else { throw Refusal(.notFound) }
    var responses = [response(target.path, attributes, wanted, target)]
    if depth == .one, attributes.kind == .directory {
      for entry in try Self.entries(target.path, target.store) {
        guard let path = target.path.appending(entry.name) else { continue }
        responses.append(response(path, entry.attributes, wanted, target))
      }
    }
    return Self.document(.multiStatus, XMLElement(.dav("multistatus"), responses.map { .element($0) }))
  }

  private func response(
    _ path: FilePath, _ attributes: FileAttributes, _ wanted: PropertyRequest, _ target: Target
  ) -> XMLElement {
    let place = place(path, target.identity)
    let own = properties.properties(of: place)
    var found: [XMLElement] = []
    var missing: [XMLElement] = []
    switch wanted {
    case .names:
      let names = Self.live.filter { value($0, path, attributes, place, target) != nil }.union(own.keys)
      found = names.sorted().map { XMLElement($0) }
    case .all(let including):
      let hidden: Set<XMLName> = [.dav("quota-available-bytes"), .dav("quota-used-bytes")]
      let names = Self.live.subtracting(hidden).union(including).sorted()
      found = names.compactMap { value($0, path, attributes, place, target) }
      found += own.values.sorted { $0.name < $1.name }
    case .some(let names):
      for name in names {
        if let element = own[name] ?? value(name, path, attributes, place, target) {
          found.append(element)
        } else {
          missing.append(XMLElement(name))
        }
      }
    }
    let href = Self.url(path, isFolder: attributes.kind == .directory, target.request.base)
    var nodes: [XMLElement] = [XMLElement(.dav("href"), text: href)]
    if !found.isEmpty || missing.isEmpty { nodes.append(Self.propstat(found, .ok)) }
    if !missing.isEmpty { nodes.append(Self.propstat(missing, .notFound)) }
    return XMLElement(.dav("response"), nodes.map { .element($0) })
  }

  static func propstat(_ elements: [XMLElement], _ status: Status) -> XMLElement {
    XMLElement(
      .dav("propstat"),
      [
        .element(XMLElement(.dav("prop"), elements.map { .element($0) })),
        .element(XMLElement(.dav("status"), text: "HTTP/1.1 \(status.code) \(status.reason)")),
      ])
  }

  /// The value of a live property; `nil` where the resource has none.
  private func value(
    _ name: XMLName, _ path: FilePath, _ attributes: FileAttributes, _ place: DAVPlace, _ target: Target
  ) -> XMLElement? {
    guard name.space == "DAV:" else { return nil }
    let isFolder = attributes.kind == .directory
    switch name.local {
    case "resourcetype": return XMLElement(name, isFolder ? [.element(XMLElement(.dav("collection")))] : [])
    case "getlastmodified":
      return XMLElement(
        name, text: String(decoding: HTTPDate(seconds: attributes.modified.seconds).octets, as: UTF8.self))
    case "getcontentlength": return isFolder ? nil : XMLElement(name, text: "\(attributes.size)")
    case "getetag": return isFolder ? nil : XMLElement(name, text: Self.tag(attributes).description)
    case "getcontenttype":
      if isFolder { return nil }
      return XMLElement(name, text: "\(MediaType.forFile(named: String(decoding: path.name ?? [], as: UTF8.self)))")
    case "supportedlock":
      return XMLElement(
        name,
        ["exclusive", "shared"].map { scope in
          .element(
            XMLElement(
              .dav("lockentry"),
              [
                .element(XMLElement(.dav("lockscope"), [.element(XMLElement(.dav(scope)))])),
                .element(XMLElement(.dav("locktype"), [.element(XMLElement(.dav("write")))])),
              ]))
        })
    case "lockdiscovery":
      return XMLElement(name, locks.locks(at: place).map { .element(activeLock($0, target)) })
    case "quota-available-bytes":
      guard isFolder, let space = try? target.store.space(at: path) else { return nil }
      return XMLElement(
        name, text: "\(space.availableBlocks.multipliedReportingOverflow(by: space.fragmentSize).partialValue)")
    case "quota-used-bytes":
      guard isFolder, let space = try? target.store.space(at: path), space.blocks >= space.freeBlocks else {
        return nil
      }
      let used = (space.blocks - space.freeBlocks).multipliedReportingOverflow(by: space.fragmentSize).partialValue
      return XMLElement(name, text: "\(used)")
    default: return nil
    }
  }

  // MARK: PROPPATCH

  /// All or nothing (§9.2).
  func proppatch(_ target: Target, _ content: [UInt8]) throws -> HTTPReply {
    guard let update = PropertyChanges(content) else { throw Refusal(.badRequest) }
    guard let attributes = try Self.attributes(target.path, target.store) else { throw Refusal(.notFound) }
    try permitChange(target, at: target.place, changesName: false)
    // Whoever may not change the file may not change what is said of it.
    try target.store.setAttributes(FileAttributeChanges(), of: target.path, followingLinks: true)
    let names = update.changes.map(\.name)
    let refused = names.filter(Self.live.contains)
    var parts: [XMLElement]
    if !refused.isEmpty {
      parts = [Self.propstat(refused.map { XMLElement($0) }, .forbidden)]
      let others = names.filter { !Self.live.contains($0) }
      if !others.isEmpty { parts.append(Self.propstat(others.map { XMLElement($0) }, .failedDependency)) }
    } else {
      let isDone = properties.change(target.place, update.changes)
      parts = [Self.propstat(names.map { XMLElement($0) }, isDone ? .ok : .insufficientStorage)]
    }
    let href = Self.url(target.path, isFolder: attributes.kind == .directory, target.request.base)
    let response = XMLElement(.dav("response"), ([XMLElement(.dav("href"), text: href)] + parts).map { .element($0) })
    return Self.document(.multiStatus, XMLElement(.dav("multistatus"), [.element(response)]))
  }
}

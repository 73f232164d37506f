import HTTPCore
import Services
import WireKit

extension FilesSite {
  /// Sees to it that the request's own conditions hold, and that it may change a place in spite of the locks there: the
  /// resource itself, and where its name comes or goes, the collection that it is in.
  ///
  /// - Parameter isTree: Whether everything below is changed as well.
  func permitChange(
    _ target: Target, at place: DAVPlace, isTree: Bool = false, changesName: Bool
  ) throws {
    let condition = try ifHeader(target)
    var met = isTree ? locks.locks(around: place) : locks.locks(at: place)
    if changesName {
      // A lock on the collection alone protects its list of names (RFC 4918 §7.4).
      met += locks.locks(at: place.parent).filter { lock in !met.contains { $0.token == lock.token } }
    }
    guard !met.isEmpty else { return }
    let shown = condition?.tokens ?? []
    // Of shared locks one is enough; each place needs one of its own.
    let byPlace = Dictionary(grouping: met, by: \.place)
    for (place, locks) in byPlace {
      guard locks.contains(where: { $0.account == target.identity.name && shown.contains($0.token) }) else {
        let href = XMLElement(
          .dav("href"), text: Self.url(place.path, isFolder: false, target.request.base))
        throw Refusal(.locked, XMLElement(.dav("lock-token-submitted"), [.element(href)]))
      }
    }
  }

  /// The request's `If`, evaluated (RFC 4918 §10.4): throws when no list of it is true.
  @discardableResult
  func ifHeader(_ target: Target) throws -> IfHeader? {
    guard target.request.fields.contains(.if) else { return nil }
    guard target.request.fields.count(of: .if) == 1,
      let header = target.request.fields[.if].flatMap({ IfHeader($0) })
    else { throw Refusal(.badRequest) }
    for list in header.lists {
      let place: DAVPlace
      if let resource = list.resource {
        // What lies on another server is true of nothing here.
        guard let path = try? destination(resource, target).path else { continue }
        place = self.place(path, target.identity)
      } else {
        place = target.place
      }
      let present = locks.locks(at: place)
      let tag = try Self.attributes(place.path, target.store).map { Self.tag($0).description }
      let isTrue = list.conditions.allSatisfy { condition in
        switch condition {
        case .token(let token, let isNegated): present.contains { $0.token == token } != isNegated
        case .tag(let wanted, let isNegated): (wanted == tag) != isNegated
        }
      }
      if isTrue { return header }
    }
    throw Refusal(.preconditionFailed)
  }

  /// The resource that a URL names, as `Destination` and `If` have it: of this very site, below the same base.
  func destination(_ text: String, _ target: Target) throws -> (path: FilePath, isFolder: Bool) {
    var path = text
    if let mark = text.firstRange(of: "://") {
      let rest = text[mark.upperBound...]
      let slash = rest.firstIndex(of: "/") ?? rest.endIndex
      let authority = rest[..<slash].lowercased()
      let host = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
      guard host == target.request.host else { throw Refusal(.badGateway) }
      path = String(rest[slash...])
    }
    path = String(path.prefix { $0 != "?" && $0 != "#" })
    guard path.utf8.starts(with: target.request.base.utf8) else { throw Refusal(.badGateway) }
    let inner = Array(path.utf8.dropFirst(target.request.base.utf8.count))
    guard let decoded = RequestPath(inner.span.bytes), let files = FilePath(decoded.octets),
      !files.names.contains(where: Self.isUpload)
    else { throw Refusal(.badRequest) }
    return (files, decoded.isDirectory)
  }

  func depth(_ target: Target, absent: Depth) throws -> Depth {
    guard let value = target.request.fields[.depth] else { return absent }
    guard let depth = Depth(value) else { throw Refusal(.badRequest) }
    return depth
  }
}

import IMAPCore
import MessageCore
import Services

/// A message that is looked into.
struct MessageDetail {
  let message: MailMessage
  let digest: MessageDigest?
  let store: any MailStore

  /// Most octets of a part that are looked into.
  private static let partLimit = 4 * 1024 * 1024

  private var header: HeaderBlock {
    guard let digest, let body = try? store.body(of: message) else { return HeaderBlock() }
    return HeaderBlock(MessageReader.bytes(body, digest.root.header))
  }

  /// Whether a field holds a text, decoded; an empty text asks for the field alone.
  func headerContains(_ name: String, _ value: [UInt8]) -> Bool {
    let fields = header.all(name)
    if value.isEmpty { return !fields.isEmpty }
    let wanted = Self.folded(value)
    return fields.contains { Self.contains($0.decoded, wanted) }
  }

  func bodyContains(_ value: [UInt8]) -> Bool {
    if value.isEmpty { return true }
    let wanted = Self.folded(value)
    var isFound = false
    forEachText { text in isFound = isFound || Self.contains(text, wanted) }
    return isFound
  }

  /// TEXT: header and body.
  func textContains(_ value: [UInt8]) -> Bool {
    if value.isEmpty { return true }
    let wanted = Self.folded(value)
    let isInHeader = header.fields.contains { Self.contains("\($0.name): \($0.decoded)", wanted) }
    return isInHeader || bodyContains(value)
  }

  private func forEachText(_ body: (String) -> Void) {
    guard let digest, let source = try? store.body(of: message) else { return }
    digest.root.forEachLeaf { part in
      guard part.isText || part.contentType.isType("message") else { return }
      let end = min(part.body.upperBound, part.body.lowerBound + Self.partLimit)
      body(MessageText.text(of: part, MessageReader.bytes(source, part.body.lowerBound..<end)))
    }
  }

  private static func folded(_ value: [UInt8]) -> [UInt8] {
    Array(String(decoding: value, as: UTF8.self).lowercased().utf8)
  }

  private static func contains(_ text: String, _ wanted: [UInt8]) -> Bool {
    Array(text.lowercased().utf8).firstRange(of: wanted) != nil
  }

  // MARK: Loosely

  /// How well a text that is asked for loosely matches, from 1 to 100; `nil` for not at all.
  func score(_ loose: LooseText) -> Int? {
    var texts: [(text: String, isHeader: Bool)] = []
    switch loose.place {
    case .field(let name): texts = header.all(name).map { ($0.decoded, true) }
    case .header: texts = header.fields.map { ("\($0.name): \($0.decoded)", true) }
    case .body: forEachText { texts.append(($0, false)) }
    case .text:
      texts = header.fields.map { ("\($0.name): \($0.decoded)", true) }
      forEachText { texts.append(($0, false)) }
    }
    return loose.score(texts)
  }
}

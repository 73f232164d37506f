/// CHARSET (RFC 2066): UTF-8, or what else the other side has.
enum Charset {
  static let request: UInt8 = 1
  static let accepted: UInt8 = 2
  static let rejected: UInt8 = 3
  private static let tableIs: UInt8 = 4
  private static let tableRejected: UInt8 = 5

  static var question: [UInt8] { [request] + Array(";UTF-8".utf8) }

  /// The answer to a request; `nil` to anything that is none. `isOursPending`: both asked at once, and the server's counts.
  static func answer(_ content: [UInt8], isOursPending: Bool) -> [UInt8]? {
    if content.first == tableIs { return [tableRejected] }
    guard content.first == request else { return nil }
    guard !isOursPending else { return [rejected] }
    var list = content.dropFirst()
    let marker = Array("[TTABLE]".utf8)
    if list.starts(with: marker) { list = list.dropFirst(marker.count + 1) }
    guard let separator = list.first else { return [rejected] }
    let names = list.dropFirst().split(separator: separator).map { String(decoding: $0, as: UTF8.self) }
    for wanted in ["UTF-8", "UTF8", "US-ASCII", "ASCII"] {
      if let name = names.first(where: { $0.uppercased() == wanted }) { return [accepted] + Array(name.utf8) }
    }
    return [rejected]
  }
}

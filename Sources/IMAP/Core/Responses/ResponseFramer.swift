/// Cuts what a server sends into responses: a line, with the literals that stand in it and the lines behind those (RFC 9051 §2.2.2).
///
/// For clients; a hostile server can make it hold no more than `limit` octets.
public struct ResponseFramer: Sendable {
  /// What can't be a server's response.
  public struct Malformed: Error, Hashable, Sendable {
    public let reason: StaticString
    public static func == (left: Malformed, right: Malformed) -> Bool {
      left.reason.description == right.reason.description
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(reason.description) }
  }

  public let limit: Int
  private var buffer: [UInt8] = []
  /// Octets at the front that are known to hold no end.
  private var scanned = 0
  /// Octets of a literal that are still to come, counted from `scanned`.
  private var literal = 0

  public init(limit: Int = 64 * 1024 * 1024) { self.limit = limit }

  public mutating func append(_ bytes: some Collection<UInt8>) throws(Malformed) {
    guard bytes.count <= limit - buffer.count else { throw Malformed(reason: "a response is too long") }
    buffer.append(contentsOf: bytes)
  }

  /// The next whole response without its last line's end; its literals are in place, behind their `{n}` and line end.
  public mutating func next() throws(Malformed) -> [UInt8]? {
    while true {
      guard literal <= buffer.count - scanned else { return nil }
      scanned += literal
      literal = 0
      guard let end = buffer[scanned...].firstIndex(of: 0x0A) else { return nil }
      let line = Array(buffer[scanned...end])
      scanned = end + 1
      if let header = LiteralHeader(endOf: line) {
        guard header.count <= limit else { throw Malformed(reason: "a literal is too long") }
        literal = header.count
        continue
      }
      let response = Array(buffer[..<(end > 0 && buffer[end - 1] == 0x0D ? end - 1 : end)])
      buffer.removeFirst(end + 1)
      scanned = 0
      return response
    }
  }
}

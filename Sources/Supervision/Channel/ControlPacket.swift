import WireKit

/// One message between supervisor and worker: a packet on a SOCK_SEQPACKET pair.
///
/// ```
/// kind (1 byte)  generation (4 bytes, network order)  body (up to 32 KiB)
/// ```
///
/// A generation is one hand-over of configuration and sockets, at the start (1) and at each reload:
///
/// ```
/// S: begin 1 {worker, heartbeat, confinement …}   S: bytes 1 …   S: socket 1 {name, place} + descriptors   S: commit 1
/// W: confined 1 "no_new_privs; …"   W: ready 1   W: heartbeat …
/// S: drain {milliseconds}   W: exits
/// ```
///
/// A worker may ask, and is answered in one part or several; the generation is the question's number then:
///
/// ```
/// W: ask 7 …   S: answerPart 7 …   S: answer 7 …
/// ```
struct ControlPacket: Hashable {
  enum Kind: UInt8 {
    // From the supervisor.
    case begin = 1
    case bytes = 2
    case socket = 3
    case commit = 4
    case drain = 5
    case answerPart = 6
    case answer = 7
    // From the worker.
    case confined = 16
    case ready = 17
    case heartbeat = 18
    /// The worker can't apply this generation and goes on with what it had.
    case refused = 19
    /// The worker can't go on; it exits.
    case failed = 20
    case ask = 21
  }

  /// The most that a body may have.
  static let bodyLimit = 32 << 10
  /// The most that a packet has.
  static let sizeLimit = bodyLimit + 5

  var kind: Kind
  var generation: UInt32
  var body: [UInt8]

  init(_ kind: Kind, _ generation: UInt32, _ body: [UInt8] = []) {
    self.kind = kind
    self.generation = generation
    self.body = body
  }

  /// A packet with a text, which is cut to 2,000 bytes.
  init(_ kind: Kind, _ generation: UInt32, text: String) {
    self.init(kind, generation, Array(text.utf8.prefix(2000)))
  }

  /// The body as text, at most 2,000 bytes of it, without control characters: it goes to logs and terminals.
  var text: String {
    let text = String(decoding: body.prefix(2000), as: UTF8.self)
    return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
  }

  var encoded: [UInt8] {
    var bytes: [UInt8] = [kind.rawValue]
    bytes.appendInteger(generation)
    return bytes + body
  }

  init(decoding bytes: RawSpan) throws(WireError) {
    var reader = WireReader(bytes)
    guard let kind = Kind(rawValue: try reader.readUInt8("kind")) else { throw WireError(.unsupported, "kind") }
    self.kind = kind
    generation = try reader.readUInt32("generation")
    body = try reader.readBytes(reader.remaining, "body")
  }
}

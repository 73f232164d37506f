import WireKit

/// Dynamic virtual channels (MS-RDPEDYC), version 1: opened by the server, inside the static channel `drdynvc`.
struct DynamicChannels: Sendable {
  /// What a client's message came to.
  enum Event: Sendable, Equatable {
    case nothing
    /// The client takes dynamic channels: now they can be opened.
    case ready
    case opened(Service)
    case refused(Service)
    case closed(Service)
    case message(Service, [UInt8])
  }

  /// The channels that this server opens; the raw value is the number.
  enum Service: UInt8, Sendable, CaseIterable {
    case graphics = 1
    case displayControl = 2

    var name: String {
      switch self {
      case .graphics: "Microsoft::Windows::RDS::Graphics"
      case .displayControl: "Microsoft::Windows::RDS::DisplayControl"
      }
    }

    /// Bytes of a client's message: acknowledgements, layouts of 16 monitors, lists of capabilities and cached bitmaps.
    var limit: Int { self == .graphics ? 128 * 1024 : 4096 }
  }

  private var assembled: [Service: (message: [UInt8], total: Int)] = [:]
  private var open: Set<Service> = []

  /// The server's first word: version 1, without priorities.
  static let capabilities: [UInt8] = [0x50, 0x00, 0x01, 0x00]

  static func openRequest(_ service: Service) -> [UInt8] {
    [0x10, service.rawValue] + Array(service.name.utf8) + [0]
  }

  /// Cuts a message into pieces that each fit into one chunk of the static channel.
  static func encode(_ message: [UInt8], for service: Service, _ each: ([UInt8]) -> Void) {
    guard message.count > StaticChannel.chunk - 2 else { return each([0x30, service.rawValue] + message) }
    var header: [UInt8] = [0x28, service.rawValue]
    header.appendLittleEndian(UInt32(clamping: message.count))
    var start = StaticChannel.chunk - header.count
    each(header + message[..<start])
    while start < message.count {
      let end = min(start + StaticChannel.chunk - 2, message.count)
      each([0x30, service.rawValue] + message[start..<end])
      start = end
    }
  }

  /// Takes a message of `drdynvc`.
  mutating func take(_ message: RawSpan) throws(WireError) -> Event {
    var reader = WireReader(message)
    let header = try reader.readUInt8("dynamic header")
    let command = header >> 4
    if command == 5 { return .ready }
    let number = try Self.readNumber(&reader, header & 3)
    guard let number = UInt8(exactly: number), let service = Service(rawValue: number) else { return .nothing }
    switch command {
    case 1:
      let status: UInt32 = try reader.readLittleEndian("creation status")
      guard status & 0x8000_0000 == 0 else { return .refused(service) }
      open.insert(service)
      return .opened(service)
    case 2:
      let total = try Int(Self.readNumber(&reader, header >> 2 & 3))
      guard open.contains(service) else { return .nothing }
      guard total <= service.limit else { throw WireError(.tooLong, "dynamic message") }
      assembled[service] = ([], total)
      return try append(&reader, service)
    case 3:
      guard open.contains(service) else { return .nothing }
      if assembled[service] != nil { return try append(&reader, service) }
      return .message(service, try reader.readBytes(reader.remaining, "dynamic data"))
    case 4:
      assembled[service] = nil
      return open.remove(service) == nil ? .nothing : .closed(service)
    default: throw WireError(.unsupported, "dynamic command")
    }
  }

  private mutating func append(_ reader: inout WireReader, _ service: Service) throws(WireError) -> Event {
    guard var entry = assembled[service] else { return .nothing }
    guard reader.remaining <= entry.total - entry.message.count else { throw WireError(.outOfBounds, "dynamic data") }
    entry.message += try reader.readBytes(reader.remaining, "dynamic data")
    guard entry.message.count == entry.total else {
      assembled[service] = entry
      return .nothing
    }
    assembled[service] = nil
    return .message(service, entry.message)
  }

  /// A number of 1, 2 or 4 bytes.
  private static func readNumber(_ reader: inout WireReader, _ size: UInt8) throws(WireError) -> UInt32 {
    switch size {
    case 0: return UInt32(try reader.readUInt8("dynamic number"))
    case 1: return UInt32(try reader.readLittleEndian("dynamic number", as: UInt16.self))
    case 2: return try reader.readLittleEndian("dynamic number")
    default: throw WireError(.malformed, "dynamic number")
    }
  }
}

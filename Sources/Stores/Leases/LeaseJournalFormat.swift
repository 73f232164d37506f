import Services
import WireKit

/// The form of the file that leases are kept in: groups, each whole or not there at all.
///
///     "PSLEASE1" | group | group | … | zeros
///     group: "LGRP" | length of the entries | number of the group | checksum over number and entries | entries
///
/// A group is written in one piece and synchronised before the next begins. So only the last one can be cut by a loss of power, and
/// nobody has been told of what it holds.
enum LeaseJournalFormat {
  static let header = Array("PSLEASE1".utf8)
  static let groupMark: UInt32 = 0x4C47_5250
  static let groupHeaderLength = 24
  /// Far more than any group of ours has: a length above it is damage.
  static let maximumGroupLength = 64 << 20

  enum Entry: Hashable {
    case record(LeaseRecord)
    case removal(subnet: IPNetwork, address: IPAddress)
  }

  static func group(_ entries: [UInt8], number: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(groupHeaderLength + entries.count)
    bytes.appendInteger(groupMark)
    bytes.appendInteger(UInt32(clamping: entries.count))
    bytes.appendInteger(number)
    bytes.appendInteger(checksum(entries[...], number))
    bytes.append(contentsOf: entries)
    return bytes
  }

  static func append(_ entry: Entry, to bytes: inout [UInt8]) {
    switch entry {
    case .record(let record):
      bytes.append(1)
      append(record.subnet, record.address, to: &bytes)
      append(record.client, to: &bytes)
      bytes.append(UInt8(clamping: record.state.rawValue))
      bytes.appendInteger(record.starts.seconds)
      bytes.appendInteger(record.expires.seconds)
      bytes.append(record.hardwareType)
      append(record.hardwareAddress, to: &bytes)
      bytes.append(record.hostName == nil ? 0 : 1)
      append(record.hostName ?? "", to: &bytes)
      append(record.place, to: &bytes)
    case .removal(let subnet, let address):
      bytes.append(2)
      append(subnet, address, to: &bytes)
    }
  }

  private static func append(_ subnet: IPNetwork, _ address: IPAddress, to bytes: inout [UInt8]) {
    bytes.append(address.family.rawValue)
    bytes.append(UInt8(clamping: subnet.prefixLength))
    append(subnet.address, to: &bytes)
    append(address, to: &bytes)
  }

  private static func append(_ address: IPAddress, to bytes: inout [UInt8]) {
    if let number = address.v4Number { bytes.appendInteger(number) } else { bytes.appendInteger(address.bits) }
  }

  private static func append(_ field: [UInt8], to bytes: inout [UInt8]) {
    bytes.appendInteger(UInt16(clamping: field.count))
    bytes.append(contentsOf: field.prefix(Int(UInt16.max)))
  }

  private static func append(_ text: String, to bytes: inout [UInt8]) { append(Array(text.utf8), to: &bytes) }

  /// FNV-1a of 64 bits.
  static func checksum(_ entries: ArraySlice<UInt8>, _ number: UInt64) -> UInt64 {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325 ^ number
    entries.withUnsafeBufferPointer { bytes in
      for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
    return value
  }

  /// What a file holds.
  struct Content {
    var leases = LeaseSet()
    /// Groups so far.
    var number: UInt64 = 0
    /// Where the next group goes.
    var end = LeaseJournalFormat.header.count
  }

  /// Reads a file as far as its groups are whole. What follows must be one group that was cut, or nothing: a whole group behind it
  /// means that the middle is damaged, and `.corrupt` is thrown.
  static func read(_ bytes: [UInt8]) throws(StoreError) -> Content {
    var content = Content()
    if bytes.isEmpty { return content }
    guard bytes.count >= header.count, bytes.starts(with: header) else {
      // A file that was cut while it was made has no lease yet.
      if bytes.allSatisfy({ $0 == 0 }) || header.starts(with: bytes) { return content }
      throw StoreError(.corrupt, "this is no file of leases, or one of a later version")
    }
    while let (entries, number) = group(in: bytes, at: content.end) {
      guard number == content.number + 1 || content.number == 0 else {
        throw StoreError(.corrupt, "groups of leases are missing")
      }
      content.number = number
      content.end += groupHeaderLength + entries.count
      try apply(entries, to: &content.leases)
    }
    if hasBytes(bytes, from: content.end) { try expectNoGroup(in: bytes, after: content) }
    return content
  }

  /// Whether anything but zeros follows.
  static func hasBytes(_ bytes: [UInt8], from start: Int) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var position = min(start, buffer.count)
      while position + 8 <= buffer.count {
        if buffer.loadUnaligned(fromByteOffset: position, as: UInt64.self) != 0 { return true }
        position += 8
      }
      return buffer[position...].contains { $0 != 0 }
    }
  }

  private static func expectNoGroup(in bytes: [UInt8], after content: Content) throws(StoreError) {
    let mark: [UInt8] = [0x4C, 0x47, 0x52, 0x50]
    var position = content.end + 1
    while position + groupHeaderLength <= bytes.count {
      if bytes[position] == mark[0], bytes[position..<position + 4].elementsEqual(mark),
        let (_, number) = group(in: bytes, at: position), number > content.number
      {
        throw StoreError(.corrupt, "the file of leases is damaged at \(content.end)")
      }
      position += 1
    }
  }

  static func group(in bytes: [UInt8], at start: Int) -> (entries: ArraySlice<UInt8>, number: UInt64)? {
    guard start + groupHeaderLength <= bytes.count, integer(bytes, start, UInt32.self) == groupMark else { return nil }
    let length = Int(integer(bytes, start + 4, UInt32.self))
    guard length <= maximumGroupLength, start + groupHeaderLength + length <= bytes.count else { return nil }
    let number = integer(bytes, start + 8, UInt64.self)
    let entries = bytes[start + groupHeaderLength..<start + groupHeaderLength + length]
    return checksum(entries, number) == integer(bytes, start + 16, UInt64.self) ? (entries, number) : nil
  }

  private static func integer<Value: FixedWidthInteger>(_ bytes: [UInt8], _ start: Int, _ type: Value.Type) -> Value {
    bytes[start..<start + Value.bitWidth / 8].reduce(0) { $0 << 8 | Value($1) }
  }

  private static func apply(_ entries: ArraySlice<UInt8>, to leases: inout LeaseSet) throws(StoreError) {
    for entry in try read(entries: Array(entries)) {
      switch entry {
      case .record(let record): leases.enter(record)
      case .removal(let subnet, let address): leases.remove(subnet: subnet, address: address)
      }
    }
  }

  /// The entries of a group that is whole.
  static func read(entries: [UInt8]) throws(StoreError) -> [Entry] {
    var reader = WireReader(entries.span.bytes)
    var found: [Entry] = []
    do throws(WireError) {
      while !reader.isAtEnd {
        let kind = try reader.readUInt8("kind")
        let family = try reader.readUInt8("family")
        let length = Int(try reader.readUInt8("prefix length"))
        let base = try address(&reader, family)
        let address = try address(&reader, family)
        guard let subnet = IPNetwork(containing: base, prefixLength: length) else {
          throw WireError(.malformed, "subnet")
        }
        switch kind {
        case 1: found.append(.record(try record(&reader, subnet, address)))
        case 2: found.append(.removal(subnet: subnet, address: address))
        default: throw WireError(.unsupported, "kind")
        }
      }
    } catch { throw StoreError(.corrupt, "a lease makes no sense: \(error)") }
    return found
  }

  private static func address(_ reader: inout WireReader, _ family: UInt8) throws(WireError) -> IPAddress {
    family == IPAddress.Family.v4.rawValue
      ? IPAddress(v4: try reader.readUInt32("address"))
      : IPAddress(v6: try reader.readInteger("address", as: UInt128.self))
  }

  private static func record(
    _ reader: inout WireReader, _ subnet: IPNetwork, _ address: IPAddress
  ) throws(WireError) -> LeaseRecord {
    let client = try field(&reader)
    guard let state = LeaseRecord.State(rawValue: Int(try reader.readUInt8("state"))) else {
      throw WireError(.malformed, "state")
    }
    let starts = WallTime(seconds: try reader.readInteger("start", as: Int64.self))
    let expires = WallTime(seconds: try reader.readInteger("end", as: Int64.self))
    let type = try reader.readUInt8("hardware type")
    let hardware = try field(&reader)
    let hasName = try reader.readUInt8("name") == 1
    let name = try field(&reader)
    return LeaseRecord(
      subnet: subnet, address: address, client: client, state: state, starts: starts, expires: expires,
      hardwareType: type, hardwareAddress: hardware, hostName: hasName ? String(decoding: name, as: UTF8.self) : nil,
      place: try field(&reader))
  }

  private static func field(_ reader: inout WireReader) throws(WireError) -> [UInt8] {
    try reader.readBytes(Int(try reader.readUInt16("length")), "field")
  }
}

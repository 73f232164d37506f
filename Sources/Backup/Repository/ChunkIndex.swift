import WireKit

/// Which chunk is where: the name of a pack, and a place in it.
package struct ChunkIndex: Sendable {
  package struct Place: Sendable {
    /// Into `packs`.
    var pack: UInt32
    var offset: UInt32
    /// Bytes in the pack.
    var stored: UInt32
    /// Bytes of its content.
    var size: UInt32
  }

  package private(set) var packs: [String] = []
  package private(set) var places: [ChunkID: Place] = [:]
  private var numbers: [String: UInt32] = [:]

  func pack(of place: Place) -> String { packs[Int(place.pack)] }

  mutating func add(_ id: ChunkID, pack: String, offset: Int, stored: Int, size: Int) {
    let number: UInt32
    if let known = numbers[pack] {
      number = known
    } else {
      number = UInt32(truncatingIfNeeded: packs.count)
      packs.append(pack)
      numbers[pack] = number
    }
    places[id] = Place(
      pack: number, offset: UInt32(truncatingIfNeeded: offset), stored: UInt32(truncatingIfNeeded: stored),
      size: UInt32(truncatingIfNeeded: size))
  }

  mutating func merge(_ other: ChunkIndex) {
    for (id, place) in other.places {
      add(id, pack: other.pack(of: place), offset: Int(place.offset), stored: Int(place.stored), size: Int(place.size))
    }
  }

  var isEmpty: Bool { places.isEmpty }

  // MARK: Its file: `PSI1`, the packs' names (a byte of length before each), then 48 bytes a chunk

  private static let mark: UInt32 = 0x5053_4931

  package var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(16 + packs.count * 40 + places.count * 48)
    bytes.appendInteger(Self.mark)
    bytes.appendInteger(UInt32(truncatingIfNeeded: packs.count))
    for pack in packs {
      bytes.append(UInt8(truncatingIfNeeded: pack.utf8.count))
      bytes += Array(pack.utf8)
    }
    bytes.appendInteger(UInt32(truncatingIfNeeded: places.count))
    for (id, place) in places {
      bytes += id.bytes
      for number in [place.pack, place.offset, place.stored, place.size] { bytes.appendInteger(number) }
    }
    return bytes
  }

  init() {}

  package init(decoding bytes: [UInt8]) throws(BackupError) {
    do throws(WireError) {
      let span = bytes.span.bytes
      var reader = WireReader(span)
      guard try reader.readUInt32("mark") == Self.mark else { throw WireError(.malformed, "mark") }
      let count = try reader.readUInt32("packs")
      var names: [String] = []
      for _ in 0..<count {
        let length = try reader.readUInt8("length")
        names.append(String(decoding: try reader.readBytes(Int(length), "name"), as: UTF8.self))
      }
      guard names.allSatisfy(Repository.isPackName) else { throw WireError(.malformed, "a pack's name") }
      for _ in 0..<(try reader.readUInt32("chunks")) {
        let id = ChunkID(try reader.readBytes(ChunkID.length, "id"))
        let pack = try reader.readUInt32("pack")
        let (offset, stored) = (try reader.readUInt32("offset"), try reader.readUInt32("stored"))
        let size = try reader.readUInt32("size")
        guard pack < count, size <= Repository.chunkSize, stored <= 2 * Repository.chunkSize else {
          throw WireError(.outOfBounds, "a chunk's place")
        }
        add(id, pack: names[Int(pack)], offset: Int(offset), stored: Int(stored), size: Int(size))
      }
    } catch {
      throw BackupError("an index of the repository can't be read: \(error)")
    }
  }
}

import Foundation
import Services

/// Where backups are kept: chunks of content, each once, in packs; indexes that say where each chunk is; and snapshots.
///
/// ```
/// format                what it is, and the sealed key of an encrypted one
/// packs/NAME            chunks one behind the other, about 16 MiB
/// indexes/NAME          which chunk is where; written when its packs are durable
/// snapshots/NAME        written last
/// ```
/// A file is never changed, only made and removed. What a crash left (packs that no index knows of) is removed by the next backup.
public final class Repository {
  /// Bytes of a file's chunk at most. Chunks begin at multiples of it, so that what grows or changes in place shares the rest.
  static let chunkSize = 1024 * 1024
  static let packSize = 16 * 1024 * 1024

  private struct Format: Codable {
    var format = "portside-backup"
    var version = 1
    var id: String
    var key: SealedKey?
  }

  let place: any BackupPlace
  let sealing: Sealing
  public let isEncrypted: Bool
  private(set) var index = ChunkIndex()
  /// Of a pack while it is filled.
  private var pack: [UInt8] = []
  private var waiting: [(id: ChunkID, offset: Int, stored: Int, size: Int)] = []
  private var waitingIDs: Set<ChunkID> = []
  /// What this run has added, not yet in an index file.
  private var fresh = ChunkIndex()
  /// Bytes that this run has added.
  private(set) var added: Int64 = 0

  private init(_ place: any BackupPlace, _ format: Format, _ passPhrase: Secret?) throws(BackupError) {
    self.place = place
    isEncrypted = format.key != nil
    switch (format.key, passPhrase) {
    case (nil, nil): sealing = Sealing(key: nil)
    case (nil, _): throw BackupError("the repository is not encrypted, but a pass phrase was given")
    case (_, nil): throw BackupError("the repository is encrypted: it needs its pass phrase (--key)")
    case (let kept?, let passPhrase?): sealing = Sealing(key: try kept.open(passPhrase: passPhrase))
    }
  }

  /// Opens a repository that is there.
  public static func open(_ place: any BackupPlace, passPhrase: Secret?) throws(BackupError) -> Repository {
    guard let bytes = try place.read("format") else { throw BackupError("there is no repository of backups") }
    guard let format = try? JSONDecoder().decode(Format.self, from: Data(bytes)), format.format == Format(id: "").format
    else { throw BackupError("this is no repository of backups") }
    guard format.version == 1 else { throw BackupError("the repository was written by a later version of Portside") }
    return try Repository(place, format, passPhrase)
  }

  /// Opens a repository, or makes one, encrypted when there is a pass phrase.
  public static func openOrMake(_ place: any BackupPlace, passPhrase: Secret?) throws(BackupError) -> Repository {
    if try place.read("format") != nil { return try open(place, passPhrase: passPhrase) }
    guard try place.names(in: "").isEmpty else {
      throw BackupError(
        "the folder holds other things: a new repository needs an empty one, or one that does not exist")
    }
    var format = Format(id: randomName())
    if let passPhrase { format.key = try SealedKey.make(passPhrase: passPhrase).kept }
    guard let bytes = try? JSONEncoder().encode(format) else { throw BackupError("the format can't be written") }
    try place.write("format", [UInt8](bytes))
    return try Repository(place, format, passPhrase)
  }

  static func randomName() -> String { Hexadecimal.text((0..<16).map { _ in UInt8.random(in: 0...255) }) }

  static func isPackName(_ name: String) -> Bool { name.utf8.count == 32 && Hexadecimal.bytes(name) != nil }

  // MARK: Chunks

  /// Reads the indexes; needed before chunks are looked for.
  func loadIndex() throws(BackupError) {
    index = ChunkIndex()
    for name in try place.names(in: "indexes") {
      guard let sealed = try place.read("indexes/\(name)") else { continue }
      index.merge(try ChunkIndex(decoding: try opened(sealed, "index \(name)")))
    }
  }

  /// Whether the content is there, or on its way in this run.
  func holds(_ id: ChunkID) -> Bool { index.places[id] != nil || waitingIDs.contains(id) }

  /// Adds sealed content that the repository does not hold.
  func add(_ id: ChunkID, sealed: [UInt8], size: Int) throws(BackupError) {
    guard !holds(id) else { return }
    if !pack.isEmpty, pack.count + sealed.count > Self.packSize { try writePack() }
    waiting.append((id, pack.count, sealed.count, size))
    waitingIDs.insert(id)
    pack += sealed
  }

  func purpose(_ id: ChunkID) -> String { "chunk \(id)" }

  private func writePack() throws(BackupError) {
    guard !pack.isEmpty else { return }
    let name = Self.randomName()
    try place.write("packs/\(name)", pack)
    for chunk in waiting {
      fresh.add(chunk.id, pack: name, offset: chunk.offset, stored: chunk.stored, size: chunk.size)
      index.add(chunk.id, pack: name, offset: chunk.offset, stored: chunk.stored, size: chunk.size)
    }
    added += Int64(pack.count)
    pack.removeAll(keepingCapacity: true)
    waiting.removeAll()
    waitingIDs.removeAll()
  }

  /// Writes what is still in memory: the last pack, and the index of all that came in this run.
  func flush() throws(BackupError) {
    try writePack()
    guard !fresh.isEmpty else { return }
    try write(index: fresh)
    fresh = ChunkIndex()
  }

  private func write(index: ChunkIndex) throws(BackupError) {
    let name = Self.randomName()
    let sealed = try sealing.seal(index.encoded, purpose: "index \(name)")
    try place.write("indexes/\(name)", sealed)
    added += Int64(sealed.count)
  }

  /// A chunk's content, checked against its name.
  func chunk(_ id: ChunkID) throws(BackupError) -> [UInt8] {
    guard let found = index.places[id] else { throw BackupError("chunk \(id) is missing") }
    let pack = index.pack(of: found)
    let sealed = try place.read("packs/\(pack)", at: Int(found.offset), count: Int(found.stored))
    let content = try opened(sealed, purpose(id))
    guard sealing.name(content) == id else { throw BackupError("chunk \(id) in pack \(pack) was changed") }
    return content
  }

  private func opened(_ sealed: [UInt8], _ what: String) throws(BackupError) -> [UInt8] {
    do { return try sealing.open(sealed, purpose: what) } catch {
      throw BackupError("\(what): \(error)")
    }
  }

  /// Removes packs that no index knows of: they belong to a backup that was broken off.
  func removeLeftovers() throws(BackupError) {
    let known = Set(index.packs)
    for name in try place.names(in: "packs") where !known.contains(name) { try place.remove("packs/\(name)") }
  }

  // MARK: Snapshots

  /// All of them, the oldest first.
  public func snapshots() throws(BackupError) -> [Snapshot] {
    var snapshots: [Snapshot] = []
    for name in try place.names(in: "snapshots") {
      guard let sealed = try place.read("snapshots/\(name)") else { continue }
      let bytes = try opened(sealed, "snapshot \(name)")
      guard let snapshot = try? JSONDecoder().decode(Snapshot.self, from: Data(bytes)), snapshot.id == name else {
        throw BackupError("snapshot \(name) can't be read")
      }
      snapshots.append(snapshot)
    }
    return snapshots.sorted { ($0.milliseconds, $0.id) < ($1.milliseconds, $1.id) }
  }

  /// The snapshot of this name, or the newest for `latest`.
  public func snapshot(_ name: String) throws(BackupError) -> Snapshot {
    let all = try snapshots()
    guard let found = name == "latest" ? all.last : all.first(where: { $0.id == name }) else {
      throw BackupError(
        all.isEmpty ? "the repository has no backups" : "there is no backup '\(name)' (see `backup list`)")
    }
    return found
  }

  func write(_ snapshot: Snapshot) throws(BackupError) {
    guard let bytes = try? JSONEncoder().encode(snapshot) else { throw BackupError("the snapshot can't be written") }
    try place.write(
      "snapshots/\(snapshot.id)", try sealing.seal([UInt8](bytes), purpose: "snapshot \(snapshot.id)"))
  }

  /// The files of a snapshot.
  func entries(of snapshot: Snapshot) throws(BackupError) -> [SnapshotEntry] {
    var bytes: [UInt8] = []
    for id in snapshot.tree { bytes += try chunk(id) }
    guard let entries = try? JSONDecoder().decode([SnapshotEntry].self, from: Data(bytes)) else {
      throw BackupError("the list of files of \(snapshot.id) can't be read")
    }
    return entries
  }

  /// Replaces all indexes by one.
  func replaceIndexes(by new: ChunkIndex) throws(BackupError) {
    let old = try place.names(in: "indexes")
    if !new.isEmpty { try write(index: new) }
    for name in old { try place.remove("indexes/\(name)") }
    index = new
  }
}

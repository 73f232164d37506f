import Dispatch
import Foundation
import Glibc
import Services
import Synchronization

/// Takes a backup: the state of the databases, then the files, each piece of content once.
public struct BackupWriter {
  public struct Report: Sendable {
    public var snapshot: Snapshot
    public var findings: [BackupFinding]
    /// Files that were read, because they were new or changed.
    public var filesRead: Int
  }

  private let repository: Repository
  private let source: BackupSource
  private let staging: String
  private var findings: [BackupFinding] = []
  private var filesRead = 0
  private var known: [[UInt8]: SnapshotEntry] = [:]
  /// When the last backup began, in seconds since 1970.
  private var knownSince: Int64 = .min

  /// - Parameter staging: A folder with room for the largest database.
  public init(_ source: BackupSource, to repository: Repository, staging: String) {
    self.source = source
    self.repository = repository
    self.staging = staging
  }

  /// Takes it. Whoever owns the databases opens them: `asOwner` is called around that.
  ///
  /// - Parameters:
  ///   - besides: Folders below the sources that are not taken.
  ///   - progress: Is told the bytes that were looked at, of how many.
  public mutating func run(
    label: String?, version: String, now: WallTime, besides: [String] = [],
    asOwner: (() throws(BackupError) -> Void) throws(BackupError) -> Void = { body throws(BackupError) in try body() },
    progress: (Int64, Int64) -> Void = { _, _ in }
  ) throws(BackupError) -> Report {
    let lock = try repository.place.lock()
    let hold = try hold()
    defer { withExtendedLifetime((lock, hold)) {} }
    try repository.loadIndex()
    try repository.removeLeftovers()
    try rememberLast()

    var states: DatabaseStates?
    try asOwner { () throws(BackupError) in states = DatabaseStates(source) }
    var tree = SourceTree(source, besides: besides + [staging])
    tree.walk()
    var total = tree.entries.reduce(Int64(0)) { $0 + $1.entry.size }
    var (entries, done) = ([SnapshotEntry](), Int64(0))
    try states?.forEach(in: staging) { path, copy throws(BackupError) in
      guard let taken = try database(path, copy, &tree) else { return }
      entries.append(taken)
      total += taken.size
      done += taken.size
      progress(done, total)
    }
    for (path, entry) in tree.entries {
      guard let taken = try file(path, entry) else { continue }
      entries.append(taken)
      done += entry.size
      progress(done, total)
    }
    findings += tree.findings + (states?.findings ?? [])
    return Report(
      snapshot: try finish(entries, label: label, version: version, now: now), findings: findings, filesRead: filesRead)
  }

  /// Shared with other backups; whoever gives bytes back takes it for itself alone, and waits.
  private func hold() throws(BackupError) -> FileLock? {
    guard let name = source.hold else { return nil }
    let path = "\(source.data)/\(name)"
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      // Without the file nobody gives anything back.
      if errno == ENOENT { return nil }
      throw BackupError("can't open \(path): \(String(cString: strerror(errno)))")
    }
    let lock = FileLock(owning: descriptor)
    guard flock(descriptor, LOCK_SH) == 0 else { throw BackupError("can't lock \(path)") }
    return lock
  }

  /// The files of the last backup of this folder: what has not changed since is not read again.
  private mutating func rememberLast() throws(BackupError) {
    guard let last = try repository.snapshots().last(where: { $0.data == source.data }) else { return }
    for entry in try repository.entries(of: last) where entry.kind == .file {
      if entry.chunks.allSatisfy(repository.holds) { known[entry.bytes] = entry }
    }
    knownSince = last.milliseconds / 1000
  }

  private mutating func finish(
    _ entries: [SnapshotEntry], label: String?, version: String, now: WallTime
  ) throws(BackupError) -> Snapshot {
    guard let bytes = try? JSONEncoder().encode(entries) else {
      throw BackupError("the list of files can't be written")
    }
    let tree = try store([UInt8](bytes))
    try repository.flush()
    let stamp = CivilTime(now).rfc3339.prefix(19).filter { $0 != ":" }
    let snapshot = Snapshot(
      id: "\(stamp)Z-\(Repository.randomName().prefix(4))",
      milliseconds: now.seconds * 1000 + Int64(now.nanoseconds / 1_000_000),
      host: ProcessInfo.processInfo.hostName, version: version, data: source.data, label: label,
      files: entries.count { $0.kind == .file }, bytes: entries.reduce(0) { $0 + $1.size }, added: repository.added,
      tree: tree)
    try repository.write(snapshot)
    return snapshot
  }

  private func store(_ bytes: [UInt8]) throws(BackupError) -> [ChunkID] {
    try store(
      stride(from: 0, to: bytes.count, by: Repository.chunkSize).map {
        Array(bytes[$0..<min($0 + Repository.chunkSize, bytes.count)])
      })
  }

  // MARK: Files

  private mutating func database(
    _ path: String, _ copy: String, _ tree: inout SourceTree
  ) throws(BackupError) -> SnapshotEntry? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    var entry = tree.entry(Array(path.utf8), status, .file)
    let descriptor = open(copy, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw BackupError("can't read \(copy): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    try read(descriptor, &entry)
    return entry
  }

  /// The entry with its chunks; `nil` when the file is gone, or can't be read (which is noted).
  private mutating func file(_ path: [UInt8], _ entry: SnapshotEntry) throws(BackupError) -> SnapshotEntry? {
    guard entry.kind == .file, entry.size > 0 else { return entry }
    var entry = entry
    if let before = known[path], isUnchanged(entry, since: before) {
      entry.chunks = before.chunks
      return entry
    }
    let descriptor = SourceTree.withPath(path) { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
    guard descriptor >= 0 else {
      if errno != ENOENT {
        findings.append(BackupFinding(path: entry.path, reason: String(cString: strerror(errno))))
      }
      return nil
    }
    defer { close(descriptor) }
    try read(descriptor, &entry)
    return entry
  }

  /// As git does it: a file that changed close to the last backup may have changed again without a trace in its times.
  private func isUnchanged(_ entry: SnapshotEntry, since before: SnapshotEntry) -> Bool {
    entry.size == before.size && entry.inode == before.inode && entry.modifiedSeconds == before.modifiedSeconds
      && entry.modifiedNanoseconds == before.modifiedNanoseconds && entry.changedSeconds == before.changedSeconds
      && entry.changedNanoseconds == before.changedNanoseconds && entry.changedSeconds < knownSince - 2
  }

  private mutating func read(_ descriptor: Int32, _ entry: inout SnapshotEntry) throws(BackupError) {
    filesRead += 1
    (entry.size, entry.chunks) = (0, [])
    while true {
      var group: [[UInt8]] = []
      while group.count < 8 {
        let piece = Self.readChunk(descriptor)
        guard let piece else {
          findings.append(BackupFinding(path: entry.path, reason: String(cString: strerror(errno))))
          return
        }
        if piece.isEmpty { break }
        group.append(piece)
        if piece.count < Repository.chunkSize { break }
      }
      guard !group.isEmpty else { return }
      entry.chunks += try store(group)
      entry.size += group.reduce(0) { $0 + Int64($1.count) }
      if group.last.map({ $0.count < Repository.chunkSize }) == true { return }
    }
  }

  /// `nil` after an error, which is in `errno`.
  private static func readChunk(_ descriptor: Int32) -> [UInt8]? {
    var failed = false
    let piece = [UInt8](unsafeUninitializedCapacity: Repository.chunkSize) { buffer, filled in
      while filled < buffer.count {
        guard let base = buffer.baseAddress else { return }
        let got = Glibc.read(descriptor, base + filled, buffer.count - filled)
        if got < 0, errno == EINTR { continue }
        if got < 0 { failed = true }
        guard got > 0 else { return }
        filled += got
      }
    }
    return failed ? nil : piece
  }

  /// Names, compresses and encrypts pieces on all cores; only what the repository lacks is added.
  private func store(_ pieces: [[UInt8]]) throws(BackupError) -> [ChunkID] {
    let (repository, sealing) = (repository, repository.sealing)
    let names = Self.onAllCores(pieces) { sealing.name($0) }
    var missing: [Int] = []
    for (index, name) in names.enumerated() where !repository.holds(name) { missing.append(index) }
    let sealed = Self.onAllCores(missing) { index -> Result<[UInt8], BackupError> in
      Result { () throws(BackupError) in
        try sealing.seal(pieces[index], purpose: "chunk \(names[index])")
      }
    }
    for (index, bytes) in zip(missing, sealed) {
      try repository.add(names[index], sealed: try bytes.get(), size: pieces[index].count)
    }
    return names
  }

  private static func onAllCores<Input: Sendable, Output: Sendable>(
    _ inputs: [Input], _ body: @Sendable (Input) -> Output
  ) -> [Output] {
    guard inputs.count > 1 else { return inputs.map(body) }
    let outputs = Mutex([Output?](repeating: nil, count: inputs.count))
    DispatchQueue.concurrentPerform(iterations: inputs.count) { index in
      let output = body(inputs[index])
      outputs.withLock { $0[index] = output }
    }
    return outputs.withLock { $0.compactMap { $0 } }
  }
}

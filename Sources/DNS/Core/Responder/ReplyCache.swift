import Synchronization
import WireKit

/// Whole replies about other people's names, as they went out last: what is asked for again is answered by a copy, on the
/// thread that took the query, with its own id, its own letters' case and what is left of the TTLs.
///
/// It stands before a resolver, which puts in what may be repeated and for how long. Nothing is allocated on a hit. A slot has
/// one reply; another one that falls there takes its place, so names that collide cost a look-up in the resolver, no more.
public final class ReplyCache: Sendable {
  /// One reply, never changed.
  private final class Entry: Sendable {
    let variant: UInt64
    /// The question's name in lower case.
    let octets: [UInt8]
    let lifetimes: [Lifetime]
    let made: MonotonicTime
    let ends: MonotonicTime

    init(_ key: borrowing Key, _ octets: [UInt8], _ lifetimes: [Lifetime], made: MonotonicTime, ends: MonotonicTime) {
      variant = key.variant
      self.octets = octets
      self.lifetimes = lifetimes
      self.made = made
      self.ends = ends
    }

    func belongs(to key: borrowing Key) -> Bool {
      let length = key.name.length
      guard variant == key.variant, octets.count >= Header.wireLength + length else { return false }
      for index in 0..<length where octets[Header.wireLength + index] != key.name.bytes[index] { return false }
      return true
    }
  }

  /// Where a TTL stands in a reply, and what it was.
  private struct Lifetime {
    let place: Int
    let seconds: UInt32
  }

  private struct State {
    var slots: [Entry?]
    var size = 0
    var hits: UInt64 = 0
  }

  /// A part of the slots with a lock of its own, so that threads seldom wait for one another.
  private final class Shard: Sendable {
    let state: Mutex<State>

    init(_ slots: Int) { state = Mutex(State(slots: Array(repeating: nil, count: slots))) }
  }

  private static let shardCount = 64
  private static let slotsPerShard = 1024
  /// Longer replies are the resolver's to make.
  private static let longest = 4096

  private let shards: [Shard]
  private let maximumSize: Int
  private let changes = Atomic<UInt64>(0)

  /// - Parameter maximumSize: Octets of all replies together, roughly.
  public init(maximumSize: Int) {
    shards = (0..<Self.shardCount).map { _ in Shard(Self.slotsPerShard) }
    self.maximumSize = max(65_536, maximumSize / Self.shardCount)
  }

  /// Counts how often everything was forgotten: what was found out before must not be put in after.
  public var generation: UInt64 { changes.load(ordering: .acquiring) }

  /// Replies that were copied from here.
  public var hits: UInt64 { shards.reduce(0) { $0 + $1.state.withLock(\.hits) } }

  public func removeAll() {
    changes.add(1, ordering: .acquiringAndReleasing)
    for shard in shards {
      shard.state.withLock { state in
        for index in state.slots.indices { state.slots[index] = nil }
        state.size = 0
      }
    }
  }

  // MARK: Looking up

  /// What decides on a reply, besides the name's own case and the id.
  private struct Key: ~Copyable {
    var name = QueryName()
    var id: UInt16 = 0
    var questionEnd = 0
    /// RD, AD, CD, type, EDNS, DO, and the size that the reply may have.
    var variant: UInt64 = 0

    /// `nil` for what is no plain question of the Internet's class.
    init?(_ request: RawSpan, _ transport: DNSTransport) {
      guard request.byteCount >= Header.wireLength else { return nil }
      var parsed = ParsedRequest()
      id = Self.integer(request, 0)
      let bits = Self.integer(request, 2)
      // A query: QR, opcode, AA and TC are 0; one question, no answers.
      guard bits & 0xFE00 == 0, Self.integer(request, 4) == 1, Self.integer(request, 6) == 0,
        Self.integer(request, 8) == 0, let nameEnd = name.read(question: request, at: Header.wireLength),
        nameEnd + 4 <= request.byteCount
      else { return nil }
      questionEnd = nameEnd + 4
      parsed.questionEnd = questionEnd
      let type = Self.integer(request, nameEnd)
      guard Self.integer(request, nameEnd + 2) == RecordClass.in.rawValue, parsed.readRecords(request),
        !parsed.isSigned, parsed.version == 0
      else { return nil }
      variant = UInt64(type) << 32 | UInt64(bits & 0x0130)
      if parsed.hasEDNS { variant |= 1 }
      if parsed.wantsDNSSEC { variant |= 2 }
      if transport == .stream {
        variant |= 4
      } else {
        variant |= UInt64(max(512, min(parsed.udpSize, Int(UInt16.max)))) << 16
      }
    }

    var hash: UInt64 {
      var hash = UInt64(name.hashes[name.labelCount]) << 32 ^ variant
      hash = (hash ^ hash >> 31) &* 0x9E37_79B9_7F4A_7C15
      return hash ^ hash >> 29
    }

    private static func integer(_ bytes: RawSpan, _ place: Int) -> UInt16 {
      UInt16(bytes.byte(at: place) ?? 0) << 8 | UInt16(bytes.byte(at: place + 1) ?? 0)
    }
  }

  private func place(_ hash: UInt64) -> (shard: Shard, slot: Int) {
    (shards[Int(hash % UInt64(Self.shardCount))], Int((hash >> 16) % UInt64(Self.slotsPerShard)))
  }

  /// Writes the reply to a request in the place of what stands there already. `false`: ask the resolver.
  @_lifetime(reply: copy reply)
  public func write(
    replyTo request: RawSpan, over transport: DNSTransport, now: MonotonicTime, into reply: inout FixedWriter
  ) -> Bool {
    guard let key = Key(request, transport) else { return false }
    let (shard, slot) = place(key.hash)
    guard let entry = shard.state.withLock({ $0.slots[slot] }), now < entry.ends, entry.belongs(to: key) else {
      return false
    }
    reply.truncate(to: 0)
    reply.setLimit(Int(UInt16.max))
    let whole = entry.octets
    let octets = whole.span.bytes
    do throws(WireError) {
      try reply.writeBytes(octets.extracting(0..<Header.wireLength), "header")
      try reply.writeBytes(request.extracting(Header.wireLength..<key.questionEnd), "question")
      try reply.writeBytes(octets.extracting(key.questionEnd..<octets.byteCount), "records")
    } catch {
      return false
    }
    reply.setInteger(key.id, at: 0)
    let age = UInt32(clamping: max(0, (now - entry.made).components.seconds))
    for lifetime in entry.lifetimes {
      reply.setInteger(lifetime.seconds - min(lifetime.seconds, age), at: lifetime.place)
    }
    shard.state.withLock { $0.hits &+= 1 }
    return true
  }

  /// Appends the reply to a request that came over a stream, its length before it.
  func append(replyTo request: RawSpan, now: MonotonicTime, to output: inout [UInt8]) -> Bool {
    let start = output.count
    output.append(contentsOf: repeatElement(0, count: 2 + Self.longest))
    var count: Int?
    output.withUnsafeMutableBytes { bytes in
      var writer = FixedWriter(UnsafeMutableRawBufferPointer(rebasing: bytes[(start + 2)...]).mutableBytes)
      if write(replyTo: request, over: .stream, now: now, into: &writer) { count = writer.count }
    }
    guard let count else {
      output.removeSubrange(start...)
      return false
    }
    output.removeSubrange((start + 2 + count)...)
    output.setInteger(UInt16(truncatingIfNeeded: count), at: start)
    return true
  }

  // MARK: Putting in

  /// Keeps a reply that may be repeated.
  /// - Parameters:
  ///   - generation: As it was when the answer was begun to be found out.
  ///   - ends: Until when.
  public func store(
    _ reply: [UInt8], to request: [UInt8], over transport: DNSTransport, generation: UInt64, now: MonotonicTime,
    until ends: MonotonicTime
  ) {
    guard now < ends, reply.count <= Self.longest, let key = Key(request.span.bytes, transport),
      reply.count >= key.questionEnd, let lifetimes = Self.lifetimes(reply, behind: key.questionEnd)
    else { return }
    var octets = reply
    for index in 0..<key.name.length { octets[Header.wireLength + index] = key.name.bytes[index] }
    let entry = Entry(key, octets, lifetimes, made: now, ends: ends)
    let (shard, slot) = place(key.hash)
    shard.state.withLock { state in
      guard generation == self.generation else { return }
      if let old = state.slots[slot] { state.size -= Self.size(old) }
      state.slots[slot] = nil
      state.size += Self.size(entry)
      if state.size > maximumSize {
        for index in state.slots.indices { state.slots[index] = nil }
        state.size = Self.size(entry)
      }
      state.slots[slot] = entry
    }
  }

  private static func size(_ entry: Entry) -> Int { 160 + entry.octets.count + 16 * entry.lifetimes.count }

  /// The TTLs of a reply; `nil` when it can't be read.
  private static func lifetimes(_ reply: [UInt8], behind question: Int) -> [Lifetime]? {
    var reader = WireReader(reply.span.bytes)
    var lifetimes: [Lifetime] = []
    do throws(WireError) {
      try reader.seek(to: 6, "counts")
      var count = 0
      for _ in 0..<3 { count += Int(try reader.readUInt16("count")) }
      try reader.seek(to: question, "records")
      for _ in 0..<count {
        try ParsedRequest.skipName(&reader)
        let type = try reader.readUInt16("TYPE")
        try reader.skip(2, "CLASS")
        let place = reader.offset
        let seconds = try reader.readUInt32("TTL")
        try reader.skip(Int(try reader.readUInt16("RDLENGTH")), "RDATA")
        if type != RecordType.opt.rawValue { lifetimes.append(Lifetime(place: place, seconds: seconds)) }
      }
      return lifetimes
    } catch {
      return nil
    }
  }
}

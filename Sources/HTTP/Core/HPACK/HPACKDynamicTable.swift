import WireKit

/// The dynamic table of one direction (RFC 7541 §2.3.2): newest entry first, oldest evicted. Names are recognised when
/// they are inserted, so that a reference costs a copy and no search.
struct HPACKDynamicTable: Sendable {
  struct Entry: Sendable {
    var known: FieldName
    var name: Range<Int>
    var value: Range<Int>
    var size: Int { name.count + value.count + 32 }
  }

  /// The octets of all entries, oldest first, behind those of evicted ones.
  private(set) var storage: [UInt8] = []
  /// Oldest first, behind `evicted` dead ones.
  private var entries: [Entry] = []
  private var evicted = 0
  /// By the rule of §4.1: octets plus 32 an entry.
  private(set) var size = 0
  private(set) var maximumSize: Int

  init(maximumSize: Int) { self.maximumSize = maximumSize }

  var count: Int { entries.count - evicted }

  /// The entry at `index`, 0 being the newest.
  func entry(_ index: Int) -> Entry? {
    guard index >= 0, index < count else { return nil }
    return entries[entries.count - 1 - index]
  }

  /// Adds a name with its value behind it. An entry larger than the table empties it, and that is no error (§4.4).
  mutating func insert(_ bytes: RawSpan, nameCount: Int, known: FieldName) {
    let needed = bytes.byteCount + 32
    evict(downTo: maximumSize - needed)
    guard needed <= maximumSize else { return }
    let start = storage.count
    storage.append(bytes)
    let middle = start + min(nameCount, bytes.byteCount)
    entries.append(Entry(known: known, name: start..<middle, value: middle..<storage.count))
    size += needed
  }

  /// A table size update (§6.3); the decoder has checked it against our limit.
  mutating func resize(to newSize: Int) {
    maximumSize = newSize
    evict(downTo: newSize)
  }

  private mutating func evict(downTo limit: Int) {
    while size > max(limit, 0), evicted < entries.count {
      size -= entries[evicted].size
      evicted += 1
    }
    compact()
  }

  /// Gives dead space back once it is more than the living could ever be, so that each octet moves at most once.
  private mutating func compact() {
    if evicted == entries.count {
      storage.removeAll(keepingCapacity: true)
      entries.removeAll(keepingCapacity: true)
      evicted = 0
      return
    }
    let dead = entries[evicted].name.lowerBound
    guard dead > 4096 || evicted > 512 else { return }
    storage.removeSubrange(..<dead)
    entries.removeSubrange(..<evicted)
    evicted = 0
    for index in entries.indices {
      let entry = entries[index]
      entries[index].name = (entry.name.lowerBound - dead)..<(entry.name.upperBound - dead)
      entries[index].value = (entry.value.lowerBound - dead)..<(entry.value.upperBound - dead)
    }
  }
}

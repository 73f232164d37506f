/// A set of UIDs, as ranges in rising order that neither overlap nor touch.
///
/// Its size is bounded by how scattered the numbers are, not by how many there are: `1:4294967295` is one range.
public struct UIDSet: Sendable, Hashable {
  public private(set) var ranges: [ClosedRange<UInt32>]

  public init() { ranges = [] }

  public init(_ range: ClosedRange<UInt32>) { ranges = [range] }

  public init(_ uids: some Sequence<UInt32>) {
    self.init(ranges: uids.map { $0...$0 })
  }

  /// From ranges in any order, overlapping or not.
  public init(ranges unordered: some Sequence<ClosedRange<UInt32>>) {
    self.init()
    for range in unordered.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      guard let last = ranges.last, last.upperBound == .max || range.lowerBound <= last.upperBound + 1 else {
        ranges.append(range)
        continue
      }
      ranges[ranges.count - 1] = last.lowerBound...Swift.max(last.upperBound, range.upperBound)
    }
  }

  /// Every UID there can be.
  public static let all = UIDSet(1...UInt32.max)

  public var isEmpty: Bool { ranges.isEmpty }

  /// How many numbers it holds.
  public var count: Int { ranges.reduce(0) { $0 + Int($1.upperBound - $1.lowerBound) + 1 } }

  public var first: UInt32? { ranges.first?.lowerBound }
  public var last: UInt32? { ranges.last?.upperBound }

  public func contains(_ uid: UInt32) -> Bool {
    let index = firstRange(endingAtOrAfter: uid)
    return index < ranges.count && ranges[index].lowerBound <= uid
  }

  /// Adds one number; cheapest in rising order.
  public mutating func insert(_ uid: UInt32) {
    if let last = ranges.last {
      if last.upperBound < uid {
        if last.upperBound + 1 == uid {
          ranges[ranges.count - 1] = last.lowerBound...uid
        } else {
          ranges.append(uid...uid)
        }
        return
      }
    } else {
      ranges.append(uid...uid)
      return
    }
    if contains(uid) { return }
    self = UIDSet(ranges: ranges + [uid...uid])
  }

  public func union(_ other: UIDSet) -> UIDSet {
    if isEmpty { return other }
    return other.isEmpty ? self : UIDSet(ranges: ranges + other.ranges)
  }

  public func intersection(_ other: UIDSet) -> UIDSet {
    var result = UIDSet()
    var (left, right) = (0, 0)
    while left < ranges.count, right < other.ranges.count {
      let (one, two) = (ranges[left], other.ranges[right])
      if one.overlaps(two) { result.ranges.append(one.clamped(to: two)) }
      if one.upperBound < two.upperBound { left += 1 } else { right += 1 }
    }
    return result
  }

  public func subtracting(_ other: UIDSet) -> UIDSet {
    var result = UIDSet()
    var right = 0
    for range in ranges {
      var lower = UInt64(range.lowerBound)
      while right < other.ranges.count, other.ranges[right].upperBound < range.lowerBound { right += 1 }
      var index = right
      while index < other.ranges.count, other.ranges[index].lowerBound <= range.upperBound {
        let hole = other.ranges[index]
        if UInt64(hole.lowerBound) > lower { result.ranges.append(UInt32(lower)...(hole.lowerBound - 1)) }
        lower = UInt64(hole.upperBound) + 1
        index += 1
      }
      if lower <= UInt64(range.upperBound) { result.ranges.append(UInt32(lower)...range.upperBound) }
    }
    return result
  }

  /// The index of the first range whose end is not before `uid`.
  private func firstRange(endingAtOrAfter uid: UInt32) -> Int {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < uid { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension UIDSet: Sequence {
  public struct Iterator: IteratorProtocol {
    private let ranges: [ClosedRange<UInt32>]
    private var index = 0
    private var next64: UInt64

    init(_ ranges: [ClosedRange<UInt32>]) {
      self.ranges = ranges
      next64 = ranges.first.map { UInt64($0.lowerBound) } ?? 0
    }

    public mutating func next() -> UInt32? {
      guard index < ranges.count else { return nil }
      let uid = UInt32(truncatingIfNeeded: next64)
      if uid == ranges[index].upperBound {
        index += 1
        if index < ranges.count { next64 = UInt64(ranges[index].lowerBound) }
      } else {
        next64 += 1
      }
      return uid
    }
  }

  public func makeIterator() -> Iterator { Iterator(ranges) }
  public var underestimatedCount: Int { 0 }
}

extension UIDSet: CustomStringConvertible {
  /// As IMAP writes it (RFC 9051 §9, `sequence-set`): `1:3,7`.
  public var description: String {
    ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound):\($0.upperBound)" }.joined(separator: ",")
  }
}

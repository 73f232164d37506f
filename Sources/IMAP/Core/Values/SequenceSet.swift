/// A message's unique identifier in its mailbox (RFC 9051 §2.3.1.1). Never 0.
public typealias UID = UInt32

/// A mailbox's or message's modification sequence (RFC 7162 §3.1). 63 bits; never 0 for a message.
public typealias ModSequence = UInt64

/// A set of messages as a client writes it: `2,4:7,9,12:*` (RFC 9051 §9, `sequence-set`), or `$`, the saved result of the last
/// search (RFC 5182).
///
/// Whether its numbers are sequence numbers or UIDs is the command's matter. `*` has no value until a mailbox gives it one.
public struct SequenceSet: Hashable, Sendable {
  /// One end of a range.
  public enum Bound: Hashable, Sendable {
    case number(UInt32)
    /// `*`: the largest number in use.
    case largest
  }

  /// From one end to the other, in either order.
  public struct Range: Hashable, Sendable {
    public var first: Bound
    public var last: Bound
    public init(_ first: Bound, _ last: Bound) {
      self.first = first
      self.last = last
    }
  }

  public var ranges: [Range]
  /// Whether it is `$`; then `ranges` is empty.
  public var isSavedResult: Bool

  public init(_ ranges: [Range]) {
    self.ranges = ranges
    isSavedResult = false
  }

  /// `$`.
  public static let savedResult: SequenceSet = {
    var set = SequenceSet([])
    set.isSavedResult = true
    return set
  }()

  /// The numbers, once it is known what `*` stands for. In an empty mailbox `*` stands for nothing.
  public func numbers(largest: UInt32?) -> NumberSet {
    var result: [ClosedRange<UInt32>] = []
    result.reserveCapacity(ranges.count)
    for range in ranges {
      guard let first = Self.value(range.first, largest), let last = Self.value(range.last, largest) else { continue }
      result.append(min(first, last)...max(first, last))
    }
    return NumberSet(result)
  }

  /// As `numbers(largest:)`, with what will come after the largest wherever `*` is an end: for a search that goes on.
  public func numbers(open largest: UInt32?) -> NumberSet {
    let isOpen = ranges.contains { $0.first == .largest || $0.last == .largest }
    let known = numbers(largest: largest)
    guard isOpen, (largest ?? 0) < .max else { return known }
    return NumberSet(known.ranges + [(largest ?? 0) + 1...UInt32.max])
  }

  /// Whether some number is greater than `limit`: a sequence number that no message has. `9:*` is none of these, as long as there is a
  /// message: clients ask so for whatever came after those that they know.
  public func exceeds(_ limit: UInt32) -> Bool {
    ranges.contains { range in
      switch (range.first, range.last) {
      case (.number(let first), .number(let last)): max(first, last) > limit
      default: limit == 0
      }
    }
  }

  private static func value(_ bound: Bound, _ largest: UInt32?) -> UInt32? {
    switch bound {
    case .number(let number): number
    case .largest: largest
    }
  }
}

/// Numbers as ascending ranges that neither overlap nor touch: what a sequence set means in a mailbox.
public struct NumberSet: Hashable, Sendable {
  public private(set) var ranges: [ClosedRange<UInt32>]

  public init() { ranges = [] }

  /// From ranges in any order.
  public init(_ ranges: [ClosedRange<UInt32>]) {
    guard ranges.count > 1 else {
      self.ranges = ranges
      return
    }
    var merged: [ClosedRange<UInt32>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, range.lowerBound <= last.upperBound || range.lowerBound == last.upperBound &+ 1 {
        merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    self.ranges = merged
  }

  /// From numbers in ascending order.
  public init(ascending numbers: some Sequence<UInt32>) {
    var ranges: [ClosedRange<UInt32>] = []
    for number in numbers {
      if let last = ranges.last, number <= last.upperBound || number == last.upperBound &+ 1 {
        ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, number)
      } else {
        ranges.append(number...number)
      }
    }
    self.ranges = ranges
  }

  public var isEmpty: Bool { ranges.isEmpty }

  /// How many numbers it holds.
  public var count: Int { ranges.reduce(0) { $0 + Int($1.upperBound - $1.lowerBound) + 1 } }

  public func contains(_ number: UInt32) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      let range = ranges[middle]
      if number < range.lowerBound {
        high = middle
      } else if number > range.upperBound {
        low = middle + 1
      } else {
        return true
      }
    }
    return false
  }

  /// Those of some ascending numbers that are in the set. Takes time by the ranges and the hits, not by the numbers.
  public func intersection(ascending numbers: [UInt32]) -> [UInt32] {
    var result: [UInt32] = []
    for range in ranges {
      var index = numbers.firstIndex(notBelow: range.lowerBound)
      while index < numbers.count, numbers[index] <= range.upperBound {
        result.append(numbers[index])
        index += 1
      }
    }
    return result
  }

  /// The wire form: `1:3,7`.
  public func write(to output: inout [UInt8]) {
    for (index, range) in ranges.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      output.append(decimal: UInt64(range.lowerBound))
      if range.upperBound > range.lowerBound {
        output.append(UInt8(ascii: ":"))
        output.append(decimal: UInt64(range.upperBound))
      }
    }
  }
}

extension [UInt32] {
  /// In ascending numbers: the place of the first that is not below `number`; `count` if there is none.
  public func firstIndex(notBelow number: UInt32) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < number { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension [UInt8] {
  /// Appends a number in decimal digits.
  public mutating func append(decimal number: UInt64) {
    guard number >= 10 else {
      append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number))
      return
    }
    let start = count
    var rest = number
    while rest > 0 {
      append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    }
    self[start...].reverse()
  }
}

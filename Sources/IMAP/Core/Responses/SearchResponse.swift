/// The answers of SEARCH and SORT: `* SEARCH 2 84 882` and `* ESEARCH (TAG "A282") MIN 2 COUNT 3` (RFC 9051 §7.3.4, RFC 4731).
public struct SearchResponse: Sendable {
  /// Sequence numbers or UIDs, in the order found: ascending for SEARCH.
  public var numbers: [UInt32]
  public var isUID: Bool
  public var isSort: Bool
  /// The highest modification sequence among those told, where the search asked for one.
  public var modSequence: ModSequence?

  public init(numbers: [UInt32], isUID: Bool, isSort: Bool = false, modSequence: ModSequence? = nil) {
    self.numbers = numbers
    self.isUID = isUID
    self.isSort = isSort
    self.modSequence = modSequence
  }

  /// The plain form.
  public func write(to output: inout [UInt8]) {
    output.append(contentsOf: (isSort ? "* SORT" : "* SEARCH").utf8)
    for number in numbers {
      output.appendSpace()
      output.append(decimal: UInt64(number))
    }
    if let modSequence, !numbers.isEmpty {
      output.append(contentsOf: " (MODSEQ ".utf8)
      output.append(decimal: modSequence)
      output.append(UInt8(ascii: ")"))
    }
    output.appendLineEnd()
  }

  /// The extended form.
  public func writeExtended(_ returns: SearchReturn, tag: [UInt8], to output: inout [UInt8]) {
    output.append(contentsOf: "* ESEARCH (TAG ".utf8)
    output.append(string: tag)
    output.append(UInt8(ascii: ")"))
    if isUID { output.append(contentsOf: " UID".utf8) }
    if returns.minimum, let first = isSort ? numbers.first : numbers.min() { write(" MIN ", first, &output) }
    if returns.maximum, let last = isSort ? numbers.last : numbers.max() { write(" MAX ", last, &output) }
    if returns.count { write(" COUNT ", UInt32(clamping: numbers.count), &output) }
    if returns.all, !numbers.isEmpty {
      output.append(contentsOf: " ALL ".utf8)
      write(numbers[...], &output)
    }
    if let page = returns.partial {
      output.append(contentsOf: " PARTIAL (".utf8)
      if page.isFromEnd { output.append(UInt8(ascii: "-")) }
      output.append(decimal: UInt64(page.first))
      output.append(UInt8(ascii: ":"))
      if page.isFromEnd { output.append(UInt8(ascii: "-")) }
      output.append(decimal: UInt64(page.last))
      output.appendSpace()
      let slice = numbers[page.places(in: numbers.count)]
      if slice.isEmpty { output.append(contentsOf: "NIL".utf8) } else { write(slice, &output) }
      output.append(UInt8(ascii: ")"))
    }
    if let modSequence, !numbers.isEmpty {
      output.append(contentsOf: " MODSEQ ".utf8)
      output.append(decimal: modSequence)
    }
    output.appendLineEnd()
  }

  private func write(_ label: String, _ number: UInt32, _ output: inout [UInt8]) {
    output.append(contentsOf: label.utf8)
    output.append(decimal: UInt64(number))
  }

  /// A set, whose order SORT must keep: only runs that ascend by one are drawn together.
  private func write(_ numbers: ArraySlice<UInt32>, _ output: inout [UInt8]) {
    var index = numbers.startIndex
    while index < numbers.endIndex {
      var end = index
      while end + 1 < numbers.endIndex, numbers[end + 1] == numbers[end] &+ 1 { end += 1 }
      if index > numbers.startIndex { output.append(UInt8(ascii: ",")) }
      output.append(decimal: UInt64(numbers[index]))
      if end > index {
        output.append(UInt8(ascii: ":"))
        output.append(decimal: UInt64(numbers[end]))
      }
      index = end + 1
    }
  }
}

extension [MessageThread] {
  /// `* THREAD (2)(3 6 (4 23)(44 7 96))` (RFC 5256 §4).
  /// - Parameter number: A message's sequence number, or its UID.
  public func write(to output: inout [UInt8], _ number: (UID) -> UInt32) {
    output.append(contentsOf: "* THREAD".utf8)
    if !isEmpty { output.appendSpace() }
    for thread in self {
      output.append(UInt8(ascii: "("))
      Self.write(thread, &output, number)
      output.append(UInt8(ascii: ")"))
    }
    output.appendLineEnd()
  }

  /// A chain is written flat; who answers one message beside others goes into parentheses. Loops over chains: their length is the
  /// senders' choice. What branches is bounded in depth by whom threads.
  private static func write(_ thread: MessageThread, _ output: inout [UInt8], _ number: (UID) -> UInt32) {
    var node = thread
    var isFirst = true
    while true {
      if let uid = node.uid {
        if !isFirst { output.appendSpace() }
        output.append(decimal: UInt64(number(uid)))
        isFirst = false
      }
      guard node.children.count == 1, node.uid != nil, let next = node.children.first else { break }
      node = next
    }
    guard !node.children.isEmpty else { return }
    if !isFirst { output.appendSpace() }
    for child in node.children {
      output.append(UInt8(ascii: "("))
      write(child, &output, number)
      output.append(UInt8(ascii: ")"))
    }
  }
}

/// The answers of SEARCH and SORT: `* SEARCH 2 84 882` and `* ESEARCH (TAG "A282") MIN 2 COUNT 3` (RFC 9051 §7.3.4, RFC 4731).
public struct SearchResponse: Sendable {
  /// Sequence numbers or UIDs, in the order found: ascending for SEARCH.
  public var numbers: [UInt32]
  public var isUID: Bool
  public var isSort: Bool
  /// The highest modification sequence among those told, where the search asked for one.
  public var modSequence: ModSequence?
  /// How well each of `numbers` matches (RFC 6203).
  public var scores: [UInt8] = []
  /// The mailbox that it is of, where several are searched (RFC 7377).
  public var mailbox: (name: MailboxName, uidValidity: UInt32)?

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
  public func writeExtended(_ returns: SearchReturn, tag: [UInt8], isUTF8: Bool = false, to output: inout [UInt8]) {
    output.append(contentsOf: "* ESEARCH (TAG ".utf8)
    output.append(string: tag)
    if let mailbox {
      output.append(contentsOf: " MAILBOX ".utf8)
      output.append(mailbox: mailbox.name, isUTF8: isUTF8)
      output.append(contentsOf: " UIDVALIDITY ".utf8)
      output.append(decimal: UInt64(mailbox.uidValidity))
    }
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
    if returns.relevancy, scores.count == numbers.count {
      let told = returns.partial.map { Array(scores[$0.places(in: scores.count)]) } ?? scores
      let list = told.map(String.init).joined(separator: " ")
      output.append(contentsOf: " RELEVANCY (\(list))".utf8)
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
  private func write(_ numbers: ArraySlice<UInt32>, _ output: inout [UInt8]) { output.append(inOrder: numbers) }
}

/// What has happened to the result of a search that goes on (RFC 5267 §4.3).
///
/// ```
/// S: * 23762 FETCH (FLAGS (\\Deleted \\Seen))
/// S: * ESEARCH (TAG "B01") UID ADDTO (0 32768:32769)
/// S: * ESEARCH (TAG "C01") UID REMOVEFROM (1 2732) ADDTO (1 2731)
/// ```
public struct ContextUpdate: Hashable, Sendable {
  public struct Step: Hashable, Sendable {
    public var isAddition: Bool
    /// From 1 in a sorted result; 0 in the order of the mailbox.
    public var position: Int
    /// Sequence numbers or UIDs.
    public var numbers: [UInt32]

    public init(isAddition: Bool, position: Int, numbers: [UInt32]) {
      self.isAddition = isAddition
      self.position = position
      self.numbers = numbers
    }
  }

  public var tag: [UInt8]
  public var isUID: Bool
  public var steps: [Step]

  public init(tag: [UInt8], isUID: Bool, steps: [Step]) {
    self.tag = tag
    self.isUID = isUID
    self.steps = steps
  }

  public func write(to output: inout [UInt8]) {
    guard !steps.isEmpty else { return }
    output.append(contentsOf: "* ESEARCH (TAG ".utf8)
    output.append(string: tag)
    output.append(contentsOf: isUID ? ") UID".utf8 : ")".utf8)
    for step in steps {
      output.append(contentsOf: step.isAddition ? " ADDTO (".utf8 : " REMOVEFROM (".utf8)
      output.append(decimal: UInt64(step.position))
      output.appendSpace()
      output.append(inOrder: step.numbers[...])
      output.append(UInt8(ascii: ")"))
    }
    output.appendLineEnd()
  }
}

extension [UInt8] {
  /// A set whose order counts.
  fileprivate mutating func append(inOrder numbers: ArraySlice<UInt32>) {
    var index = numbers.startIndex
    while index < numbers.endIndex {
      var end = index
      while end + 1 < numbers.endIndex, numbers[end + 1] == numbers[end] &+ 1 { end += 1 }
      if index > numbers.startIndex { append(UInt8(ascii: ",")) }
      append(decimal: UInt64(numbers[index]))
      if end > index {
        append(UInt8(ascii: ":"))
        append(decimal: UInt64(numbers[end]))
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

/// The values of IMAP's grammar.
extension CommandReader {
  // MARK: Message sets

  mutating func sequenceSet() throws(CommandSyntaxError) -> SequenceSet {
    if accept("$") { return .savedResult }
    var ranges: [SequenceSet.Range] = []
    repeat {
      let first = try bound()
      let last = accept(":") ? try bound() : first
      ranges.append(.init(first, last))
    } while accept(",")
    return SequenceSet(ranges)
  }

  private mutating func bound() throws(CommandSyntaxError) -> SequenceSet.Bound {
    accept("*") ? .largest : .number(try positive("A message set is missing"))
  }

  /// `1:100` or `-1:-100` (RFC 9394).
  mutating func pageRange() throws(CommandSyntaxError) -> PageRange {
    let isFromEnd = accept("-")
    let first = try positive()
    try expect(":", "A page has two ends")
    guard accept("-") == isFromEnd else { throw CommandSyntaxError("Both ends of a page count from the same side") }
    return PageRange(first: first, last: try positive(), isFromEnd: isFromEnd)
  }

  // MARK: Flags

  mutating func flag() throws(CommandSyntaxError) -> Flag {
    if accept("\\") {
      let name = try atom("A flag is missing")
      let flag = Flag("\\" + name)
      guard let known = Flag.system.first(where: { $0 == flag }) else {
        // `\Recent` among them: no client can set it.
        throw CommandSyntaxError("There is no such system flag, or no client can set it")
      }
      return known
    }
    let name = try atom("A flag is missing")
    guard name.utf8.count <= 100 else { throw CommandSyntaxError(refusal: "The keyword is too long", .limit) }
    return Flag(name)
  }

  mutating func flagList() throws(CommandSyntaxError) -> [Flag] {
    var flags: [Flag] = []
    try list(allowsNone: true) { reader throws(CommandSyntaxError) in
      let flag = try reader.flag()
      if !flags.contains(flag) { flags.append(flag) }
    }
    guard flags.count <= 100 else { throw CommandSyntaxError(refusal: "Too many keywords", .limit) }
    return flags
  }

  // MARK: Mailboxes

  mutating func mailbox(isUTF8: Bool) throws(CommandSyntaxError) -> MailboxName {
    guard let name = MailboxName(wire: try astring("The mailbox is missing"), isUTF8: isUTF8) else {
      throw CommandSyntaxError(refusal: "The mailbox's name is not in a form that stands for one", .cannot)
    }
    return name
  }

  // MARK: Dates

  /// `1-Feb-1994`, with or without quotes.
  mutating func date() throws(CommandSyntaxError) -> CalendarDay {
    let isQuoted = accept("\"")
    let day = try number("A date is missing")
    let date = try restOfDate(day)
    if isQuoted { try expect("\"", "A date has no end") }
    return date
  }

  private mutating func restOfDate(_ day: UInt32) throws(CommandSyntaxError) -> CalendarDay {
    try expect("-", "A date is d-Mmm-yyyy")
    let month = try monthNumber()
    try expect("-", "A date is d-Mmm-yyyy")
    let year = try number("A date is d-Mmm-yyyy")
    guard let date = CalendarDay(year: Int(year), month: month, day: Int(day)) else {
      throw CommandSyntaxError("There is no such day")
    }
    return date
  }

  private mutating func monthNumber() throws(CommandSyntaxError) -> Int {
    for (index, name) in CalendarDay.monthNames.enumerated() {
      let letters = Array(name.utf8)
      let matches = letters.indices.allSatisfy { peek($0)?.asciiLowercase == letters[$0].asciiLowercase }
      if matches {
        for _ in letters { _ = accept(peek() ?? 0) }
        return index + 1
      }
    }
    throw CommandSyntaxError("There is no such month")
  }

  /// `" 7-Feb-1994 21:52:25 -0800"`.
  mutating func dateTime() throws(CommandSyntaxError) -> DateTime {
    try expect("\"", "A date is missing")
    _ = accept(" ")
    let day = try restOfDate(try number("A date is missing"))
    try space()
    let hour = try number()
    try expect(":", "A time is hh:mm:ss")
    let minute = try number()
    try expect(":", "A time is hh:mm:ss")
    let second = try number()
    try space()
    let isWest = accept("-")
    if !isWest { try expect("+", "A zone is +hhmm") }
    let zone = try number("A zone is +hhmm")
    try expect("\"", "A date has no end")
    guard hour < 24, minute < 60, second <= 60, zone <= 2400, zone % 100 < 60 else {
      throw CommandSyntaxError("There is no such time")
    }
    let minutes = Int(zone / 100 * 60 + zone % 100) * (isWest ? -1 : 1)
    let local = Int64(day.number) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
    return DateTime(seconds: local - Int64(minutes) * 60, zone: minutes)
  }
}

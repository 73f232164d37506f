/// A piece of a zone file's entry: where it stands in the source.
struct Token {
  var start: Int32
  /// Behind the last octet; the quotes of a quoted string are outside.
  var end: Int32
  var isQuoted: Bool

  var range: Range<Int> { Int(start)..<Int(end) }
}

import Configuration

extension FuzzTarget {
  static let toml = FuzzTarget("toml", "A document or errors, each at a place that the text has.") { bytes in
    let outcome = TOMLDocument.parse(bytes)
    try require(outcome.document != nil || !outcome.errors.isEmpty, "neither document nor error")
    for error in outcome.errors { try requirePlace(error.position, in: bytes) }
  }

  /// Lines and columns count from 1; a column may stand behind the last character.
  static func requirePlace(_ position: TOMLPosition, in bytes: [UInt8]) throws {
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    try require((1...lines.count).contains(position.line), "line \(position.line) of \(lines.count)")
    try require((1...(lines[position.line - 1].count + 1)).contains(position.column), "column \(position)")
  }
}

extension RecordType {
  /// The digest of a child zone's key (RFC 4034 §5).
  public static let ds = RecordType(43)
}

extension RecordSchema {
  static let ds = RecordSchema(.ds, "DS", [.uint16, .algorithm, .uint8, .hex])
}

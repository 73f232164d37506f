extension RecordType {
  /// The DS that the child wants its parent to have (RFC 7344 §3.1).
  public static let cds = RecordType(59)
}

extension RecordSchema {
  static let cds = RecordSchema(.cds, "CDS", [.uint16, .algorithm, .uint8, .hex])
}

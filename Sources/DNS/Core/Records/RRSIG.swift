extension RecordType {
  /// A signature over a set of records (RFC 4034 §3).
  public static let rrsig = RecordType(46)
}

extension RecordSchema {
  static let rrsig = RecordSchema(
    .rrsig, "RRSIG", [.recordType, .algorithm, .uint8, .period, .time, .time, .uint16, .name(.legacy), .base64])
}

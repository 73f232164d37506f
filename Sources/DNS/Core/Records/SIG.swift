extension RecordType {
  /// A signature over a whole message, at its end (RFC 2931 §3).
  public static let sig = RecordType(24)
}

extension RecordSchema {
  static let sig = RecordSchema(
    .sig, "SIG", [.recordType, .algorithm, .uint8, .period, .time, .time, .uint16, .name(.legacy), .base64])
}

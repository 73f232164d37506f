extension RecordType {
  /// A certificate (RFC 4398).
  public static let cert = RecordType(37)
}

extension RecordSchema {
  static let cert = RecordSchema(.cert, "CERT", [.certificateType, .uint16, .algorithm, .base64])
}

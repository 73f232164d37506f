extension RecordType {
  /// The responsible person (RFC 1183 §2.2).
  public static let rp = RecordType(17)
}

extension RecordSchema {
  static let rp = RecordSchema(.rp, "RP", [.name(.legacy), .name(.legacy)])
}

extension RecordType {
  /// What a TLS server's certificate must be (RFC 6698).
  public static let tlsa = RecordType(52)
}

extension RecordSchema {
  static let tlsa = RecordSchema(.tlsa, "TLSA", [.uint8, .uint8, .uint8, .hex])
}

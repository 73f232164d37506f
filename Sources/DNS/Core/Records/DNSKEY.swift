extension RecordType {
  /// A zone's public key (RFC 4034 §2).
  public static let dnskey = RecordType(48)
}

extension RecordSchema {
  static let dnskey = RecordSchema(.dnskey, "DNSKEY", [.uint16, .uint8, .algorithm, .base64])
}

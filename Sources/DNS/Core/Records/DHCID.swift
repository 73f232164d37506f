extension RecordType {
  /// Whom a DHCP client's name belongs to (RFC 4701).
  public static let dhcid = RecordType(49)
}

extension RecordSchema {
  static let dhcid = RecordSchema(.dhcid, "DHCID", [.base64])
}

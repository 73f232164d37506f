extension RecordType {
  /// An OpenPGP key (RFC 7929).
  public static let openpgpkey = RecordType(61)
}

extension RecordSchema {
  static let openpgpkey = RecordSchema(.openpgpkey, "OPENPGPKEY", [.base64])
}

extension RecordType {
  /// The fingerprint of an SSH host key (RFC 4255).
  public static let sshfp = RecordType(44)
}

extension RecordSchema {
  static let sshfp = RecordSchema(.sshfp, "SSHFP", [.uint8, .uint8, .hex])
}

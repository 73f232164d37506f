extension RecordType {
  /// Processor and operating system (RFC 1035 §3.3.2), and the answer to ANY (RFC 8482 §4.2).
  public static let hinfo = RecordType(13)
}

extension RecordSchema {
  static let hinfo = RecordSchema(.hinfo, "HINFO", [.string, .string])
}

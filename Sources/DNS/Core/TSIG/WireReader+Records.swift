import WireKit

extension WireReader {
  /// Goes to a message's first record, past the header and the questions, wherever the reader stood.
  ///
  /// - Returns: how many records follow in all, and how many of them, the last ones, are additional.
  mutating func seekToRecords() throws(WireError) -> (records: Int, additionals: UInt16) {
    try seek(to: 4, "header")
    let questions = try readUInt16("QDCOUNT")
    let others = Int(try readUInt16("ANCOUNT")) + Int(try readUInt16("NSCOUNT"))
    let additionals = try readUInt16("ARCOUNT")
    for _ in 0..<questions {
      _ = try Name(from: &self)
      try skip(4, "question")
    }
    return (others + Int(additionals), additionals)
  }
}

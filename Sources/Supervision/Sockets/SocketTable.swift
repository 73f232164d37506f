import WireKit

/// The kernel's tables of sockets: `/proc/net/tcp` and its kin (proc(5)).
///
/// ```
///   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
///    0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41523 1 …
/// ```
enum SocketTable {
  struct Row: Hashable {
    var local: Endpoint
    /// TCP_LISTEN is 10; a bound UDP socket has 7.
    var state: UInt8
    var inode: UInt64

    /// Whether this socket keeps another one from binding `endpoint`: the same port, and the same address or one of the
    /// two for all addresses.
    func isInTheWay(of endpoint: Endpoint) -> Bool {
      guard state == 10 || state == 7, local.port == endpoint.port else { return false }
      let (ours, theirs) = (endpoint.address.unmapped, local.address.unmapped)
      return ours == theirs || ours.isUnspecified || theirs.isUnspecified
    }
  }

  /// The rows of a table; lines of any other form are passed over.
  static func rows(_ bytes: [UInt8]) -> [Row] {
    bytes.split(separator: 0x0A).compactMap { line in
      let fields = line.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
      guard fields.count >= 10, let local = endpoint(fields[1]), let state = UInt8(fields[3], radix: 16),
        let inode = UInt64(fields[9]), inode != 0
      else { return nil }
      return Row(local: local, state: state, inode: inode)
    }
  }

  /// `0100007F:1F90`: words of the address in the machine's byte order, the port as a plain number.
  private static func endpoint(_ text: String) -> Endpoint? {
    let parts = text.split(separator: ":")
    guard parts.count == 2, let port = UInt16(parts[1], radix: 16) else { return nil }
    var digits = parts[0]
    var octets: [UInt8] = []
    while digits.utf8.count >= 8 {
      guard let word = UInt32(digits.prefix(8), radix: 16) else { return nil }
      withUnsafeBytes(of: word) { octets.append(contentsOf: $0) }
      digits = digits.dropFirst(8)
    }
    guard digits.isEmpty, let address = IPAddress(octets: octets) else { return nil }
    return Endpoint(address, port)
  }
}
